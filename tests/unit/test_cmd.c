/* The command line as a whole: words in, lines and an exit status out. */
#include "cmd/cmd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/age_kit.h"
#include "../lib/failalloc.h"
#include "../lib/s3_kit.h"
#include "../lib/sparse.h"
#include "../lib/sqlite_kit.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

enum { TEXT_MAX = 1 << 20, LINE_MAX_ = 512, WORDS = 16, MOST = 20000 };

/* A database, a configuration that names it, and what a run said. */
struct bench {
	char dir[KIT_PATH], file[KIT_PATH];
	char out_path[KIT_PATH], err_path[KIT_PATH];
	const char *out_to; /* NULL: a file that is read into out */
	struct buf out, err;
	int files;   /* in dir */
	char id[32]; /* of the set that create made */
	long most;   /* allocations of a run */
};

static void
deaf(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

/* File descriptor fd goes to a file; what it was. */
static int
redirect(int fd, const char *path)
{
	int was = dup(fd);
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(was >= 0 && to >= 0);
	assert_int_equal(dup2(to, fd), fd);
	(void)close(to);
	return was;
}

static void
back(int fd, int was)
{
	assert_int_equal(dup2(was, fd), fd);
	(void)close(was);
}

static void
read_back(const char *path, struct buf *b)
{
	struct err err = { 0 };

	buf_clear(b);
	assert_int_equal(buf_reserve(b, 1, &err), 0);
	*b->data = '\0';
	assert_int_equal(file_read(path, b, &err), 0);
}

static int
run_words(struct bench *b, int argc, char *argv[], long fail_at)
{
	static const char *const nothing[] = { NULL };
	int out, err, status;

	(void)fflush(stdout);
	out = redirect(STDOUT_FILENO, b->out_to ? b->out_to : b->out_path);
	err = redirect(STDERR_FILENO, b->err_path);
	failalloc_at(fail_at);
	status = cmd_main(argc, argv, nothing);
	if (b->most < failalloc_count()) /* threads come at any time */
		b->most = failalloc_count();
	failalloc_at(-1);
	log_to(deaf, NULL, LOG_ERROR); /* its console is gone */
	back(STDOUT_FILENO, out);
	back(STDERR_FILENO, err);
	read_back(b->err_path, &b->err);
	if (!b->out_to)
		read_back(b->out_path, &b->out);
	return status;
}

/* "show ID --json", where ID stands for the set. */
static int
run_failing(struct bench *b, const char *line, long fail_at)
{
	char copy[LINE_MAX_], *argv[WORDS], *save = NULL;
	char name[] = "platform-backup", c[] = "-c";
	int argc = 0;

	assert_true(strlen(line) < sizeof copy);
	memcpy(copy, line, strlen(line) + 1);
	argv[argc++] = name;
	argv[argc++] = c;
	argv[argc++] = b->file;
	for (char *w = strtok_r(copy, " ", &save); w && argc < WORDS - 1;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(w, "ID") == 0 ? b->id : w;
	argv[argc] = NULL;
	return run_words(b, argc, argv, fail_at);
}

static int
run(struct bench *b, const char *line)
{
	return run_failing(b, line, -1);
}

static void
write_config(struct bench *b, const char *repository)
{
	char text[8192];
	int n = snprintf(text, sizeof text,
	    "scratch: %s\n"
	    "repository: %s\n"
	    "components: [{name: db, type: sqlite, path: %s/db}]\n"
	    "retention: {keep-last: 5}\n",
	    b->dir, repository, b->dir);

	assert_true(n > 0 && (size_t)n < sizeof text);
	kit_write(b->file, text, (size_t)n);
}

/* {path: dir/repository, …} */
static void
configure(struct bench *b, const char *more)
{
	char text[8192];

	(void)snprintf(text, sizeof text, "{path: %s/repository, name: test%s}",
	    b->dir, more);
	write_config(b, text);
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	char path[KIT_PATH];

	assert_non_null(b);
	b->out.max = b->err.max = TEXT_MAX;
	kit_dir(b->dir);
	(void)kit_path(b->file, b->dir, "config.yaml");
	(void)kit_path(b->out_path, b->dir, "stdout");
	(void)kit_path(b->err_path, b->dir, "stderr");
	kit_make(kit_path(path, b->dir, "db"), (struct kit_db){ .rows = 2 });
	configure(b, "");
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	kit_remove(b->dir);
	buf_done(&b->out);
	buf_done(&b->err);
	free(b);
	return 0;
}

static void
says(const struct bench *b, const char *words)
{
	if (!strstr(b->err.data, words))
		fail_msg("'%s' is not in '%s'", words, b->err.data);
}

static void
prints(const struct bench *b, const char *words)
{
	if (!strstr(b->out.data, words))
		fail_msg("'%s' is not in '%s'", words, b->out.data);
}

static void
does(struct bench *b, const char *line, int status)
{
	int is = run(b, line);

	if (is != status)
		fail_msg("%s: %d: %s", line, is, b->err.data);
}

static void
fails(struct bench *b, const char *line, int status, const char *words)
{
	does(b, line, status);
	says(b, words);
	assert_string_equal(b->out.data, "");
}

/* What it prints is JSON; a field of it. */
static void
answers(struct bench *b, const char *line, const char *field, const char *value)
{
	AUTO(json) struct json *j = NULL;
	struct err err = { 0 };

	does(b, line, CMD_DONE);
	assert_int_equal(json_parse(b->out.data, b->out.len, &j, &err), 0);
	if (field)
		assert_string_equal(json_opt_str(j, field), value);
}

static void
create(struct bench *b)
{
	AUTO(json) struct json *j = NULL;
	struct err err = { 0 };

	does(b, "create --json --quiet", CMD_DONE);
	assert_int_equal(json_parse(b->out.data, b->out.len, &j, &err), 0);
	(void)snprintf(b->id, sizeof b->id, "%s", json_opt_str(j, "backup-id"));
	assert_string_equal(b->err.data, "");
}

/* A file of that set. */
static void
set_path(const struct bench *b, const char *file, char out[2 * KIT_PATH])
{
	char sets[2 * KIT_PATH], folder[KIT_PATH];

	(void)snprintf(sets, sizeof sets, "%s/repository/test/sets", b->dir);
	assert_true(kit_find(sets, b->id, folder));
	(void)snprintf(out, 2 * KIT_PATH, "%s/%s", folder, file);
}

/* --- usage */

static void
a_mistake_in_the_words_is_told_and_nothing_done(void **state)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{ "", "no command; see 'platform-backup help'" },
		{ "frob", "unknown command 'frob'" },
		{ "--frob", "unknown option '--frob'" },
		{ "create --label", "option '--label' needs a value" },
		{ "list X", "a word too many: 'X'" },
		{ "show X Y", "a word too many: 'Y'" },
		{ "show", "'show' needs the id of a set" },
		{ "restore", "'restore' needs the id of a set" },
		{ "hold --json", "'hold' needs the id of a set" },
		{ "verify",
		    "'verify' needs either the id of a set or '--all'" },
		{ "verify X --all", "needs either the id of a set or '--all'" },
		{ "create --exact", "option '--exact' does not belong to" },
		{ "list --now", "option '--now' does not belong to 'list'" },
		{ "show X --output f", "option '--output' does not belong" },
		{ "create --component no", "no component 'no'" },
		{ "check --component no", "no component 'no'" },
	};
	struct bench *b = *state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fails(b, cases[i].line, CMD_USAGE, cases[i].words);
		assert_true(str_starts(b->err.data,
		    "platform-backup: error: "));
	}
}

