/*
 * store_fault.h - a store in front of another, in which the n-th operation
 * goes wrong.  Operations: open, put, each write and finish of a put, get,
 * stat, list, remove, sweep, room, in the order in which they happen.
 *
 * Let n go up from 0 until nothing was hit: then each has failed once.
 */
#ifndef LIB_STORE_FAULT_H
#define LIB_STORE_FAULT_H

#include <stdatomic.h>

#include "store/store.h"

enum fault_kind {
	FAULT_FAIL,    /* nothing is done, and an error told */
	FAULT_LATE,    /* done, yet an error told: a lost answer */
	FAULT_SHORT,   /* write, get: half of the bytes, no error told */
	FAULT_CORRUPT, /* write, get: one bit is another, no error told */
};
/* FAULT_SHORT and FAULT_CORRUPT are FAULT_FAIL for what carries no bytes. */

struct store_fault {
	long at; /* which operation, from 0; -1: none */
	enum fault_kind kind;
	enum err_code code; /* of the error, whose text is "injected" */
	bool from;          /* all operations from that one on */
	/* results */
	atomic_long seen; /* operations so far */
	atomic_long hits; /* of which went wrong */
};

/* st is owned from here on; the plan is borrowed. */
int store_fault_new(struct store *st, struct store_fault *, struct store **,
    struct err *);

#endif
