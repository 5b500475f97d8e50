/*
 * sparse.h - for tests that try many places, under tools with which a program
 * takes fifty times as long: the environment's SPARSE is how many of them one
 * that is tried stands for.
 */
#ifndef LIB_SPARSE_H
#define LIB_SPARSE_H
#include <stdbool.h>
/* Every place is tried: there is no SPARSE. */
bool sparse_not(void);
/* The place to be tried after n. */
long sparse_next(long n);
#endif
