#include "sqlite_kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUM "SELECT (SELECT sum(v) FROM a) + (SELECT sum(v) FROM b)"

enum { BUSY_MS = 20000 };

/* A test cannot go on: say where. */
static void
must(int ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "sqlite_kit: %s\n", what);
	abort();
}

/* --- files */

void
kit_dir(char out[KIT_PATH])
{
	/* Every transaction syncs: memory where there is some. */
	bool shm = access("/dev/shm", W_OK | X_OK) == 0;

	(void)snprintf(out, KIT_PATH, "%s/pbtest-XXXXXX",
	    shm ? "/dev/shm" : "/tmp");
	must(mkdtemp(out) != NULL, "mkdtemp");
}

char *
kit_path(char out[KIT_PATH], const char *dir, const char *name)
{
	int n = snprintf(out, KIT_PATH, "%s/%s", dir, name);

	must(n > 0 && n < KIT_PATH, "path");
	return out;
}

static bool
is_dots(const char *s)
{
	return strcmp(s, ".") == 0 || strcmp(s, "..") == 0;
}

void
kit_remove(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char p[KIT_PATH];

	must(d != NULL, "opendir");
	while ((e = readdir(d)))
		if (!is_dots(e->d_name) && unlink(kit_path(p, dir, e->d_name)))
			kit_remove(p);
	(void)closedir(d);
	must(rmdir(dir) == 0, "rmdir");
}

int
kit_count(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	must(d != NULL, "opendir");
	while ((e = readdir(d)))
		n += !is_dots(e->d_name);
	(void)closedir(d);
	return n;
}

bool
kit_find(const char *dir, const char *prefix, char out[KIT_PATH])
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool found = false;

	must(d != NULL, "opendir");
	while (!found && (e = readdir(d)))
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0) {
			(void)kit_path(out, dir, e->d_name);
			found = true;
		}
	(void)closedir(d);
	return found;
}

uint8_t *
kit_read(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *p;

	must(f && fstat(fileno(f), &st) == 0, "open");
	*len = (size_t)st.st_size;
	p = malloc(*len + 1);
	must(p && fread(p, 1, *len, f) == *len, "read");
	(void)fclose(f);
	return p;
}

void
kit_write(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	must(f && fwrite(p, 1, n, f) == n && fclose(f) == 0, "write");
}

bool
kit_same(const char *path, const uint8_t *p, size_t n)
{
	size_t len;
	uint8_t *have = kit_read(path, &len);
	bool same = len == n && memcmp(have, p, n) == 0;

	free(have);
	return same;
}

bool
kit_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* --- databases */

static sqlite3 *
db_open(const char *path)
{
	sqlite3 *c = NULL;

	must(sqlite3_open(path, &c) == SQLITE_OK, "open database");
	(void)sqlite3_busy_timeout(c, BUSY_MS);
	return c;
}

static void
sql_on(sqlite3 *c, const char *sql)
{
	char *msg = NULL;

	if (sqlite3_exec(c, sql, NULL, NULL, &msg) != SQLITE_OK)
		must(0, msg ? msg : sql);
}

void
kit_sql(const char *path, const char *sql)
{
	sqlite3 *c = db_open(path);

	sql_on(c, sql);
	(void)sqlite3_close(c);
}

