#include "util/shell.h"

#include <string.h>

#include "util/text.h"

static bool is_bare(struct slice word)
{
    for (size_t i = 0; i < word.n; i++) {
        const char c = word.p[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !(c && strchr("_./:,@%+=-", c))) return false;
    }
    /* zsh reads =NAME as the path of a program. */
    return word.n > 0 && word.p[0] != '=';
}

/* True if the word can stand in quotes as it is. */
static bool is_plain(struct slice word)
{
    struct buf safe = BUF_INIT(word.n);
    text_safe(word, &safe);
    const bool same = !safe.overflow && slice_eq(buf_slice(&safe), word);
    buf_done(&safe);
    return same && !(word.n && (memchr(word.p, '\n', word.n) || memchr(word.p, '\t', word.n)));
}

static void put_single(struct slice word, struct buf *out)
{
    buf_addc(out, '\'');
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] == '\'')
            buf_adds(out, "'\\''");
        else
            buf_addc(out, word.p[i]);
    }
    buf_addc(out, '\'');
}

/* Octal, since a shell may take more than two hexadecimal digits. */
static void put_dollar(struct slice word, struct buf *out)
{
    buf_adds(out, "$'");
    for (size_t i = 0; i < word.n; i++) {
        const unsigned char c = (unsigned char)word.p[i];
        if (c < 0x20 || c > 0x7e || c == '\'' || c == '\\')
            buf_printf(out, "\\%03o", c);
        else
            buf_addc(out, word.p[i]);
    }
    buf_addc(out, '\'');
}

void shell_quote(struct slice word, struct buf *out)
{
    if (is_bare(word))
        buf_add(out, word);
    else if (is_plain(word))
        put_single(word, out);
    else
        put_dollar(word, out);
}