static void
what_juju_calls_is_no_command(void **state)
{
	static const char *const juju[] = {
		"JUJU_DISPATCH_PATH=hooks/of-tomorrow", NULL
	};
	char name[] = "platform-backup", *argv[] = { name, NULL };

	(void)state;
	assert_int_equal(cmd_main(1, argv, juju), CMD_DONE);
	log_to(deaf, NULL, LOG_ERROR);
}

static void
a_mistake_behind_the_words_is_told(void **state)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{ "verify --all --read=0%", "'0%' is no share to read" },
		{ "verify --all --read=ten", "'ten' is no share to read" },
		{ "verify --all --read=%", "'%' is no share to read" },
		{ "verify --all --read=1000%", "'1000%' is no share to read" },
		{ "verify --all --read=10%%", "'10%%' is no share to read" },
		{ "prune --allow all", "'all' cannot be allowed" },
		{ "delete ID --allow clock,any", "'any' cannot be allowed" },
		{ "show nonsense", "'nonsense' is no backup id" },
		{ "restore ID --to no=/x", "'--to no=/x'" },
		{ "restore ID --component no", "'no'" },
	};
	struct bench *b = *state;

	create(b);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		fails(b, cases[i].line, CMD_USAGE, cases[i].words);
}

static void
help_names_every_command_and_its_options(void **state)
{
	static const char *const options[] = { "--config FILE", "-c, ",
		"--component NAME", "--full", "--label TEXT", "--exact",
		"--dry-run", "--read [SHARE%]", "--all", "--now",
		"--allow WHAT", "--json", "--to NAME=TARGET", "--output FILE",
		"--verbose", "--quiet", "--help", "--version" };
	struct bench *b = *state;

	does(b, "help", CMD_DONE);
	assert_string_equal(b->err.data, "");
	for (const struct cmd *c = cmd_table(); c->name; c++) {
		char head[128];

		(void)snprintf(head, sizeof head, "\n%s%s%s\n    %s\n", c->name,
		    *c->words ? " " : "", c->words, c->text);
		prints(b, head);
	}
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		prints(b, options[i]);
	does(b, "create --exact -h", CMD_DONE); /* help, whatever else */
	prints(b, "usage: ");
	does(b, "--version", CMD_DONE);
	assert_string_equal(b->out.data, "platform-backup " VERSION "\n");
}

