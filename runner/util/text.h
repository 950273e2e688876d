#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

/* Bytes as text and text as bytes: hex, base64, and forms that are safe to print on a terminal. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/slice.h"

/* Appends the bytes of hex digits; white space between bytes and a leading 0x are allowed. NULL, or what is wrong as a
 * phrase, with the offset of the first bad character in *ret_at. */
const char *text_unhex(struct slice hex, struct buf *out, size_t *ret_at);
/* Appends lower-case digits, `sep` between bytes ("" for none). */
void text_hex(struct slice bytes, const char *sep, struct buf *out);
/* RFC 4648 4, white space ignored, padding required. Same errors as text_unhex. */
const char *text_unbase64(struct slice text, struct buf *out, size_t *ret_at);
void text_base64(struct slice bytes, struct buf *out);
/* Appends the bytes in double quotes, as YAML and C would read them: \r \n \t \" \\ \0 and \xNN for what is not
 * printable ASCII. Valid UTF-8 of printable characters stays. At most `most` bytes are shown; if there
 * are more, "... (N bytes)" follows, where N counts all. */
void text_quote(struct slice bytes, size_t most, struct buf *out);
/* Appends text for a terminal: C0 and C1 controls, DEL, bidirectional marks and bytes that are no UTF-8 become \xNN;
 * tab and newline stay. */
void text_safe(struct slice bytes, struct buf *out);
/* The length of the valid UTF-8 sequence at the start of s (RFC 3629 4), 0 if there is none; the character in *ret_c if
 * that is not NULL. */
size_t text_utf8(struct slice s, uint32_t *ret_c);
/* How many characters (code points; a byte that is no UTF-8 counts as one) there are. */
size_t text_width(struct slice s);
/* Appends the character in UTF-8. */
void text_put_utf8(uint32_t c, struct buf *out);

#endif
