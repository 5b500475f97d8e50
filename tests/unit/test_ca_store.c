#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

#include "../lib/failalloc.h"
#include "crypto/ca_store.h"

/* A certificate that signs itself, as PEM; the name is its only content. */
static void
make_pem(const char *name, char *pem, size_t size)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	BIO *b = BIO_new(BIO_s_mem());
	int n;

	assert_true(key && x && b);
	assert_true(X509_gmtime_adj(X509_getm_notBefore(x), 0) != NULL);
	assert_true(X509_gmtime_adj(X509_getm_notAfter(x), 3600) != NULL);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x),
	                     "CN", MBSTRING_ASC, (const unsigned char *)name,
	                     -1, -1, 0),
	    1);
	assert_int_equal(X509_set_issuer_name(x, X509_get_subject_name(x)), 1);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(b, x), 1);
	n = BIO_read(b, pem, (int)size - 1);
	assert_true(n > 0 && (size_t)n < size - 1);
	pem[n] = '\0';
	BIO_free(b);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* How many certificates a context trusts that uses the store. */
static int
trusted(const struct ca_store *s)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int n;

	assert_non_null(ctx);
	ca_store_use(s, ctx);
	n = sk_X509_OBJECT_num(
	    X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx)));
	SSL_CTX_free(ctx);
	return n;
}

static void
all_that_are_given_are_trusted(void **state)
{
	char pem[8192] = "# one behind the other\n";
	struct ca_store_from from = { .pem = pem };
	AUTO(ca_store) struct ca_store *s = NULL;
	struct err err = { 0 };

	(void)state;
	make_pem("one", pem + strlen(pem), 2048);
	make_pem("two", pem + strlen(pem), 2048);
	assert_int_equal(ca_store_new(&from, &s, &err), 0);
	assert_int_equal(trusted(s), 2);
	/* again: it stays */
	assert_int_equal(trusted(s), 2);
}

static void
what_is_no_certificate_is_said(void **state)
{
	const struct ca_store_from from = { .pem = "not a certificate" };
	struct ca_store *s = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(ca_store_new(&from, &s, &err), -1);
	assert_true(err_is(&err, ERR_USAGE));
	assert_string_equal(err.msg, "the CA certificates are not PEM");
	assert_null(s);
	ca_store_free(NULL);
}

static void
a_system_without_certificates_trusts_nobody(void **state)
{
	const struct ca_store_from from = { .file = "/nonexistent/a.pem",
		.folder = "/nonexistent" };
	AUTO(ca_store) struct ca_store *s = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(ca_store_new(&from, &s, &err), 0);
	assert_int_equal(trusted(s), 0);
}

static void
no_memory_is_said(void **state)
{
	const struct ca_store_from from = { 0 };
	struct ca_store *s = NULL;
	struct err err = { 0 };

	(void)state;
	failalloc_at(0);
	assert_int_equal(ca_store_new(&from, &s, &err), -1);
	failalloc_at(-1);
	assert_true(err_is(&err, ERR_NOMEM));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_are_given_are_trusted),
		cmocka_unit_test(what_is_no_certificate_is_said),
		cmocka_unit_test(a_system_without_certificates_trusts_nobody),
		cmocka_unit_test(no_memory_is_said),
	};

	return cmocka_run_group_tests_name("ca_store", tests, NULL, NULL);
}
