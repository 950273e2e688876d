#ifndef ENGINE_WENT_H
#define ENGINE_WENT_H

/* How a step, or a part of one, went. */
enum went {
    WENT_ON,     /* done: the next step */
    WENT_FAILED, /* actor_fail has been told */
    WENT_WAIT,
    WENT_END, /* the actor has done its steps */
};

#endif
