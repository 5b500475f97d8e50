#include "crypto/age_header.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/sha256.h"

enum {
	FILE_KEY = 16,
	NONCE = 16,
	WRAPPED = FILE_KEY + AGE_CHUNK_TAG,
	TEXT32 = 43, /* 32 bytes in base64 */
	COLUMNS = 64
};

static const char version_line[] = "age-encryption.org/v1\n";
static const char mac_mark[] = "---";
static const char wrap_info[] = "age-encryption.org/v1/X25519";

static int
bad(struct err *err, const char *why)
{
	return err_set(err, ERR_CORRUPT, "no age file, or damaged: %s", why);
}

/* --- keys from keys */

struct bytes {
	const void *p;
	size_t n;
};

/* RFC 5869, for 32 bytes: one block of it. */
static int
hkdf(struct bytes secret, struct bytes salt, struct bytes info,
    uint8_t out[SHA256_SIZE], struct err *err)
{
	uint8_t prk[SHA256_SIZE], block[64];
	size_t n = info.n;
	int rc;

	assert(n < sizeof block);
	memcpy(block, info.p, n);
	block[n] = 1;
	rc = sha256_hmac(salt.p, salt.n, secret.p, secret.n, prk, err);
	if (rc == 0)
		rc = sha256_hmac(prk, sizeof prk, block, n + 1, out, err);
	OPENSSL_cleanse(prk, sizeof prk);
	return rc;
}

/* Of the header up to its mark. */
static int
mac_of(const uint8_t file_key[FILE_KEY], struct bytes header,
    uint8_t mac[SHA256_SIZE], struct err *err)
{
	uint8_t key[SHA256_SIZE];
	int rc = hkdf((struct bytes){ file_key, FILE_KEY },
	    (struct bytes){ "", 0 }, (struct bytes){ "header", 6 }, key, err);

	if (rc == 0)
		rc = sha256_hmac(key, sizeof key, header.p, header.n, mac, err);
	OPENSSL_cleanse(key, sizeof key);
	return rc;
}

static int
payload_key(const uint8_t file_key[FILE_KEY], const uint8_t nonce[NONCE],
    uint8_t key[AGE_CHUNK_KEY], struct err *err)
{
	return hkdf((struct bytes){ file_key, FILE_KEY },
	    (struct bytes){ nonce, NONCE }, (struct bytes){ "payload", 7 }, key,
	    err);
}

/* One stanza, and both sides of it. */
struct stanza {
	uint8_t share[X25519_SIZE], wrapped[WRAPPED];
};

/* The key that wraps: known to who has one of the secrets and the other's
 * public key. */
static int
wrap_key(const uint8_t secret[X25519_SIZE], const uint8_t other[X25519_SIZE],
    const struct stanza *s, const uint8_t recipient[X25519_SIZE],
    uint8_t key[AGE_CHUNK_KEY], struct err *err)
{
	uint8_t shared[X25519_SIZE], salt[2 * X25519_SIZE];
	int rc = x25519_shared(secret, other, shared, err);

	memcpy(salt, s->share, X25519_SIZE);
	memcpy(salt + X25519_SIZE, recipient, X25519_SIZE);
	if (rc == 0)
		rc = hkdf((struct bytes){ shared, sizeof shared },
		    (struct bytes){ salt, sizeof salt },
		    (struct bytes){ wrap_info, sizeof wrap_info - 1 }, key,
		    err);
	OPENSSL_cleanse(shared, sizeof shared);
	return rc;
}

/* --- writing */

/* The wrapping's nonce is all zero: that of a first chunk. */
static int
wrap(const uint8_t file_key[FILE_KEY], const uint8_t recipient[X25519_SIZE],
    struct stanza *s, struct err *err)
{
	AUTO(age_chunk) struct age_chunk *c = NULL;
	uint8_t secret[X25519_SIZE], key[AGE_CHUNK_KEY];
	int rc = rand_bytes(secret, sizeof secret, err);

	if (rc == 0)
		rc = x25519_public(secret, s->share, err);
	if (rc == 0)
		rc = wrap_key(secret, recipient, s, recipient, key, err);
	if (rc == 0)
		rc = age_chunk_new(key, true, &c, err);
	if (rc == 0)
		rc = age_chunk_seal(c, 0, false, file_key, FILE_KEY, s->wrapped,
		    err);
	OPENSSL_cleanse(secret, sizeof secret);
	OPENSSL_cleanse(key, sizeof key);
	return rc;
}

/* 32 bytes, and the end of a line in place of the padding. */
static int
put_line(struct buf *b, const char *before, const uint8_t *bytes,
    struct err *err)
{
	if (buf_puts(b, before, err) || str_base64(b, bytes, 32, err))
		return -1;
	b->data[b->len - 1] = '\n';
	return 0;
}

