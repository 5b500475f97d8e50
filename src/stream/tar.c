#include "stream/tar.h"

#include <stdio.h>
#include <string.h>

/*
 * No library: each that writes tar brings compressors, XML and ACLs along,
 * which every start of the program would pay for.
 */
struct tar {
	struct sink *to; /* borrowed */
	uint64_t at;
};

static const char zeros[2 * TAR_BLOCK];

/* Nothing of the machine or the moment: same content, same tar. */
static const struct tar_header plain = {
	.mode = "000600 ",
	.uid = "000000 ",
	.gid = "000000 ",
	.mtime = { "00000000000 " },
	.sum = { "        " },
	.magic = "ustar",
	.version = { "00" },
	.major = "000000 ",
	.minor = "000000 ",
};

int
tar_new(struct sink *to, struct tar **ret, struct err *err)
{
	struct tar *t = calloc(1, sizeof *t);

	if (!t)
		return err_nomem(err);
	t->to = to;
	*ret = t;
	return 0;
}

static int
put(struct tar *t, const void *p, size_t n, struct err *err)
{
	if (sink_write(t->to, p, n, err))
		return -1;
	t->at += n;
	return 0;
}

/* Digits, as many as there is room for. */
static void
octal(char *to, size_t digits, uint64_t n)
{
	while (digits-- > 0) {
		to[digits] = (char)('0' + (n & 7));
		n >>= 3;
	}
}

unsigned
tar_sum(const struct tar_header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = sizeof h->sum * ' ';

	for (size_t i = 0; i < sizeof *h; i++)
		sum += p[i];
	for (size_t i = 0; i < sizeof h->sum; i++)
		sum -= (unsigned char)h->sum[i];
	return sum;
}

static int
put_header(struct tar *t, struct tar_header *h, enum tar_type type, size_t size,
    struct err *err)
{
	h->type = (char)type;
	octal(h->size, 11, size);
	h->size[11] = ' ';
	octal(h->sum, 6, tar_sum(h));
	h->sum[6] = '\0';
	return put(t, h, sizeof *h, err);
}

static int
put_padded(struct tar *t, const void *p, size_t n, struct err *err)
{
	return put(t, p, n, err) ||
	               put(t, zeros, (TAR_BLOCK - n % TAR_BLOCK) % TAR_BLOCK,
	                   err)
	           ? -1
	           : 0;
}

/* A longer name is cut at the first '/' behind which the rest fits. */
static bool
set_name(struct tar_header *h, const char *name, size_t n)
{
	const char *cut = name;

	if (n > sizeof h->name)
		cut = strchr(name + (n - sizeof h->name - 1), '/');
	if (!cut || (size_t)(cut - name) > sizeof h->prefix)
		return false;
	if (cut > name) {
		memcpy(h->prefix, name, (size_t)(cut - name));
		cut++;
	}
	memcpy(h->name, cut, n - (size_t)(cut - name));
	return h->name[0] != '\0';
}

/* "<length> path=<name>\n", where the length counts itself. */
static int
put_pax(struct tar *t, const char *name, size_t n, struct err *err)
{
	struct tar_header h = plain;
	char record[TAR_NAME_MAX + 32];
	size_t len = n + sizeof " path=\n" - 1;
	int k;

	len += len + 2 < 100 ? 2 : len + 3 < 1000 ? 3 : 4;
	k = snprintf(record, sizeof record, "%zu path=%s\n", len, name);
	(void)set_name(&h, "PaxHeader", sizeof "PaxHeader" - 1);
	if (put_header(t, &h, TAR_PAX, (size_t)k, err))
		return -1;
	return put_padded(t, record, (size_t)k, err);
}

int
tar_add(struct tar *t, const char *name, const void *p, size_t n,
    uint64_t *offset, struct err *err)
{
	struct tar_header h = plain;
	size_t length = strnlen(name, TAR_NAME_MAX + 1);
	uint64_t at;

	if (length == 0 || length > TAR_NAME_MAX || (uint64_t)n >> 33)
		return err_set(err, ERR_USAGE,
		    "a tar cannot hold '%.80s' of %zu bytes", name, n);
	if (!set_name(&h, name, length)) {
		h = plain;
		memcpy(h.name, name, sizeof h.name); /* for who knows no pax */
		if (put_pax(t, name, length, err))
			return -1;
	}
	if (put_header(t, &h, TAR_FILE, n, err))
		return -1;
	at = t->at;
	if (put_padded(t, p, n, err))
		return -1;
	if (offset)
		*offset = at;
	return 0;
}

int
tar_end(struct tar *t, struct err *err)
{
	return put(t, zeros, sizeof zeros, err);
}

void
tar_free(struct tar *t)
{
	free(t);
}