static void
a_missing_configuration_is_named(void **state)
{
	static const char *const line[] = { "create", "list", "show X",
		"restore X", "verify --all", "drill X", "prune", "delete X",
		"hold X", "release X", "check", "resume" };
	struct bench *b = *state;

	(void)kit_path(b->file, b->dir, "not-there");
	for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
		assert_true(run(b, line[i]) != CMD_DONE);
		says(b, "not-there");
		assert_string_equal(b->out.data, "");
	}
}

/* --- a repository that is not there */

static void
a_repository_is_made_by_the_first_backup_alone(void **state)
{
	struct bench *b = *state;
	char path[KIT_PATH];

	(void)kit_path(path, b->dir, "repository");
	does(b, "list", CMD_DONE);
	says(b, "warning: repository: ");
	does(b, "check", CMD_DONE);
	prints(b, "; the first backup makes it");
	fails(b, "show latest", CMD_FAILED, "repository: ");
	fails(b, "verify --all", CMD_FAILED, "repository: ");
	fails(b, "drill latest", CMD_FAILED, "repository: ");
	fails(b, "prune", CMD_FAILED, "repository: ");
	fails(b, "hold X", CMD_FAILED, "repository: ");
	assert_false(kit_there(path));
	create(b);
	assert_true(kit_there(path));
}

static void
one_that_may_not_be_made_is_told(void **state)
{
	struct bench *b = *state;

	configure(b, ", create-bucket: false");
	fails(b, "create", CMD_FAILED, "not made, as create-bucket is false");
	does(b, "check", CMD_FAILED);
	prints(b, "repository");
	does(b, "check --json", CMD_FAILED);
	prints(b, "\"check-status\": \"failed\"");
}

static void
a_place_that_is_none_is_told(void **state)
{
	struct bench *b = *state;
	char text[KIT_PATH + 64], *long_text = malloc(5000);

	assert_non_null(long_text);
	(void)snprintf(text, sizeof text, "{path: %s/db/below}", b->dir);
	write_config(b, text); /* below a file */
	fails(b, "create", CMD_FAILED, "repository: ");
	does(b, "check", CMD_FAILED);
	prints(b, "/db/below");
	(void)snprintf(long_text, 5000, "{path: /%04500d}", 0);
	write_config(b, long_text);
	free(long_text);
	fails(b, "list", CMD_USAGE, "the repository's path is too long");
	does(b, "check", CMD_FAILED);
	prints(b, "the repository's path is too long");
}