static long long
number_on(sqlite3 *c, const char *sql)
{
	sqlite3_stmt *s = NULL;
	long long n = -1;

	if (sqlite3_prepare_v2(c, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s);
	return n;
}

static int
backwards(void *ctx, int n, const void *a, int m, const void *b)
{
	int order = memcmp(b, a, (size_t)(n < m ? n : m));

	(void)ctx;
	return order ? order : m - n;
}

void
kit_foreign(const char *path)
{
	sqlite3 *conn = NULL;

	must(sqlite3_open(path, &conn) == SQLITE_OK, "open");
	must(sqlite3_create_collation(conn, "backwards", SQLITE_UTF8, NULL,
	         backwards) == SQLITE_OK,
	    "collation");
	must(sqlite3_exec(conn,
	         "CREATE TABLE f(x TEXT COLLATE backwards);"
	         "CREATE INDEX fi ON f(x);"
	         "INSERT INTO f VALUES ('a'), ('b'), ('aa'), ('')",
	         NULL, NULL, NULL) == SQLITE_OK,
	    "rows");
	must(sqlite3_close(conn) == SQLITE_OK, "close");
}

long long
kit_number(const char *path, const char *sql)
{
	sqlite3 *c = db_open(path);
	long long n = number_on(c, sql);

	(void)sqlite3_close(c);
	return n;
}

long long
kit_sum(const char *path)
{
	sqlite3 *c = db_open(path);
	long long sum = -1;

	if (number_on(c, "SELECT quick_check = 'ok' FROM pragma_quick_check") ==
	    1)
		sum = number_on(c, SUM);
	(void)sqlite3_close(c);
	return sum;
}

void
kit_make(const char *path, struct kit_db k)
{
	char sql[1024];

	(void)snprintf(sql, sizeof sql,
	    "PRAGMA page_size=%d; PRAGMA synchronous=OFF; "
	    "PRAGMA journal_mode=%s; BEGIN;"
	    "CREATE TABLE a(id INTEGER PRIMARY KEY, v INT, pad BLOB);"
	    "CREATE TABLE b(id INTEGER PRIMARY KEY, v INT, pad BLOB);"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
	    " WHERE i < %d) INSERT INTO a SELECT i, 0, zeroblob(%d) FROM n;"
	    "INSERT INTO b SELECT * FROM a; "
	    "UPDATE a SET v = %d WHERE id = 1;"
	    "COMMIT;",
	    k.page_size ? k.page_size : 4096, k.wal ? "WAL" : "DELETE",
	    k.rows ? k.rows : 100, k.pad ? k.pad : 50, KIT_SUM);
	kit_sql(path, sql);
}

/* --- processes */

struct kit_shared {
	atomic_bool ready, stop, failed;
	atomic_long done, asked, answered;
	atomic_llong sum;
};

static void
nap(void)
{
	(void)usleep(500);
}

static void
move_once(sqlite3 *c, long i, struct kit_shared *s)
{
	char sql[256];

	/* The amount differs, so that each transaction changes pages. */
	(void)snprintf(sql, sizeof sql,
	    "BEGIN IMMEDIATE; UPDATE a SET v = v - %ld WHERE id = %ld;"
	    "UPDATE b SET v = v + %ld WHERE id = %ld; COMMIT",
	    i % 7 + 1, i % 50 + 1, i % 7 + 1, i * 31 % 50 + 1);
	if (sqlite3_exec(c, sql, NULL, NULL, NULL) != SQLITE_OK)
		atomic_store(&s->failed, true);
	else
		atomic_fetch_add(&s->done, 1);
}

static void
watch(sqlite3 *c, struct kit_shared *s)
{
	if (atomic_load(&s->asked) == atomic_load(&s->answered))
		return;
	atomic_store(&s->sum, number_on(c, SUM));
	atomic_fetch_add(&s->answered, 1);
}

static void
begin_role(sqlite3 *c, enum kit_role role)
{
	if (role == KIT_WRITES)
		sql_on(c, "PRAGMA synchronous=OFF");
	if (role == KIT_LOCKS)
		sql_on(c, "BEGIN EXCLUSIVE");
	if (role == KIT_READS)
		sql_on(c, "BEGIN");
	(void)number_on(c, SUM);
}

static void
child(const char *path, enum kit_role role, struct kit_shared *s)
{
	sqlite3 *c;

	/* a test that fails does not stop it */
	must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
	c = db_open(path);
	begin_role(c, role);
	if (role == KIT_WRITES)
		move_once(c, 0, s);
	atomic_store(&s->ready, true);
	for (long i = 1; !atomic_load(&s->stop); i++) {
		if (role == KIT_WRITES)
			move_once(c, i, s);
		else
			nap();
		if (role == KIT_WATCHES)
			watch(c, s);
	}
	(void)sqlite3_close(c);
	_exit(0);
}

struct kit_child
kit_start(const char *path, enum kit_role role)
{
	struct kit_child k;

	k.shared = mmap(NULL, sizeof *k.shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(k.shared != MAP_FAILED, "mmap");
	k.pid = fork();
	must(k.pid >= 0, "fork");
	if (k.pid == 0)
		child(path, role, k.shared);
	while (!atomic_load(&k.shared->ready))
		nap();
	return k;
}

long long
kit_ask(struct kit_child *k)
{
	long n = atomic_fetch_add(&k->shared->asked, 1) + 1;

	while (atomic_load(&k->shared->answered) < n)
		nap();
	return atomic_load(&k->shared->sum);
}

long
kit_stop(struct kit_child *k)
{
	int status = 0;
	long done;

	atomic_store(&k->shared->stop, true);
	must(waitpid(k->pid, &status, 0) == k->pid, "waitpid");
	done = atomic_load(&k->shared->done);
	if (status != 0 || atomic_load(&k->shared->failed))
		done = -1;
	(void)munmap(k->shared, sizeof *k->shared);
	return done;
}

void
kit_crash(const char *path)
{
	pid_t pid = fork();
	int status;

	must(pid >= 0, "fork");
	if (pid == 0) {
		sqlite3 *c = db_open(path);

		/* A small cache spills: the database is changed halfway. */
		sql_on(c, "PRAGMA cache_size=5; PRAGMA wal_autocheckpoint=0;");
		sql_on(c,
		    "BEGIN; UPDATE a SET v = v - 5 WHERE id = 1;"
		    "UPDATE b SET v = v + 5 WHERE id = 1; COMMIT;"
		    "BEGIN; UPDATE a SET v = v + 77, pad = zeroblob(60);");
		(void)raise(SIGKILL);
		_exit(1);
	}
	must(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	         WTERMSIG(status) == SIGKILL,
	    "crash");
}

/* --- faults */

static struct {
	long left; /* calls until it happens */
	bool hit;
	enum kit_fault fault;
} faults = { .left = -1 };

static bool
fault_now(void)
{
	if (faults.left < 0 || faults.left-- > 0)
		return false;
	faults.hit = true;
	if (faults.fault == KIT_KILL)
		(void)kill(getpid(), SIGKILL);
	errno = EIO;
	return true;
}

static ssize_t
faulty_pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fault_now() ? -1 : pwrite(fd, p, n, at);
}

static ssize_t
faulty_write(int fd, const void *p, size_t n)
{
	return fault_now() ? -1 : write(fd, p, n);
}

static int
faulty_ftruncate(int fd, off_t n)
{
	return fault_now() ? -1 : ftruncate(fd, n);
}

static int
faulty_fsync(int fd)
{
	return fault_now() ? -1 : fsync(fd);
}

static int
faulty_unlink(const char *path)
{
	return fault_now() ? -1 : unlink(path);
}

void
kit_fault_at(long n, enum kit_fault fault)
{
	static const struct {
		const char *name;
		sqlite3_syscall_ptr fn;
	} calls[] = {
		{ "pwrite", (sqlite3_syscall_ptr)faulty_pwrite },
		{ "pwrite64", (sqlite3_syscall_ptr)faulty_pwrite },
		{ "write", (sqlite3_syscall_ptr)faulty_write },
		{ "ftruncate", (sqlite3_syscall_ptr)faulty_ftruncate },
		{ "fsync", (sqlite3_syscall_ptr)faulty_fsync },
		{ "unlink", (sqlite3_syscall_ptr)faulty_unlink },
	};
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	faults.left = n;
	faults.hit = faults.hit && n < 0;
	faults.fault = fault;
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		(void)vfs->xSetSystemCall(vfs, calls[i].name,
		    n < 0 ? NULL : calls[i].fn);
}

bool
kit_fault_hit(void)
{
	return faults.hit;
}

/* --- SQLite's memory */

static struct {
	sqlite3_mem_methods real;
	bool known;
	long seen, at;
} memory = { .at = -1 };

static void *
nomem_malloc(int n)
{
	return memory.seen++ == memory.at ? NULL : memory.real.xMalloc(n);
}

static void *
nomem_realloc(void *p, int n)
{
	return memory.seen++ == memory.at ? NULL : memory.real.xRealloc(p, n);
}

long
kit_nomem_at(long n)
{
	sqlite3_mem_methods m;
	long seen = memory.seen;

	must(sqlite3_shutdown() == SQLITE_OK, "sqlite3_shutdown");
	if (!memory.known)
		must(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real) ==
		         SQLITE_OK,
		    "sqlite3_config");
	memory.known = true;
	m = memory.real;
	if (n >= 0) {
		m.xMalloc = nomem_malloc;
		m.xRealloc = nomem_realloc;
	}
	must(sqlite3_config(SQLITE_CONFIG_MALLOC, &m) == SQLITE_OK,
	    "sqlite3_config");
	memory.at = -1;
	must(sqlite3_initialize() == SQLITE_OK, "sqlite3_initialize");
	memory.seen = 0;
	memory.at = n;
	return seen;
}
