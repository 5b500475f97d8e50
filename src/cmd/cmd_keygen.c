#include "cmd/cmd_keygen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/file.h"
#include "cmd/output.h"
#include "crypto/age_keys.h"

/* As age-keygen writes it; age reads it, and so do we. */
static int
write_pair(struct buf *out, char recipient[AGE_KEYS_RECIPIENT_SIZE],
    struct err *err)
{
	char identity[AGE_KEYS_IDENTITY_SIZE] = "", now[DATE_ISO_SIZE];
	int rc = age_keys_generate(identity, recipient, err);

	date_iso(clock_now(clock_real()), now);
	if (rc == 0)
		rc = buf_printf(out, err,
		    "# created: %s\n# public key: %s\n%s\n", now, recipient,
		    identity);
	explicit_bzero(identity, sizeof identity);
	return rc;
}

static int
write_file(int fd, const char *path, const struct buf *b, struct err *err)
{
	if (file_write_all(fd, b->data, b->len, err))
		return err_wrap(err, "'%s'", path);
	if (fsync(fd))
		return err_sys(err, "cannot sync '%s'", path);
	return file_sync_parent(path, err);
}

/* A key that is there already may be the only one that opens a backup. */
static int
make_file(const char *path, const struct buf *b, struct err *err)
{
	AUTO(close)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return err_set(err, ERR_EXISTS,
		    "'%s' is there already, and is not overwritten", path);
	if (fd < 0)
		return err_sys(err, "cannot make '%s'", path);
	if (write_file(fd, path, b, err) == 0)
		return 0;
	(void)unlink(path);
	return -1;
}

int
cmd_keygen(const struct args *a, struct console *console,
    enum cmd_status *status, struct err *err)
{
	struct buf pair = { .max = 1024 };
	char recipient[AGE_KEYS_RECIPIENT_SIZE];
	int rc;

	(void)console;
	(void)status;
	/* All of it at once, so that no copy of the key is left behind. */
	rc = buf_reserve(&pair, pair.max, err);
	if (rc == 0)
		rc = write_pair(&pair, recipient, err);
	if (rc == 0)
		rc = a->output ? make_file(a->output, &pair, err)
		               : output_text(&pair, err);
	buf_wipe(&pair);
	if (rc == 0)
		(void)fprintf(stderr, "# public key: %s\n", recipient);
	return rc;
}