static void
a_place_without_a_repository_is_tried(void **state)
{
	struct bench *b = *state;
	char path[KIT_PATH];

	assert_int_equal(mkdir(kit_path(path, b->dir, "repository"), 0700), 0);
	assert_int_equal(mkdir(kit_path(path, b->dir, "repository/test"), 0700),
	    0);
	does(b, "check", CMD_DONE);
	prints(b, "may list, write, read and remove");
	prints(b, "; no repository yet, the first backup makes it");
	fails(b, "show latest", CMD_FAILED, "there is no repository in ");
}

/* Several platforms share a bucket and a path in it. */
static void
a_path_in_a_bucket_has_no_slashes_around_it(void **state)
{
	static const struct httpd_step steps[] = {
		KIT_ERROR("GET",
		    "/backups?list-type=2&max-keys=1&prefix=of%2Fours%2F", 403,
		    "AccessDenied"),
		KIT_ERROR(NULL, NULL, 403, "AccessDenied"), KIT_END
	};
	struct bench *b = *state;
	AUTO(httpd) struct httpd *d = httpd_start(steps);
	char text[1024];

	assert_non_null(d);
	(void)snprintf(text, sizeof text,
	    "{s3: {endpoint: '%s', bucket: backups, access-key: a, secret-key: s,"
	    " path: //of/ours//}, name: test}",
	    httpd_url(d));
	write_config(b, text);
	fails(b, "list", CMD_FAILED, "repository: ");
	httpd_stop(d);
	assert_string_equal(httpd_complaint(d), "");
}

static void
an_empty_repository_has_no_latest(void **state)
{
	struct bench *b = *state;
	create(b);
	fails(b, "delete ID", CMD_FAILED, "is the last finished set");
	does(b, "delete ID --now --allow last", CMD_DONE);
	fails(b, "show latest", CMD_FAILED,
	    "the repository has no finished set");
	fails(b, "restore latest", CMD_FAILED,
	    "no set holds all of the components");
	fails(b, "verify latest", CMD_FAILED, "has no finished set");
	fails(b, "hold latest", CMD_FAILED, "has no finished set");
	fails(b, "delete latest", CMD_FAILED, "has no finished set");
	fails(b, "show ID", CMD_FAILED, "there is no backup");
	fails(b, "verify ID", CMD_FAILED, "there is no backup");
}

/* --- a set's life */

static void
each_command_says_what_it_did(void **state)
{
	struct bench *b = *state;

	does(b, "create --full --label first", CMD_DONE);
	prints(b, "finished");
	says(b, "set ");
	create(b);
	does(b, "check", CMD_DONE);
	prints(b, "may list, write, read and remove");
	does(b, "list", CMD_DONE);
	prints(b, b->id);
	prints(b, "first");
	does(b, "show latest", CMD_DONE);
	prints(b, b->id);
	does(b, "verify ID --read", CMD_DONE);
	prints(b, "ok");
	does(b, "verify --all", CMD_DONE);
	does(b, "drill ID", CMD_DONE);
	prints(b, "integrity_check says ok");
	does(b, "show ID", CMD_DONE);
	prints(b, "verified");
	does(b, "restore ID --dry-run", CMD_DONE);
	prints(b, "dry run");
	does(b, "restore latest", CMD_DONE);
	prints(b, "restored");
	does(b, "hold latest", CMD_DONE);
	prints(b, "held");
	fails(b, "delete latest", CMD_FAILED, "is held");
	does(b, "release latest", CMD_DONE);
	prints(b, "released");
	does(b, "prune --dry-run --allow clock,half", CMD_DONE);
	prints(b, "dry run, nothing was changed");
	does(b, "delete ID", CMD_DONE);
	prints(b, "marked");
	assert_int_equal(kit_sum(kit_path(b->file, b->dir, "db")), KIT_SUM);
}

