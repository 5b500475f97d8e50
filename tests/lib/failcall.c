#include "failcall.h"

#include <assert.h>
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <yaml.h>
#include <zstd.h>

#include "failalloc.h"

enum { RULES = 1 << 20 };

/* Shared with children, so that what struck there is known here. */
struct rule {
	char name[40];
	unsigned at;
	int result;
	bool from;
	atomic_uint seen, struck;
};

/*
 * Those in force are [first, end), both in one number: a server of a test
 * looks as well, at any moment.  For the same reason none is written again,
 * once it was in force; memory is taken where it is touched.
 */
static struct rule *rules;
static _Atomic uint64_t in_force;

static unsigned
first_of(uint64_t both)
{
	return (unsigned)(both >> 32);
}

static unsigned
end_of(uint64_t both)
{
	return (unsigned)both;
}

static void
add(const char *name, unsigned at, int result, bool from)
{
	uint64_t both = atomic_load(&in_force);
	struct rule *r;

	if (!rules)
		rules =
		    mmap(NULL, RULES * sizeof *rules, PROT_READ | PROT_WRITE,
		        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert(rules != MAP_FAILED && end_of(both) < RULES);
	r = &rules[end_of(both)];
	assert(strlen(name) < sizeof r->name);
	memcpy(r->name, name, strlen(name));
	r->at = at;
	r->result = result;
	r->from = from;
	atomic_store(&in_force, both + 1);
}

void
failcall_at(const char *name, unsigned n, int result)
{
	add(name, n, result, false);
}

void
failcall_from(const char *name, unsigned n, int result)
{
	add(name, n, result, true);
}

bool
failcall_end(void)
{
	uint64_t both = atomic_load(&in_force);
	unsigned end = end_of(both);
	bool all = true;

	atomic_store(&in_force, (uint64_t)end << 32 | end);
	for (unsigned i = first_of(both); i < end; i++)
		all = atomic_load(&rules[i].struck) > 0 && all;
	return all;
}

int
failcall_result(const char *name)
{
	uint64_t both = atomic_load(&in_force);
	int result = 0;

	for (unsigned i = first_of(both); i < end_of(both); i++) {
		struct rule *r = &rules[i];
		unsigned n;

		if (strcmp(r->name, name) != 0)
			continue;
		n = atomic_fetch_add(&r->seen, 1);
		if (n == r->at || (r->from && n > r->at)) {
			atomic_fetch_add(&r->struck, 1);
			result = r->result;
		}
	}
	if (result)
		errno = result;
	return result;
}

/* The linker looks for them where a library makes the same call. */
#pragma GCC visibility push(default)

/* r is the result of a call that goes wrong, failure what it returns. */
#define FAILS(type, name, params, args, failure)           \
	type __real_##name params;                         \
	type __wrap_##name params;                         \
	type __wrap_##name params                          \
	{                                                  \
		int r = failcall_result(#name);            \
                                                           \
		return r ? (failure) : __real_##name args; \
	}

/* --- the system */

FAILS(int, pipe2, (int fd[2], int flags), (fd, flags), -1)
FAILS(int, memfd_create, (const char *s, unsigned flags), (s, flags), -1)
FAILS(int, pidfd_open, (pid_t pid, unsigned flags), (pid, flags), -1)
FAILS(pid_t, fork, (void), (), -1)
FAILS(int, dup2, (int a, int b), (a, b), -1)
FAILS(int, close_range, (unsigned a, unsigned b, int flags), (a, b, flags), -1)
FAILS(pid_t, getppid, (void), (), 1)
FAILS(int, poll, (struct pollfd * p, nfds_t n, int ms), (p, n, ms), -1)
FAILS(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1)
FAILS(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), -1)
FAILS(ssize_t, pread64, (int fd, void *p, size_t n, off_t o), (fd, p, n, o), -1)
FAILS(int, fsync, (int fd), (fd), -1)
FAILS(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
FAILS(int, fchown, (int fd, uid_t u, gid_t g), (fd, u, g), -1)
FAILS(int, access, (const char *s, int mode), (s, mode), -1)
FAILS(int, stat64, (const char *s, struct stat *sb), (s, sb), -1)
FAILS(int, rename, (const char *s, const char *t), (s, t), -1)
FAILS(int, link, (const char *s, const char *t), (s, t), -1)
FAILS(char *, mkdtemp, (char *s), (s), NULL)
FAILS(DIR *, opendir, (const char *s), (s), NULL)
FAILS(int, fstat64, (int fd, struct stat *sb), (fd, sb), -1)
FAILS(int, fstatat64, (int fd, const char *s, struct stat *sb, int flags),
    (fd, s, sb, flags), -1)
FAILS(int, statvfs64, (const char *s, struct statvfs *v), (s, v), -1)
FAILS(int, mkostemp64, (char *s, int flags), (s, flags), -1)
FAILS(int, mkdirat, (int fd, const char *s, mode_t mode), (fd, s, mode), -1)
FAILS(int, linkat, (int a, const char *s, int b, const char *t, int flags),
    (a, s, b, t, flags), -1)
FAILS(int, renameat, (int a, const char *s, int b, const char *t), (a, s, b, t),
    -1)
FAILS(int, renameat2, (int a, const char *s, int b, const char *t, unsigned n),
    (a, s, b, t, n), -1)
FAILS(int, unlinkat, (int fd, const char *s, int flags), (fd, s, flags), -1)
FAILS(DIR *, fdopendir, (int fd), (fd), NULL)
FAILS(struct dirent *, readdir64, (DIR * d), (d), NULL)
FAILS(ssize_t, getrandom, (void *p, size_t n, unsigned flags), (p, n, flags),
    -1)
FAILS(char *, strndup, (const char *s, size_t n), (s, n), NULL)
FAILS(int, pthread_create,
    (pthread_t * t, const pthread_attr_t *a, void *(*fn)(void *), void *arg),
    (t, a, fn, arg), r)

/* What follows these, or nothing, comes in a register like any other. */
FAILS(int, fcntl64, (int fd, int cmd, void *more), (fd, cmd, more), -1)
FAILS(int, open64, (const char *s, int flags, void *more), (s, flags, more), -1)
FAILS(int, openat64, (int fd, const char *s, int flags, void *more),
    (fd, s, flags, more), -1)
FAILS(int, prctl, (int option, void *more), (option, more), -1)

/* Closed all the same, as Linux does. */
int __real_close(int);
int __wrap_close(int);
int
__wrap_close(int fd)
{
	int result = failcall_result("close");
	int rc = __real_close(fd);

	errno = result ? result : errno;
	return result ? -1 : rc;
}

/* Where fortified, and the length is not known before. */
ssize_t __real___pread64_chk(int, void *, size_t, off_t, size_t);
ssize_t __wrap___pread64_chk(int, void *, size_t, off_t, size_t);
ssize_t
__wrap___pread64_chk(int fd, void *p, size_t n, off_t at, size_t size)
{
	return failcall_result("pread64")
	           ? -1
	           : __real___pread64_chk(fd, p, n, at, size);
}

/* --- OpenSSL: 1 is success */

FAILS(int, RAND_bytes, (unsigned char *p, int n), (p, n), 0)
FAILS(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL)
FAILS(int, EVP_DigestInit_ex, (EVP_MD_CTX * c, const EVP_MD *m, ENGINE *e),
    (c, m, e), 0)
FAILS(int, EVP_DigestUpdate, (EVP_MD_CTX * c, const void *p, size_t n),
    (c, p, n), 0)
FAILS(int, EVP_DigestFinal_ex, (EVP_MD_CTX * c, unsigned char *p, unsigned *n),
    (c, p, n), 0)
FAILS(int, EVP_Digest,
    (const void *p, size_t n, unsigned char *to, unsigned *size,
        const EVP_MD *m, ENGINE *e),
    (p, n, to, size, m, e), 0)
FAILS(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), (), NULL)
FAILS(int, EVP_CipherInit_ex,
    (EVP_CIPHER_CTX * c, const EVP_CIPHER *k, ENGINE *e,
        const unsigned char *key, const unsigned char *iv, int enc),
    (c, k, e, key, iv, enc), 0)
FAILS(int, EVP_EncryptUpdate,
    (EVP_CIPHER_CTX * c, unsigned char *to, int *size, const unsigned char *p,
        int n),
    (c, to, size, p, n), 0)
FAILS(int, EVP_DecryptUpdate,
    (EVP_CIPHER_CTX * c, unsigned char *to, int *size, const unsigned char *p,
        int n),
    (c, to, size, p, n), 0)
FAILS(EVP_PKEY *, EVP_PKEY_new_raw_private_key,
    (int type, ENGINE *e, const unsigned char *p, size_t n), (type, e, p, n),
    NULL)
FAILS(EVP_PKEY *, EVP_PKEY_new_raw_public_key,
    (int type, ENGINE *e, const unsigned char *p, size_t n), (type, e, p, n),
    NULL)

/* --- zstd: sizes, of which the largest are errors */

FAILS(size_t, ZSTD_CCtx_setParameter, (ZSTD_CCtx * c, ZSTD_cParameter p, int v),
    (c, p, v), (size_t)-r)
FAILS(size_t, ZSTD_DCtx_setParameter, (ZSTD_DCtx * c, ZSTD_dParameter p, int v),
    (c, p, v), (size_t)-r)
FAILS(size_t, ZSTD_compress2,
    (ZSTD_CCtx * c, void *to, size_t size, const void *p, size_t n),
    (c, to, size, p, n), (size_t)-r)
FAILS(size_t, ZSTD_decompress, (void *to, size_t size, const void *p, size_t n),
    (to, size, p, n), (size_t)-r)
FAILS(size_t, ZSTD_decompressStream,
    (ZSTD_DStream * c, ZSTD_outBuffer *to, ZSTD_inBuffer *in), (c, to, in),
    (size_t)-r)

/* --- SQLite: what the system said as well */

FAILS(int, sqlite3_step, (sqlite3_stmt * s), (s), r)
FAILS(int, sqlite3_system_errno, (sqlite3 * db), (db), r)

/* --- libcurl, libyaml */

FAILS(CURLcode, curl_global_init, (long flags), (flags), (CURLcode)r)
FAILS(CURLcode, curl_easy_perform, (CURL * c), (c), (CURLcode)r)
FAILS(CURL *, curl_easy_init, (void), (), NULL)
FAILS(int, yaml_parser_initialize, (yaml_parser_t * p), (p), 0)
FAILS(int, yaml_parser_parse, (yaml_parser_t * p, yaml_event_t *e), (p, e),
    (p->error = (yaml_error_type_t)r, 0))
FAILS(int, yaml_emitter_initialize, (yaml_emitter_t * p), (p), 0)
FAILS(int, yaml_emitter_emit, (yaml_emitter_t * p, yaml_event_t *e), (p, e),
    (yaml_event_delete(e), 0))

/*
 * A child that becomes another program, or ends in a hurry, leaves no figures
 * of what it did before unless it is told to.
 */
#ifdef COVERAGE
void __gcov_dump(void);
void __gcov_reset(void);

static void
leave_figures(void)
{
	(void)failcall_end();
	failalloc_at(-1);
	__gcov_dump();
	__gcov_reset();
}
#else
static void
leave_figures(void)
{
}
#endif

int __real_execvpe(const char *, char *const[], char *const[]);
int __wrap_execvpe(const char *, char *const[], char *const[]);
int
__wrap_execvpe(const char *s, char *const argv[], char *const env[])
{
	leave_figures();
	return __real_execvpe(s, argv, env);
}

_Noreturn void __real__exit(int);
_Noreturn void __wrap__exit(int);
_Noreturn void
__wrap__exit(int status)
{
	leave_figures();
	__real__exit(status);
}