static int
write_stanzas(const struct age_keys *k, const uint8_t file_key[FILE_KEY],
    struct buf *b, struct err *err)
{
	for (size_t i = 0; i < k->nrecipients; i++) {
		struct stanza s;

		if (wrap(file_key, k->recipient[i], &s, err) ||
		    put_line(b, "-> X25519 ", s.share, err) ||
		    put_line(b, "", s.wrapped, err))
			return -1;
	}
	return 0;
}

static int
write_all(const struct age_keys *k, const uint8_t file_key[FILE_KEY],
    struct buf *b, uint8_t key[AGE_CHUNK_KEY], struct err *err)
{
	uint8_t mac[SHA256_SIZE], nonce[NONCE];
	size_t from = b->len;

	if (buf_puts(b, version_line, err) ||
	    write_stanzas(k, file_key, b, err) || buf_puts(b, mac_mark, err) ||
	    mac_of(file_key, (struct bytes){ b->data + from, b->len - from },
	        mac, err) ||
	    put_line(b, " ", mac, err) || rand_bytes(nonce, sizeof nonce, err))
		return -1;
	return buf_add(b, nonce, sizeof nonce, err) ||
	               payload_key(file_key, nonce, key, err)
	           ? -1
	           : 0;
}

int
age_header_write(const struct age_keys *k, struct buf *b,
    uint8_t key[AGE_CHUNK_KEY], struct err *err)
{
	uint8_t file_key[FILE_KEY];
	int rc;

	if (k->nrecipients == 0)
		return err_set(err, ERR_USAGE,
		    "there is no recipient to encrypt to");
	rc = rand_bytes(file_key, sizeof file_key, err);
	if (rc == 0)
		rc = write_all(k, file_key, b, key, err);
	OPENSSL_cleanse(file_key, sizeof file_key);
	return rc;
}

/* --- reading */

/* No line of a header begins like its last. */
int
age_header_size(const void *bytes, size_t n, size_t *size, struct err *err)
{
	static const char mark[] = "\n---";
	const size_t version = sizeof version_line - 1;
	const char *p = bytes, *last, *end = NULL;

	if (memcmp(p, version_line, n < version ? n : version) != 0)
		return bad(err, "the first line is not that of age");
	last = memmem(p, n, mark, sizeof mark - 1);
	if (last)
		end = memchr(last + 1, '\n', n - (size_t)(last + 1 - p));
	*size = end ? (size_t)(end + 1 - p) + NONCE : 0;
	if (*size > AGE_HEADER_MAX || (!end && n >= AGE_HEADER_MAX))
		return bad(err, "its header is too long");
	if (*size > n)
		*size = 0;
	return 0;
}

/* Lines of the header that are still to be read. */
struct cursor {
	const char *p, *end;
};

/* Without its end.  There is one: the last line ends where the text does, and
 * what reads lines stops there. */
static struct bytes
next_line(struct cursor *c)
{
	const char *end = memchr(c->p, '\n', (size_t)(c->end - c->p));
	struct bytes line = { c->p, (size_t)(end - c->p) };

	c->p = end + 1;
	return line;
}

static bool
begins(const struct bytes *line, const char *with)
{
	size_t n = strlen(with);

	return line->n >= n && memcmp(line->p, with, n) == 0;
}

static int
digit_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                             "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Base64 as only one text can be: no padding, and no bits left over. */
static bool
is_canonical(const char *p, size_t n)
{
	static const int unused[] = { 0, 0, 15, 3 };

	for (size_t i = 0; i < n; i++)
		if (digit_of(p[i]) < 0)
			return false;
	if (n % 4 == 1)
		return false;
	return n == 0 || (digit_of(p[n - 1]) & unused[n % 4]) == 0;
}

/* The text of 32 bytes. */
static bool
read32(const char *p, size_t n, uint8_t out[32])
{
	uint32_t bits = 0;
	size_t at = 0;

	if (n != TEXT32 || !is_canonical(p, n))
		return false;
	for (size_t i = 0, have = 0; i < n; i++) {
		bits = (bits << 6 | (uint32_t)digit_of(p[i])) & 0xffff;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		out[at++] = (uint8_t)(bits >> have);
	}
	return true;
}

/* Words of printable characters, one space between two of them. */
static bool
is_words(const char *p, size_t n)
{
	bool space = true;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < ' ' || p[i] > '~' || (space && p[i] == ' '))
			return false;
		space = p[i] == ' ';
	}
	return !space;
}

/* Lines of a stanza to its short one.  *body: that one, if it is the only. */
static int
read_body(struct cursor *c, struct bytes *body, struct err *err)
{
	struct bytes line;
	size_t count = 0;

	do {
		line = next_line(c);
		if (line.n > COLUMNS || !is_canonical(line.p, line.n))
			return bad(err, "a stanza that is none");
		count++;
	} while (line.n == COLUMNS);
	*body = count == 1 ? line : (struct bytes){ "", 0 };
	return 0;
}

struct header {
	struct stanza stanza[AGE_HEADER_STANZAS]; /* of X25519 */
	size_t count;
	uint8_t mac[SHA256_SIZE];
	struct bytes covered; /* by it */
};

