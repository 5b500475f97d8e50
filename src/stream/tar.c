#include "stream/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

struct tar {
	struct archive *ar;
	struct sink *to; /* borrowed; NULL: nothing is written any more */
	uint64_t at;
	struct err err; /* what to said, for whom libarchive returns to */
};

static ssize_t
pass_on(struct archive *ar, void *cookie, const void *p, size_t n)
{
	struct tar *t = cookie;

	if (!t->to || sink_write(t->to, p, n, &t->err)) {
		archive_set_error(ar, EIO, "cannot write");
		return -1;
	}
	t->at += n;
	return (ssize_t)n;
}

static int
failed(struct tar *t, struct err *err)
{
	if (!err_is(&t->err, ERR_NONE)) {
		*err = t->err;
		return -1;
	}
	return err_set(err, ERR_IO, "cannot write tar: %s",
	    archive_error_string(t->ar));
}

static int
setup(struct tar *t, struct err *err)
{
	t->ar = archive_write_new();
	if (!t->ar)
		return err_nomem(err);
	/* Short names and small sizes need no pax header, and pax would write
	 * the same bytes at twice the price.
	 * No blocking: what was written so far tells where we stand. */
	if (archive_write_set_format_ustar(t->ar) ||
	    archive_write_set_bytes_per_block(t->ar, 0) ||
	    archive_write_open(t->ar, t, NULL, pass_on, NULL))
		return failed(t, err);
	return 0;
}

int
tar_new(struct sink *to, struct tar **ret, struct err *err)
{
	AUTO(tar) struct tar *t = calloc(1, sizeof *t);

	if (!t)
		return err_nomem(err);
	t->to = to;
	if (setup(t, err))
		return -1;
	*ret = TAKE(t);
	return 0;
}

/* Nothing of the machine or the moment: same content, same tar. */
static struct archive_entry *
describe(const char *name, size_t n)
{
	struct archive_entry *e = archive_entry_new();

	if (!e)
		return NULL;
	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0600);
	archive_entry_set_size(e, (la_int64_t)n);
	archive_entry_set_mtime(e, 0, 0);
	archive_entry_set_uid(e, 0);
	archive_entry_set_gid(e, 0);
	return e;
}

static int
content(struct tar *t, const char *p, size_t n)
{
	while (n > 0) {
		la_ssize_t done = archive_write_data(t->ar, p, n);

		if (done <= 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return archive_write_finish_entry(t->ar);
}

int
tar_add(struct tar *t, const char *name, const void *p, size_t n,
    uint64_t *offset, struct err *err)
{
	struct archive_entry *e = describe(name, n);
	uint64_t at;
	int rc;

	if (!e)
		return err_nomem(err);
	rc = archive_write_header(t->ar, e);
	archive_entry_free(e);
	at = t->at;
	if (rc != ARCHIVE_OK || content(t, p, n) != ARCHIVE_OK)
		return failed(t, err);
	*offset = at;
	return 0;
}

int
tar_end(struct tar *t, struct err *err)
{
	return archive_write_close(t->ar) == ARCHIVE_OK ? 0 : failed(t, err);
}

void
tar_free(struct tar *t)
{
	if (!t)
		return;
	/* libarchive would write closing blocks that make it look whole: they
	 * go nowhere. */
	t->to = NULL;
	(void)archive_write_free(t->ar);
	free(t);
}
