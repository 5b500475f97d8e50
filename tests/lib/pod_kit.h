/*
 * pod_kit.h - a scripted pod "p" with the file /data/m.db, which the charm's
 * container sees as well, and the component that is configured to be there.
 */
#ifndef LIB_POD_KIT_H
#define LIB_POD_KIT_H

#include "config/config.h"
#include "kube_kit.h"
#include "wsd.h"

enum { POD_KIT_RUNS = 12, POD_KIT_PRINTS = 4, POD_KIT_TEXT = 4096 };

/* A program that is run in the pod. */
struct pod_run {
	const char *target;             /* as wsd.h has it */
	const char *reads, *reads_more; /* as two messages; NULL: nothing */
	bool open;                      /* it reads no end of its input */
	bool waits; /* for it, until the last of all has run */
	const char *prints[POD_KIT_PRINTS]; /* in so many messages */
	const char *complains;
	const char *status;  /* that it exits with; NULL: 0 */
	const char *refused; /* it is not run, for this reason */
};

struct pod_kit {
	struct kube_kit kube;
	struct kube_options options;
	struct config_component cfg;
	struct wsd *d;
	struct wsd_script script[POD_KIT_RUNS];
	struct wsd_step step[POD_KIT_RUNS][POD_KIT_PRINTS + 6];
	char text[POD_KIT_TEXT]; /* of the steps */
	size_t used;
	char helper[4096]; /* its file; "": none was made */
};

/* These are run, in turn; the array ends with a target of NULL. */
void pod_kit_begin(struct pod_kit *, const struct pod_run *);
/* The helper for that machine, "x86_64" or "aarch64", beside the test program:
 * test programs that may run at the same time have a machine each. */
void pod_kit_put_helper(struct pod_kit *, const char *machine);
/* Both; before these the pod tells its machine and takes the helper. */
void pod_kit_begin_with_helper(struct pod_kit *, const char *machine,
    const struct pod_run *);
/* Fails the test unless all was asked for in this order. */
void pod_kit_check(struct pod_kit *);
void pod_kit_end(struct pod_kit *);

static inline void
scope_pod_kit(struct pod_kit *k)
{
	pod_kit_end(k);
}

/* What is sent, and how that and its removal go well. */
#define POD_KIT_HELPER "helper"
#define POD_KIT_SENT                                           \
	{                                                      \
		.target = "container=main&command=sh",         \
		.reads = POD_KIT_HELPER, .waits = true,        \
		.prints = { "ok platform-backup-sqlite 1\n" }, \
	}
#define POD_KIT_REMOVED                           \
	{                                         \
		.target = "command=rm&command=-f" \
	}

#endif
