/*
 * wsd.h - a scripted WebSocket server on a thread of its own: each connection
 * gets the same script, or the next.  As httpd.h it allocates nothing while it
 * runs.
 */
#ifndef LIB_WSD_H
#define LIB_WSD_H

#include <stddef.h>

enum wsd_op {
	WSD_END,   /* of the script: the connection ends */
	WSD_TEXT,  /* a message, as one frame */
	WSD_PARTS, /* the same in two frames, with a ping in between */
	WSD_RAW,   /* bytes as they are */
	WSD_WANT,  /* wait for a message of exactly these bytes */
	WSD_CLOSE, /* a close with code 1000 and these words */
	WSD_LEAVE, /* nothing more; it stays open, and the next is served */
	WSD_HOLD   /* nothing more; the connection is kept */
};

struct wsd_step {
	enum wsd_op op;
	const char *bytes;
	size_t n;
};

struct wsd_script {
	const char *protocol; /* chosen; NULL: none */
	const char *accept;   /* sent instead of the right one */
	const struct wsd_step *step;
	size_t cut;         /* after so many bytes in all; 0: never */
	const char *target; /* this is part of the request's line; NULL: any */
	const char *answer; /* to a plain request, instead of all of it */
	const struct wsd_script *next; /* NULL: the same again */
};

struct wsd;

/* The script is the caller's while it runs. */
struct wsd *wsd_start(const struct wsd_script *);
const char *wsd_url(const struct wsd *);
/* Join the thread; call before what follows. */
void wsd_stop(struct wsd *);
/* "" where every request and every WSD_WANT came. */
const char *wsd_complaint(const struct wsd *);
const char *wsd_head(const struct wsd *); /* of the last request */
unsigned wsd_connections(const struct wsd *);
size_t wsd_sent(const struct wsd *); /* bytes, on the last connection */
void wsd_free(struct wsd *);

static inline void
scope_wsd(struct wsd **w)
{
	wsd_free(*w);
}

#endif
