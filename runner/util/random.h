#ifndef UTIL_RANDOM_H
#define UTIL_RANDOM_H

/* Numbers that look random and are the same on every machine. Any of them can be had without those before it. */

#include <stdint.h>

/* splitmix64 (Steele, Lea, Flood 2014) over the index of the word. */
static inline uint64_t random_word(uint64_t seed, uint64_t index)
{
    uint64_t z = seed + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* From 0 to just below 1. */
static inline double random_share(uint64_t word)
{
    return (double)(word >> 11) * 0x1p-53;
}

#endif
