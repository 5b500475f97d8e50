/*
 * conform_exec.c - programs in a container of a real cluster.
 *
 * Environment: KUBE_CONFIG, the administrator's; KUBE_ROOT: the folder that is
 * the container's root, with a shell; EXEC_PROTOCOL: nothing but this is
 * offered, as to a server that does not know v5.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/websocket.h"
#include "kube/exec.h"
#include "kube/kube.h"
#include "stream/sink.h"

#define PODS "/api/v1/namespaces/default/pods"

enum {
	MANY = 1 << 30,
	FEWER = 1 << 26,
	PIECE = 1 << 20,
	MEMORY_MOST = 64 << 20
};

static const char pod[] =
    "{\"metadata\":{\"name\":\"%s\",\"annotations\":{"
    "\"test.platform-backup/root.main\":\"%s\"}},"
    "\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"x\"}]}}";

#define OK(call)                                                         \
	do {                                                             \
		struct err why = { 0 };                                  \
		if ((call) != 0)                                         \
			fail_msg("%s: %d %s", #call, why.code, why.msg); \
	} while (0)

/* --- what is offered */

int __real_websocket_open(struct http *, const struct websocket_options *,
    struct http_response *, struct websocket **, struct err *);
int __wrap_websocket_open(struct http *, const struct websocket_options *,
    struct http_response *, struct websocket **, struct err *);

int
__wrap_websocket_open(struct http *h, const struct websocket_options *given,
    struct http_response *r, struct websocket **ret, struct err *err)
{
	const char *only = getenv("EXEC_PROTOCOL");
	struct websocket_options o = *given;

	if (only)
		o.protocols = only;
	if (__real_websocket_open(h, &o, r, ret, err))
		return -1;
	if (only && *ret)
		assert_string_equal(websocket_protocol(*ret), only);
	return 0;
}

/* v4 cannot say where the input ends. */
static bool
knows_end(void)
{
	const char *only = getenv("EXEC_PROTOCOL");

	return !only || strcmp(only, "v4.channel.k8s.io") != 0;
}

/* --- the pod */

static void
ask(struct kube *k, const char *method, const char *path, const char *body,
    struct buf *b)
{
	const struct kube_call c = { .verb = "test",
		.resource = "pods",
		.namespace = "default",
		.method = method,
		.path = path,
		.type = "application/json",
		.body = body,
		.body_len = body ? strlen(body) : 0 };

	OK(kube_ask(k, &c, b, &why));
}

static void
make_pod(struct kube *k, const char *name)
{
	AUTO(buf) struct buf b = { .max = 1 << 20 };
	char text[2048], path[256];

	(void)snprintf(text, sizeof text, pod, name, getenv("KUBE_ROOT"));
	(void)snprintf(path, sizeof path, "%s/%s", PODS, name);
	ask(k, "POST", PODS, text, &b);
	for (int i = 0; i < 300; i++) {
		ask(k, "GET", path, NULL, &b);
		if (strstr(b.data, "\"phase\":\"Running\""))
			return;
		clock_sleep_ms(clock_real(), 100);
	}
	fail_msg("pod '%s' does not run: %s", name, b.data);
}

static int
group_setup(void **state)
{
	const struct kube_options o = { .kubeconfig = getenv("KUBE_CONFIG") };
	struct kube *k = NULL;

	OK(kube_new(&o, &k, &why));
	make_pod(k, "conform");
	*state = k;
	return 0;
}

static int
group_teardown(void **state)
{
	AUTO(buf) struct buf b = { .max = 1 << 20 };

	ask(*state, "DELETE", PODS "/conform", NULL, &b);
	kube_free(*state);
	return 0;
}

#define SH(text) ((const char *const[]){ "sh", "-c", text, NULL })

static struct exec_call
call_of(const char *const *argv, struct sink *out, struct buf *errors)
{
	return (struct exec_call){ .pod = "conform",
		.container = "main",
		.argv = argv,
		.out = out,
		.errors = errors,
		.timeout_s = 120 };
}

static void
what_it_prints_and_how_it_ends_is_told(void **state)
{
	AUTO(buf) struct buf errors = { .max = 100 };
	AUTO(sink) struct sink *out = NULL;
	struct exec_call c;
	size_t n;

	OK(sink_mem_new(100, &out, &why));
	c = call_of(SH("echo \"a & b%20\"; echo oh >&2; exit 3"), out, &errors);
	OK(exec_run(*state, &c, NULL, 0, &why));
	assert_int_equal(c.status, 3);
	assert_string_equal(sink_mem_data(out, &n), "a & b%20\n");
	assert_string_equal(errors.data, "oh\n");
}

