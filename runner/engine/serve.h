#ifndef ENGINE_SERVE_H
#define ENGINE_SERVE_H

struct actor;

/* `serve`: every connection that a listening actor accepts gets a copy of it, which runs the steps on its own. */
void serve_start(struct actor *a);

#endif