static void
the_same_is_printed_as_json(void **state)
{
	struct bench *b = *state;

	create(b);
	answers(b, "check --json", "check-status", "ok");
	answers(b, "list --json", NULL, NULL);
	prints(b, b->id);
	answers(b, "show latest --json", "backup-id", b->id);
	answers(b, "verify ID --read --json", "verify-status", "ok");
	answers(b, "drill ID --json", "drill-status", "ok");
	answers(b, "restore ID --dry-run --json", "restore-status", "dry run");
	answers(b, "restore ID --json", "restore-status", "finished");
	answers(b, "hold ID --json", "backup-id", b->id);
	answers(b, "release ID --json", "backup-id", b->id);
	answers(b, "prune --json", "prune-status", "finished");
	answers(b, "delete ID --json --allow last", "delete-status", "marked");
	answers(b, "show ID --json", "backup-status", "deleted");
}

static void
what_is_damaged_fails_and_is_named(void **state)
{
	struct bench *b = *state;
	char path[2 * KIT_PATH];

	create(b);
	set_path(b, "db.sqlite.zst", path);
	assert_int_equal(unlink(path), 0);
	does(b, "verify ID", CMD_FAILED);
	prints(b, "db.sqlite.zst");
	does(b, "verify ID --json", CMD_FAILED);
	prints(b, "\"verify-status\": \"damaged\"");
	does(b, "drill ID", CMD_FAILED);
	prints(b, "db.sqlite.zst");
	fails(b, "restore ID", CMD_FAILED, "db.sqlite.zst");
	does(b, "restore ID --json", CMD_FAILED);
	prints(b, "\"restore-status\": \"failed\"");
	b->out_to = "/dev/full";
	does(b, "restore ID --json", CMD_FAILED);
	says(b, "error: standard output: ");
	b->out_to = NULL;
	set_path(b, "manifest.json", path);
	assert_int_equal(unlink(path), 0);
	kit_write(path, "{", 1);
	does(b, "list", CMD_DONE);
	prints(b, "manifest.json': cut short");
	fails(b, "show ID", CMD_FAILED, "manifest.json");
	fails(b, "verify latest", CMD_FAILED, "has no finished set");
}

static void
a_set_without_all_of_it_has_a_status_of_its_own(void **state)
{
	struct bench *b = *state;
	char text[4096];
	int n = snprintf(text, sizeof text,
	    "scratch: %s\n"
	    "repository: {path: %s/repository}\n"
	    "components: [{name: db, type: sqlite, path: %s/db},"
	    " {name: no, type: sqlite, path: %s/nowhere}]\n",
	    b->dir, b->dir, b->dir, b->dir);

	kit_write(b->file, text, (size_t)n);
	does(b, "create", CMD_INCOMPLETE);
	prints(b, "incomplete");
	does(b, "check", CMD_FAILED);
	prints(b, "nowhere");
	fails(b, "restore latest", CMD_FAILED,
	    "no set holds all of the components that are to be restored");
	does(b, "restore latest --component db", CMD_DONE);
}

/* The limit is for all that reach the network; here none does. */
static void
a_limit_of_bandwidth_lets_each_kind_of_component_work(void **state)
{
	struct bench *b = *state;
	char text[4096];
	int n = snprintf(text, sizeof text,
	    "scratch: %s\n"
	    "limits: {bandwidth: 1G}\n"
	    "repository: {path: %s/repository}\n"
	    "components:\n"
	    "- {name: db, type: sqlite, path: %s/db}\n"
	    "- {name: my, type: mysql, primary: h, database: d, username: u}\n"
	    "- {name: pg, type: postgresql, primary: h, database: d, "
	    "username: u}\n"
	    "- {name: b, type: bucket, endpoint: 'http://127.0.0.1:9', "
	    "bucket: buck, access-key: a, secret-key: s}\n",
	    b->dir, b->dir, b->dir);

	kit_write(b->file, text, (size_t)n);
	does(b, "create --component db", CMD_DONE);
	does(b, "restore latest --component db", CMD_DONE);
}

