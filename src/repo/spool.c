#include "repo/spool.h"

#include "base/file.h"
#include "base/log.h"

struct spool {
	struct sink sink;
	int fd; /* -1: none, or no room */
};

static void
give_up(struct spool *s, const struct err *why)
{
	log_debug("read from the repository again where needed: %s", why->msg);
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

static int
spool_write(struct sink *sink, const void *p, size_t n, struct err *err)
{
	struct spool *s = (struct spool *)sink;
	struct err why = { 0 };

	(void)err;
	if (s->fd >= 0 && file_write_all(s->fd, p, n, &why))
		give_up(s, &why);
	return 0;
}

static int
spool_finish(struct sink *sink, struct err *err)
{
	(void)sink;
	(void)err;
	return 0;
}

static void
spool_end(struct sink *sink)
{
	(void)sink;
}

static const struct sink_ops spool_ops = {
	.name = "spool",
	.write = spool_write,
	.finish = spool_finish,
	.free = spool_end,
};

int
spool_new(const char *folder, struct spool **ret, struct err *err)
{
	struct spool *s = calloc(1, sizeof *s);
	struct err why = { 0 };

	if (!s)
		return err_nomem(err);
	(void)sink_init(&s->sink, &spool_ops, NULL);
	s->fd = -1;
	if (file_scratch(folder, &s->fd, &why))
		give_up(s, &why);
	*ret = s;
	return 0;
}

struct sink *
spool_sink(struct spool *s)
{
	return &s->sink;
}

bool
spool_whole(const struct spool *s, uint64_t size)
{
	return s->fd >= 0 && s->sink.bytes == size;
}

int
spool_read(const struct spool *s, uint64_t off, void *to, size_t n,
    struct err *err)
{
	return file_read_at(s->fd, off, to, n, err);
}

void
spool_free(struct spool *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s);
}
