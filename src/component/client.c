#include "component/client.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { VERSION_TIMEOUT_S = 30 };

void
client_env_add(struct client_env *e, const char *assignment)
{
	assert(e->count < CLIENT_ENV_MAX);
	e->list[e->count++] = assignment;
	e->list[e->count] = NULL;
}

int
client_env_init(struct client_env *ret, struct err *err)
{
	static const char *const names[] = { "PATH", "LD_LIBRARY_PATH" };
	struct client_env e = { 0 };

	client_env_add(&e, "HOME=/nonexistent");
	client_env_add(&e, "LC_ALL=C");
	for (size_t i = 0; i < 2; i++) {
		const char *value = getenv(names[i]);

		if (!value)
			continue;
		if (str_printf(&e.text[i], err, "%s=%s", names[i], value)) {
			client_env_done(&e);
			return -1;
		}
		client_env_add(&e, e.text[i]);
	}
	*ret = e;
	return 0;
}

void
client_env_done(struct client_env *e)
{
	for (size_t i = 0; i < 2; i++)
		free(TAKE(e->text[i]));
}

int
client_version(const char *program, char *line, size_t size, struct err *err)
{
	const char *const argv[] = { program, "--version", NULL };
	AUTO(client_env) struct client_env env = { 0 };
	AUTO(buf) struct buf out = { .max = 64 << 10 };
	struct proc p = { .argv = argv, .timeout_s = VERSION_TIMEOUT_S };

	if (client_env_init(&env, err))
		return -1;
	p.env = env.list;
	if (proc_run(&p, &out, NULL, err))
		return -1;
	if (p.status != 0 || out.len == 0)
		return err_set(err, ERR_NOTFOUND,
		    "program '%s' does not tell its version", program);
	out.data[strcspn(out.data, "\r\n")] = '\0';
	(void)snprintf(line, size, "%s", out.data);
	return 0;
}

/* In the order of how much they tell. */
static const char *
telling_line(const char *text)
{
	static const char *const marks[] = { "FATAL", "ERROR",
		"error:", "Error", "insufficient", "failed" };
	const char *last = text, *code = NULL;

	/* A statement that is repeated may have the same words. */
	for (const char *p = text; (p = strstr(p, "\nERROR ")) != NULL; p++)
		code = p + 1;
	if (code)
		return code;
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		const char *at = strstr(text, marks[i]);

		if (!at)
			continue;
		while (at > text && at[-1] != '\n')
			at--;
		return at;
	}
	for (const char *p = text; *p; p++)
		if (*p == '\n' && p[1] != '\0')
			last = p + 1;
	return last;
}

void
client_reason(const struct buf *errors, char out[600])
{
	const char *line = telling_line(errors->data ? errors->data : "");
	size_t n = strcspn(line, "\r\n");

	if (n == 0)
		(void)snprintf(out, 600, "it does not say why");
	else
		(void)snprintf(out, 600, "%.*s", (int)(n < 599 ? n : 599),
		    line);
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
}