/* --- keys */

/* The identity is that of AGE_KIT_RECIPIENT. */
static void
encrypt(struct bench *b, const char *recipients)
{
	static const char identity[] = AGE_KIT_IDENTITY "\n";
	char more[KIT_PATH + 256], key[KIT_PATH];

	kit_write(kit_path(key, b->dir, "key"), identity, strlen(identity));
	(void)snprintf(more, sizeof more,
	    ", encryption: {%s identity-file: %s}", recipients, key);
	configure(b, more);
}

static void
who_can_only_read_makes_no_set(void **state)
{
	struct bench *b = *state;

	encrypt(b, "");
	fails(b, "create", CMD_USAGE,
	    "'encryption' has an identity and no 'recipients'");
	says(b, "recipients: [" AGE_KIT_RECIPIENT "]");
	does(b, "check", CMD_FAILED);
	encrypt(b, "recipients: [" AGE_KIT_OTHER "],");
	does(b, "create", CMD_DONE);
	says(b, "none of the identities belongs to one of the 'recipients'");
	does(b, "check", CMD_DONE);
	prints(b, "whose identities are not here");
	configure(b, "");
	fails(b, "create", CMD_USAGE, "names no recipients");
	does(b, "check", CMD_FAILED);
	prints(b, "names no recipients: no set can be made");
	fails(b, "restore latest", CMD_USAGE, "encrypted");
}

static void
a_folder_for_copies_that_is_none_is_told(void **state)
{
	struct bench *b = *state;
	char more[4096];

	(void)snprintf(more, sizeof more,
	    ", encryption: {recipients: [" AGE_KIT_RECIPIENT
	    "], state: %s/db/below}",
	    b->dir);
	configure(b, more);
	fails(b, "create", CMD_FAILED, "'state' of 'encryption': ");
	does(b, "list", CMD_DONE); /* who only reads keeps none */
}

static void
an_encrypted_set_is_shown_to_who_has_its_key(void **state)
{
	struct bench *b = *state;
	char names[2 * KIT_PATH];

	encrypt(b, "recipients: [" AGE_KIT_RECIPIENT "],");
	create(b);
	does(b, "check", CMD_DONE);
	prints(b, "with an identity of theirs here");
	answers(b, "show ID --json", "backup-id", b->id);
	does(b, "restore ID", CMD_DONE);
	set_path(b, "names.json.zst.age", names);
	assert_int_equal(unlink(names), 0);
	does(b, "show ID", CMD_DONE);
	says(b, "warning: what is encrypted of it is not shown: ");
}

/* --- what goes wrong */

static const char *const lines[] = { "help", "version", "keygen", "check",
	"check --json", "list", "list --json", "show ID", "show latest --json",
	"verify ID", "verify --all --json --read 10%", "drill ID",
	"drill latest --json", "restore ID --dry-run", "restore latest --json",
	"hold ID", "release ID --json", "prune --dry-run", "prune --json",
	"hold latest --json", "release latest", "delete ID --allow last",
	"delete ID --allow last --json" };

static void
an_output_that_takes_nothing_is_a_failure(void **state)
{
	struct bench *b = *state;

	create(b);
	b->out_to = "/dev/full";
	does(b, "create", CMD_FAILED);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		does(b, lines[i], CMD_FAILED);
		says(b, "error: standard output: ");
	}
}

/* What each run adds would make the next one longer. */
static void
tidy(const struct bench *b)
{
	char path[KIT_PATH];

	if (kit_there(kit_path(path, b->dir, "repository/test/notes")))
		kit_remove(path);
	while (kit_find(b->dir, "db.before-restore", path))
		assert_int_equal(unlink(path), 0);
	/* and nothing else is left behind */
	assert_in_range(kit_count(b->dir), 3, b->files);
}

