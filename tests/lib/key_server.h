/*
 * key_server.h - an S3 server that lists the keys of a table to any number of
 * connections.  Nothing is allocated while it runs.
 */
#ifndef LIB_KEY_SERVER_H
#define LIB_KEY_SERVER_H

#include <stdatomic.h>
#include <stddef.h>

struct key_server_options {
	const char *const *key; /* in order; letters, digits, '/' and '-' */
	size_t count;
	size_t page;    /* keys, 1000 at most */
	unsigned us;    /* that a page takes */
	size_t fail_at; /* access to this key and those behind it is denied;
	                   count: to none */
};

struct key_server;

/* Keys and options are the caller's while it runs. */
struct key_server *key_server_start(const struct key_server_options *);
const char *key_server_url(const struct key_server *);
/* Requests that were answered; of these, such as begin a range. */
unsigned key_server_lists(const struct key_server *);
unsigned key_server_ranges(const struct key_server *);
void key_server_stop(struct key_server *);

#endif
