#include "kube_kit.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

static int64_t
kit_ms(void *ctx)
{
	const struct kube_kit *k = ctx;

	return (int64_t)KUBE_KIT_NOW * 1000 + k->ms;
}

static void
kit_sleep(void *ctx, unsigned ms)
{
	struct kube_kit *k = ctx;

	k->ms += ms;
	k->slept++;
}

void
kube_kit_file(const struct kube_kit *k, const char *name, const char *text)
{
	char path[128];
	struct err err = { 0 };
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", k->folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	assert_true(fd >= 0);
	if (file_write_all(fd, text, strlen(text), &err))
		fail_msg("%s", err.msg);
	(void)close(fd);
}

void
kube_kit_begin(struct kube_kit *k)
{
	*k = (struct kube_kit){ .clock = { kit_ms, kit_ms, kit_sleep, k } };
	(void)snprintf(k->folder, sizeof k->folder, "/tmp/kube_kit.XXXXXX");
	assert_non_null(mkdtemp(k->folder));
	(void)snprintf(k->config, sizeof k->config, "%s/config", k->folder);
}

void
kube_kit_open(struct kube_kit *k, const char *url)
{
	struct kube_options o = { 0 };
	struct err err = { 0 };
	char text[1024];

	(void)snprintf(text, sizeof text,
	    "current-context: main\n"
	    "contexts: [{name: main, context: {cluster: c, user: u, "
	    "namespace: kubeflow}}]\n"
	    "clusters: [{name: c, cluster: {server: \"%s/\"}}]\n"
	    "users: [{name: u, user: {tokenFile: token}}]\n",
	    url);
	kube_kit_file(k, "config", text);
	kube_kit_file(k, "token", "hush-hush\n");
	o.kubeconfig = k->config;
	o.clock = &k->clock;
	if (kube_new(&o, &k->k, &err))
		fail_msg("%s", err.msg);
}

void
kube_kit_start(struct kube_kit *k, const struct httpd_step *steps)
{
	kube_kit_begin(k);
	k->d = httpd_start(steps);
	assert_non_null(k->d);
	kube_kit_open(k, httpd_url(k->d));
}

void
kube_kit_check(struct kube_kit *k)
{
	httpd_stop(k->d);
	assert_string_equal(httpd_complaint(k->d), "");
}

void
kube_kit_stop(struct kube_kit *k)
{
	static const char *const names[] = { "config", "token", "ca.crt",
		"namespace", "plugin", "cert.pem", "key.pem" };
	char path[128];

	kube_free(k->k);
	httpd_free(k->d);
	k->k = NULL;
	k->d = NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", k->folder, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(k->folder);
}