/* Done as a whole, or told. */
static void
each_allocation_of(struct bench *b, const char *line)
{
	long n = 0;

	b->most = 0;
	for (bool hit = true; hit && n < MOST; n = sparse_next(n)) {
		int status;

		tidy(b);
		status = run_failing(b, line, n);
		/* check prints what is wrong */
		if (status == CMD_DONE
		        ? b->out.len == 0
		        : !strstr(b->err.data, "out of memory") &&
		              !strstr(b->out.data, "out of memory"))
			fail_msg("%s, %ld: %d: %s", line, n, status,
			    b->err.data);
		hit = b->most > n;
	}
	assert_in_range(n, 1, MOST - 1);
}

static void
every_allocation_may_fail(void **state)
{
	struct bench *b = *state;
	char path[KIT_PATH];

	assert_int_equal(mkdir(kit_path(path, b->dir, "repository"), 0700), 0);
	assert_int_equal(mkdir(kit_path(path, b->dir, "repository/test"), 0700),
	    0);
	b->files = kit_count(b->dir) + 2; /* what is said */
	each_allocation_of(b, "check");
	each_allocation_of(b, "list");
	create(b);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		each_allocation_of(b, lines[i]);
		assert_int_equal(kit_sum(kit_path(path, b->dir, "db")),
		    KIT_SUM);
	}
}

static void
backup_failing(struct bench *b, long n)
{
	int status = run_failing(b, "create", n);
	long most = b->most;

	if (status != CMD_DONE && !strstr(b->err.data, "out of memory"))
		fail_msg("%ld: %d: %s", n, status, b->err.data);
	assert_int_equal(b->out.len > 0, status == CMD_DONE);
	/* a set is whole, or none; not all that is stored could be told */
	if (status == CMD_DONE)
		does(b, "verify latest --read", CMD_DONE);
	else if (run(b, "verify latest --read") != CMD_DONE &&
	         !strstr(b->err.data, "has no finished set") &&
	         !strstr(b->err.data, "cannot open folder") &&
	         !strstr(b->err.data, "there is no repository"))
		fail_msg("%ld: %s", n, b->err.data);
	b->most = most;
}

static void
every_allocation_of_a_backup_may_fail(void **state)
{
	struct bench *b = *state;
	char path[KIT_PATH];

	(void)kit_path(path, b->dir, "repository");
	for (int encrypted = 0; encrypted < 2; encrypted++) {
		long n = 0;

		b->most = 0;
		if (encrypted)
			encrypt(b, "recipients: [" AGE_KIT_RECIPIENT "],");
		for (bool hit = true; hit && n < MOST; n = sparse_next(n)) {
			if (kit_there(path))
				kit_remove(path);
			backup_failing(b, n);
			hit = b->most > n;
		}
		assert_in_range(n, 1, MOST - 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mistake_in_the_words_is_told_and_nothing_done),
		TEST(what_juju_calls_is_no_command),
		TEST(a_mistake_behind_the_words_is_told),
		TEST(help_names_every_command_and_its_options),
		TEST(a_missing_configuration_is_named),
		TEST(a_repository_is_made_by_the_first_backup_alone),
		TEST(one_that_may_not_be_made_is_told),
		TEST(a_place_that_is_none_is_told),
		TEST(a_place_without_a_repository_is_tried),
		TEST(a_path_in_a_bucket_has_no_slashes_around_it),
		TEST(an_empty_repository_has_no_latest),
		TEST(each_command_says_what_it_did),
		TEST(the_same_is_printed_as_json),
		TEST(what_is_damaged_fails_and_is_named),
		TEST(a_set_without_all_of_it_has_a_status_of_its_own),
		TEST(a_limit_of_bandwidth_lets_each_kind_of_component_work),
		TEST(who_can_only_read_makes_no_set),
		TEST(a_folder_for_copies_that_is_none_is_told),
		TEST(an_encrypted_set_is_shown_to_who_has_its_key),
		TEST(an_output_that_takes_nothing_is_a_failure),
		TEST(every_allocation_may_fail),
		TEST(every_allocation_of_a_backup_may_fail),
	};

	return cmocka_run_group_tests_name("cmd", tests, NULL, NULL);
}