static void
it_reads_what_it_is_sent_to_the_end(void **state)
{
	AUTO(sink) struct sink *out = NULL;
	struct exec_call c;
	size_t n;

	OK(sink_mem_new(100, &out, &why));
	c = call_of(knows_end() ? SH("cat") : SH("head -c 5"), out, NULL);
	c.in = true;
	OK(exec_run(*state, &c, "line\n", 5, &why));
	assert_int_equal(c.status, 0);
	assert_string_equal(sink_mem_data(out, &n), "line\n");
	assert_int_equal(n, 5);
}

/* --- much */

static void
check_memory(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
	if ((uint64_t)u.ru_maxrss * 1024 > MEMORY_MOST)
		fail_msg("it took %ld KiB", u.ru_maxrss);
}

/* Position and bytes depend on each other. */
static void
fill(uint32_t *p, size_t n, uint32_t from)
{
	for (size_t i = 0; i < n / sizeof *p; i++)
		p[i] = (from + (uint32_t)i) * 2654435761U;
}

static void
much_goes_in_and_comes_out_as_it_is(void **state)
{
	static uint32_t piece[PIECE / sizeof(uint32_t)];
	uint8_t sent[SHA256_SIZE], got[SHA256_SIZE];
	AUTO(sink) struct sink *null = NULL;
	AUTO(sink) struct sink *hash = NULL;
	AUTO(sink) struct sink *out = NULL;
	AUTO(exec) struct exec *e = NULL;
	const uint32_t many = knows_end() ? MANY : FEWER;
	struct exec_call c;

	OK(sink_null_new(&null, &why));
	OK(sink_hash_new(TAKE(null), got, &out, &why));
	OK(sink_null_new(&null, &why));
	OK(sink_hash_new(TAKE(null), sent, &hash, &why));
	c = call_of(knows_end() ? SH("cat") : SH("head -c 67108864"), out,
	    NULL);
	c.in = true;
	OK(exec_start(*state, &c, &e, &why));
	for (uint32_t i = 0; i < many / PIECE; i++) {
		fill(piece, sizeof piece, i * (PIECE / sizeof *piece));
		OK(sink_write(hash, piece, sizeof piece, &why));
		OK(exec_write(e, piece, sizeof piece, &why));
	}
	OK(exec_end(e, &why));
	assert_int_equal(c.status, 0);
	assert_true(out->bytes == many);
	OK(sink_finish(hash, &why));
	OK(sink_finish(out, &why));
	assert_memory_equal(sent, got, sizeof got);
	check_memory();
}

/* --- what goes wrong */

static void
what_is_not_there_is_named(void **state)
{
	struct exec_call c = call_of(SH("true"), NULL, NULL);
	struct err err = { 0 };

	c.pod = "nobody";
	assert_int_equal(exec_run(*state, &c, NULL, 0, &err), -1);
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.msg, "pods \"nobody\" not found"));
	c.pod = "conform";
	c.container = "nothing";
	err = (struct err){ 0 };
	assert_int_equal(exec_run(*state, &c, NULL, 0, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, "nothing"));
}

struct killer {
	struct sink sink;
	struct kube *k;
};

static int
kill_pod(struct sink *s, const void *p, size_t n, struct err *err)
{
	struct killer *k = (struct killer *)s;
	AUTO(buf) struct buf b = { .max = 1 << 20 };

	(void)p;
	(void)n;
	(void)err;
	ask(k->k, "DELETE", PODS "/doomed", NULL, &b);
	return 0;
}

static const struct sink_ops killer_ops = { .name = "killer",
	.write = kill_pod };

static void
a_pod_that_dies_is_no_success(void **state)
{
	struct killer killer = { .k = *state };
	struct exec_call c;
	struct err err = { 0 };

	make_pod(*state, "doomed");
	c = call_of(SH("echo now; sleep 100"),
	    sink_init(&killer.sink, &killer_ops, NULL), NULL);
	c.pod = "doomed";
	if (exec_run(*state, &c, NULL, 0, &err) == 0)
		assert_int_equal(c.status, 128 + 9);
	else
		assert_int_equal(err.code, ERR_TRANSIENT);
}

static void
what_takes_too_long_is_given_up(void **state)
{
	struct exec_call c = call_of(SH("sleep 5"), NULL, NULL);
	struct err err = { 0 };

	c.timeout_s = 1;
	assert_int_equal(exec_run(*state, &c, NULL, 0, &err), -1);
	assert_int_equal(err.code, ERR_TRANSIENT);
	assert_non_null(strstr(err.msg, "took too long"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_prints_and_how_it_ends_is_told),
		cmocka_unit_test(it_reads_what_it_is_sent_to_the_end),
		cmocka_unit_test(much_goes_in_and_comes_out_as_it_is),
		cmocka_unit_test(what_is_not_there_is_named),
		cmocka_unit_test(a_pod_that_dies_is_no_success),
		cmocka_unit_test(what_takes_too_long_is_given_up),
	};

	return cmocka_run_group_tests_name("exec", tests, group_setup,
	    group_teardown);
}
