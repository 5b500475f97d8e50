/* Any text as a kubeconfig: refused as a mistake of who wrote it, or one that
 * says where the cluster is and has both parts of each credential. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/yaml.h"
#include "kube/account.h"
#include "kube/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool right)
{
	if (!right)
		abort();
}

/* Other files would be read: this is about the text. */
static bool
names_files(const struct tree *t)
{
	static const char *const names[] = { "certificate-authority",
		"client-certificate", "client-key" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (t->name && strcmp(t->name, names[i]) == 0)
			return true;
	for (t = t->child; t; t = t->next)
		if (names_files(t))
			return true;
	return false;
}

static bool
may_be_read(const char *p, size_t n)
{
	AUTO(tree) struct tree *t = NULL;
	struct err err = { 0 };

	return yaml_parse(p, n, "f", &t, &err) || !names_files(t);
}

static void
check(const struct account_facts *f)
{
	must(f->server && *f->server && f->origin);
	must(f->server[strlen(f->server) - 1] != '/');
	must(!f->cert_pem == !f->key_pem);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(account_facts) struct account_facts f = { 0 };
	struct err err = { 0 };
	char path[64];
	int fd;

	if (!may_be_read((const char *)p, n))
		return 0;
	fd = memfd_create("kubeconfig", MFD_CLOEXEC);
	must(fd >= 0 && file_write_all(fd, p, n, &err) == 0);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (kubeconfig_read(path, NULL, &f, &err) == 0)
		check(&f);
	else
		must(err_is(&err, ERR_USAGE) && err.msg[0] != '\0');
	(void)close(fd);
	return 0;
}
