#include "pod_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct wsd_script pod = {
	.target = "GET /api/v1/namespaces/kubeflow/pods/p ",
	.answer =
	    "{\"metadata\":{\"name\":\"p\"},\"status\":{\"phase\":\"Running\"},"
	    "\"spec\":{\"containers\":[{\"name\":\"main\",\"volumeMounts\":[{"
	    "\"name\":\"v\",\"mountPath\":\"/data\"}]},{\"name\":\"charm\","
	    "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/charm\"}]}]}}",
};

/* A message on that channel. */
static struct wsd_step
message(struct pod_kit *k, enum wsd_op op, char channel, const char *text)
{
	char *at = k->text + k->used;
	size_t n = strlen(text) + 1;

	assert_true(n < sizeof k->text - k->used);
	*at = channel;
	memcpy(at + 1, text, n - 1);
	k->used += n;
	return (struct wsd_step){ op, at, n };
}

static struct wsd_step
ending(struct pod_kit *k, const struct pod_run *run)
{
	char text[256];

	if (run->refused)
		(void)snprintf(text, sizeof text,
		    "{\"status\":\"Failure\",\"message\":\"%s\"}",
		    run->refused);
	else if (run->status)
		(void)snprintf(text, sizeof text,
		    "{\"reason\":\"NonZeroExitCode\",\"details\":{\"causes\":"
		    "[{\"reason\":\"ExitCode\",\"message\":\"%s\"}]}}",
		    run->status);
	else
		(void)snprintf(text, sizeof text, "{\"status\":\"Success\"}");
	return message(k, WSD_TEXT, 3, text);
}

static void
write_steps(struct pod_kit *k, const struct pod_run *run, struct wsd_step *s)
{
	if (run->reads)
		*s++ = message(k, WSD_WANT, 0, run->reads);
	if (run->reads_more)
		*s++ = message(k, WSD_WANT, 0, run->reads_more);
	if (run->reads && !run->open && !run->waits)
		*s++ = (struct wsd_step){ WSD_WANT, "\xff\0", 2 };
	for (size_t i = 0; i < POD_KIT_PRINTS && run->prints[i]; i++)
		*s++ = message(k, WSD_TEXT, 1, run->prints[i]);
	if (run->complains)
		*s++ = message(k, WSD_TEXT, 2, run->complains);
	if (run->waits) {
		*s = (struct wsd_step){ WSD_LEAVE, "", 0 };
		return;
	}
	*s++ = ending(k, run);
	*s = (struct wsd_step){ WSD_CLOSE, "", 0 };
}

static void
append(struct pod_kit *k, const struct pod_run *run)
{
	size_t n = 0;

	while (k->script[n].next)
		n++;
	assert_true(n + 1 < POD_KIT_RUNS);
	write_steps(k, run, k->step[n + 1]);
	k->script[n].next = &k->script[n + 1];
	k->script[n + 1] = (struct wsd_script){ .protocol = "v5.channel.k8s.io",
		.target = run->target,
		.step = k->step[n + 1] };
}

static void
prepare(struct pod_kit *k)
{
	*k = (struct pod_kit){
		.cfg = { .name = "m",
		    .type = CONFIG_SQLITE,
		    .sqlite = { .path = "/data/m.db",
		        .pod = { .wanted = true, .pod = "p" },
		        .busy_timeout_s = 2 } },
		.script = { pod },
	};
}

static void
start(struct pod_kit *k, const struct pod_run *runs)
{
	for (; runs->target; runs++)
		append(k, runs);
	k->d = wsd_start(k->script);
	assert_non_null(k->d);
	kube_kit_begin(&k->kube);
	kube_kit_open(&k->kube, wsd_url(k->d));
	k->options.kubeconfig = k->kube.config;
	k->options.clock = &k->kube.clock;
	k->cfg.kube = &k->options;
}

void
pod_kit_begin(struct pod_kit *k, const struct pod_run *runs)
{
	prepare(k);
	start(k, runs);
}

void
pod_kit_put_helper(struct pod_kit *k, const char *machine)
{
	ssize_t n = readlink("/proc/self/exe", k->helper, sizeof k->helper - 1);
	bool arm = strcmp(machine, "aarch64") == 0;
	char *slash = strrchr(k->helper, '/');
	FILE *f;

	assert_true(n > 0 && slash);
	(void)snprintf(slash, sizeof k->helper - (size_t)(slash - k->helper),
	    "/platform-backup-sqlite.%s", arm ? "arm64" : "amd64");
	f = fopen(k->helper, "we");
	assert_non_null(f);
	assert_true(fputs(POD_KIT_HELPER, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

void
pod_kit_begin_with_helper(struct pod_kit *k, const char *machine,
    const struct pod_run *runs)
{
	char line[32];
	const struct pod_run tells = { .target = "command=uname%20-m",
		.prints = { line } };
	const struct pod_run takes = POD_KIT_SENT;

	(void)snprintf(line, sizeof line, "%s\n", machine);
	prepare(k);
	pod_kit_put_helper(k, machine);
	append(k, &tells);
	append(k, &takes);
	start(k, runs);
}

void
pod_kit_check(struct pod_kit *k)
{
	wsd_stop(k->d);
	assert_string_equal(wsd_complaint(k->d), "");
}

void
pod_kit_end(struct pod_kit *k)
{
	kube_kit_stop(&k->kube);
	wsd_free(k->d);
	if (*k->helper)
		(void)unlink(k->helper);
}
