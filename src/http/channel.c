#include "http/channel.h"

#include <curl/curl.h>
#include <poll.h>

#include "base/clock.h"
#include "http/http_impl.h"

struct channel {
	struct handle *handle;
	CURL *curl; /* of the handle */
	int fd;
};

int
channel_open(struct http *h, const char *url, struct channel **ret,
    struct err *err)
{
	AUTO(channel) struct channel *c = calloc(1, sizeof *c);
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (!c)
		return err_nomem(err);
	if (http_connect(h, url, &c->handle, err))
		return -1;
	c->curl = http_connect_curl(c->handle);
	if (curl_easy_getinfo(c->curl, CURLINFO_ACTIVESOCKET, &fd) !=
	        CURLE_OK ||
	    fd == CURL_SOCKET_BAD)
		return err_set(err, ERR_TRANSIENT,
		    "the connection was closed at once");
	c->fd = fd;
	*ret = TAKE(c);
	return 0;
}

void
channel_free(struct channel *c)
{
	if (!c)
		return;
	http_connect_end(c->handle);
	free(c);
}

int
channel_read(struct channel *c, void *p, size_t n, size_t *got, struct err *err)
{
	size_t k = 0;
	CURLcode rc = curl_easy_recv(c->curl, p, n, &k);

	*got = 0;
	if (rc == CURLE_AGAIN)
		return 0;
	if (rc == CURLE_OUT_OF_MEMORY)
		return err_nomem(err);
	if (rc != CURLE_OK)
		return err_set(err, ERR_TRANSIENT, "the connection was cut: %s",
		    curl_easy_strerror(rc));
	if (k == 0)
		return err_set(err, ERR_TRANSIENT,
		    "the connection was closed by the other side");
	*got = k;
	return 0;
}

int
channel_write(struct channel *c, const void *p, size_t n, size_t *sent,
    struct err *err)
{
	size_t k = 0;
	CURLcode rc = curl_easy_send(c->curl, p, n, &k);

	*sent = 0;
	if (rc == CURLE_AGAIN)
		return 0;
	if (rc == CURLE_OUT_OF_MEMORY)
		return err_nomem(err);
	if (rc != CURLE_OK)
		return err_set(err, ERR_TRANSIENT, "the connection was cut: %s",
		    curl_easy_strerror(rc));
	*sent = k;
	return 0;
}

int
channel_write_all(struct channel *c, const void *p, size_t n, unsigned ms,
    struct err *err)
{
	const char *at = p;

	while (n > 0) {
		size_t k;

		if (channel_write(c, at, n, &k, err))
			return -1;
		if (k == 0 && !channel_wait(c, true, ms))
			return err_set(err, ERR_TRANSIENT,
			    "nothing could be sent for %u s", ms / 1000);
		at += k;
		n -= k;
	}
	return 0;
}

/* A signal makes it shorter, which its callers do not mind. */
bool
channel_wait(struct channel *c, bool write, unsigned ms)
{
	struct pollfd p = { .fd = c->fd,
		.events = (short)(write ? POLLIN | POLLOUT : POLLIN) };

	return poll(&p, 1, (int)ms) != 0;
}
