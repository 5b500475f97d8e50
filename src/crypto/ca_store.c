#include "crypto/ca_store.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

struct ca_store {
	X509_STORE *certs;
};

static void
scope_bio(BIO **b)
{
	(void)BIO_free(*b);
}

/* One that is there twice is there. */
static int
add(X509_STORE *to, X509 *cert, struct err *err)
{
	int rc = X509_STORE_add_cert(to, cert);

	X509_free(cert);
	return rc == 1 ? 0 : err_nomem(err);
}

static int
read_pem(X509_STORE *to, const char *pem, struct err *err)
{
	AUTO(bio) BIO *b = BIO_new_mem_buf(pem, -1);
	X509 *cert;
	size_t n = 0;

	if (!b)
		return err_nomem(err);
	while ((cert = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
		if (add(to, cert, err))
			return -1;
		n++;
	}
	/* what ended it; not left for another to find */
	ERR_clear_error();
	return n > 0
	           ? 0
	           : err_set(err, ERR_USAGE, "the CA certificates are not PEM");
}

static void
read_system(X509_STORE *to, const struct ca_store_from *from)
{
	if (from->file)
		(void)X509_STORE_load_file(to, from->file);
	if (from->folder)
		(void)X509_STORE_load_path(to, from->folder);
	ERR_clear_error();
}

int
ca_store_new(const struct ca_store_from *from, struct ca_store **ret,
    struct err *err)
{
	AUTO(ca_store) struct ca_store *s = calloc(1, sizeof *s);

	if (s)
		s->certs = X509_STORE_new();
	if (!s || !s->certs)
		return err_nomem(err);
	/* as libcurl does: what is given is trusted, be it no root */
	(void)X509_STORE_set_flags(s->certs,
	    X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	if (!from->pem)
		read_system(s->certs, from);
	else if (read_pem(s->certs, from->pem, err))
		return -1;
	*ret = TAKE(s);
	return 0;
}

void
ca_store_free(struct ca_store *s)
{
	if (!s)
		return;
	X509_STORE_free(s->certs);
	free(s);
}

void
ca_store_use(const struct ca_store *s, void *ssl_ctx)
{
	SSL_CTX_set1_cert_store(ssl_ctx, s->certs);
}