/* Stanzas of other kinds are somebody else's. */
static int
read_stanza(struct cursor *c, struct bytes words, struct header *h,
    struct err *err)
{
	static const char kind[] = "X25519 ";
	struct stanza *s = &h->stanza[h->count];
	const char *p = words.p;
	struct bytes body = { 0 };

	if (!is_words(p, words.n))
		return bad(err, "a stanza that is none");
	if (read_body(c, &body, err))
		return -1;
	/* By a password: such a stanza stands alone, and never here. */
	if (begins(&words, "scrypt "))
		return bad(err, "it is encrypted with a passphrase");
	if (!begins(&words, kind) &&
	    !(words.n == 6 && begins(&words, "X25519")))
		return 0;
	if (words.n < sizeof kind ||
	    !read32(p + sizeof kind - 1, words.n - (sizeof kind - 1),
	        s->share) ||
	    !read32(body.p, body.n, s->wrapped))
		return bad(err, "a stanza of X25519 that is none");
	h->count++;
	return 0;
}

/* The last line: its mark is still under the MAC. */
static int
read_mac(const char *start, struct bytes line, struct header *h,
    struct err *err)
{
	const char *p = line.p;
	const size_t mark = sizeof mac_mark - 1;

	h->covered = (struct bytes){ start, (size_t)(p + mark - start) };
	if (!begins(&line, "--- ") ||
	    !read32(p + mark + 1, line.n - mark - 1, h->mac))
		return bad(err, "the last line of its header");
	return 0;
}

static int
parse(const char *p, size_t n, struct header *h, struct err *err)
{
	struct cursor c = { p + sizeof version_line - 1, p + n };

	for (size_t stanzas = 0;; stanzas++) {
		struct bytes words, line = next_line(&c);

		if (begins(&line, mac_mark))
			return stanzas > 0 && c.p == c.end
			           ? read_mac(p, line, h, err)
			           : bad(err, "its header");
		if (!begins(&line, "-> "))
			return bad(err, "a line that is none of a header");
		if (stanzas == AGE_HEADER_STANZAS)
			return bad(err, "too many recipients");
		words.p = (const char *)line.p + 3;
		words.n = line.n - 3;
		if (read_stanza(&c, words, h, err))
			return -1;
	}
}

/* ERR_CORRUPT: not this identity's; or a share that is none. */
static int
unwrap(const struct age_keys_identity *i, const struct stanza *s,
    uint8_t file_key[FILE_KEY], struct err *err)
{
	AUTO(age_chunk) struct age_chunk *c = NULL;
	uint8_t key[AGE_CHUNK_KEY];
	int rc = wrap_key(i->secret, s->share, s, i->recipient, key, err);

	if (rc == 0)
		rc = age_chunk_new(key, false, &c, err);
	if (rc == 0)
		rc = age_chunk_open(c, 0, false, s->wrapped, WRAPPED, file_key,
		    err);
	OPENSSL_cleanse(key, sizeof key);
	return rc;
}

static int
unwrap_any(const struct age_keys *k, const struct header *h,
    uint8_t file_key[FILE_KEY], struct err *err)
{
	for (size_t i = 0; i < k->nidentities; i++)
		for (size_t j = 0; j < h->count; j++) {
			struct err why = { 0 };

			if (unwrap(&k->identity[i], &h->stanza[j], file_key,
			        &why) == 0)
				return 0;
			if (err_is(&why, ERR_CORRUPT))
				continue; /* another's */
			*err = why;
			return -1;
		}
	if (k->nidentities == 0)
		return err_set(err, ERR_USAGE,
		    "it is encrypted, and there is no identity to read it "
		    "with");
	return err_set(err, ERR_DENIED,
	    "it is encrypted, and to none of the identities that were given");
}

static int
read_all(const struct age_keys *k, const struct header *h,
    const uint8_t nonce[NONCE], uint8_t key[AGE_CHUNK_KEY], struct err *err)
{
	uint8_t file_key[FILE_KEY], mac[SHA256_SIZE];
	int rc = unwrap_any(k, h, file_key, err);

	if (rc == 0)
		rc = mac_of(file_key, h->covered, mac, err);
	if (rc == 0 && CRYPTO_memcmp(mac, h->mac, sizeof mac) != 0)
		rc = bad(err, "its header is not the one that was written");
	if (rc == 0)
		rc = payload_key(file_key, nonce, key, err);
	OPENSSL_cleanse(file_key, sizeof file_key);
	return rc;
}

int
age_header_read(const struct age_keys *k, const void *bytes, size_t size,
    uint8_t key[AGE_CHUNK_KEY], struct err *err)
{
	const uint8_t *p = bytes;
	struct header h = { 0 };
	size_t found = 0;

	if (age_header_size(bytes, size, &found, err))
		return -1;
	if (found != size)
		return bad(err, "its header is cut short");
	if (parse(bytes, size - NONCE, &h, err))
		return -1;
	return read_all(k, &h, p + size - NONCE, key, err);
}
