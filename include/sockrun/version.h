#ifndef SOCKRUN_VERSION_H
#define SOCKRUN_VERSION_H

#define SOCKRUN_VERSION "0.1.0"
/* The format of scenario files (`sockrun: 1`) and of the event stream (`"stream":1`). */
#define SOCKRUN_FORMAT 1
#define SOCKRUN_STREAM 1

#endif
