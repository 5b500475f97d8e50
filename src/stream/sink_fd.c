#include "base/file.h"
#include "stream/sink.h"

struct sink_fd {
	struct sink sink;
	int fd;
};

static int
fd_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	return file_write_all(((struct sink_fd *)s)->fd, p, n, err);
}

static int
fd_finish(struct sink *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static void
fd_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops fd_ops = {
	.name = "fd",
	.write = fd_write,
	.finish = fd_finish,
	.free = fd_free,
};

int
sink_fd_new(int fd, struct sink **out, struct err *err)
{
	struct sink_fd *f = calloc(1, sizeof *f);

	if (!f)
		return err_nomem(err);
	f->fd = fd;
	*out = sink_init(&f->sink, &fd_ops, NULL);
	return 0;
}
