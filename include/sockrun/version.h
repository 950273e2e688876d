#ifndef SOCKRUN_VERSION_H
#define SOCKRUN_VERSION_H

#define SOCKRUN_VERSION "0.1.0"
/* Of this version, for its manual pages. */
#define SOCKRUN_DATE "2026-11-23"
/* The format of scenario files (`sockrun: 1`) and of the event stream (`"stream":1`). */
#define SOCKRUN_FORMAT 1
#define SOCKRUN_STREAM 1

#endif
