/*
 * sqlite_kit.h - databases, and processes that use them, for tests.
 *
 * Every database has tables a and b; each transaction moves an amount from one
 * to the other, so that the sum of both is KIT_SUM in any state that a
 * transaction left.
 */
#ifndef LIB_SQLITE_KIT_H
#define LIB_SQLITE_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { KIT_SUM = 1000000, KIT_PATH = 512 };

/* A new folder; its name goes to out. */
void kit_dir(char out[KIT_PATH]);
void kit_remove(const char *dir);
/* out: dir/name */
char *kit_path(char out[KIT_PATH], const char *dir, const char *name);
/* How many names a folder has. */
int kit_count(const char *dir);
/* The first name that begins so; false: none. */
bool kit_find(const char *dir, const char *prefix, char out[KIT_PATH]);

struct kit_db {
	int page_size, rows, pad; /* pad: bytes of each row */
	bool wal;
};

void kit_make(const char *path, struct kit_db);
void kit_sql(const char *path, const char *sql);
/* A table f with an index in an order that only this call knows. */
void kit_foreign(const char *path);
/* First column of the first row. */
long long kit_number(const char *path, const char *sql);
/* -1: quick_check or the sum is wrong. */
long long kit_sum(const char *path);

uint8_t *kit_read(const char *path, size_t *len);
void kit_write(const char *path, const void *, size_t);
bool kit_same(const char *path, const uint8_t *, size_t);
bool kit_there(const char *path);

/* A process of its own. */
struct kit_child {
	pid_t pid;
	struct kit_shared *shared;
};

enum kit_role {
	KIT_WRITES, /* transactions without a pause */
	KIT_LOCKS,  /* holds an exclusive lock */
	KIT_READS,  /* holds a read transaction */
	KIT_WATCHES /* keeps it open; answers kit_ask */
};

/* Returns when it has begun. */
struct kit_child kit_start(const char *path, enum kit_role);
/* sum of a and b, as the watching process sees it with its old connection */
long long kit_ask(struct kit_child *);
/* Ends it; returns how many transactions it made.  -1: it met an error. */
long kit_stop(struct kit_child *);

/*
 * Leave what a process leaves that is killed within a transaction: a hot
 * journal, or a WAL with committed transactions.
 */
void kit_crash(const char *path);

enum kit_fault {
	KIT_KILL, /* SIGKILL to this process */
	KIT_EIO   /* it fails, once */
};

/*
 * What happens at the n-th call by which SQLite changes files in this process
 * (write, truncate, fsync, unlink); -1: nothing any more.
 */
void kit_fault_at(long n, enum kit_fault);
/* It happened. */
bool kit_fault_hit(void);

/*
 * SQLite's n-th allocation fails; -1: none.  No connection may be open.
 * Returns how many there were since the last call.
 */
long kit_nomem_at(long n);

#endif
