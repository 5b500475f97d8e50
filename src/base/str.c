#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
str_dup(const char *s, char **ret, struct err *err)
{
	size_t n = s ? strlen(s) + 1 : 0;
	char *copy = s ? malloc(n) : NULL;

	if (!copy)
		return err_nomem(err);
	memcpy(copy, s, n);
	*ret = copy;
	return 0;
}

int
str_cut(const char *s, size_t n, char **ret, struct err *err)
{
	char *copy = malloc(n + 1);

	if (!copy)
		return err_nomem(err);
	memcpy(copy, s, n);
	copy[n] = '\0';
	*ret = copy;
	return 0;
}

/* How long they are together; into out, where that is given. */
static size_t
join(char *out, va_list ap)
{
	const char *s;
	size_t all = 0;

	while ((s = va_arg(ap, const char *)) != NULL) {
		size_t n = strlen(s);

		if (out)
			memcpy(out + all, s, n + 1);
		all += n;
	}
	return all;
}

int
str_join(char **ret, struct err *err, ...)
{
	va_list ap;
	char *text;
	size_t n;

	va_start(ap, err);
	n = join(NULL, ap);
	va_end(ap);
	text = malloc(n + 1);
	if (!text)
		return err_nomem(err);
	va_start(ap, err);
	*text = '\0';
	(void)join(text, ap);
	va_end(ap);
	*ret = text;
	return 0;
}

int
str_printf(char **ret, struct err *err, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0)
		text = malloc((size_t)n + 1);
	if (!text)
		return err_nomem(err);
	va_start(ap, fmt);
	(void)vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	*ret = text;
	return 0;
}

/* Digits from *p on; false: none, or more than fits. */
static bool
digits(const char **p, uint64_t *ret)
{
	const char *s = *p;
	uint64_t n = 0;

	for (; *s >= '0' && *s <= '9'; s++) {
		uint64_t d = (uint64_t)(*s - '0');

		if (n > (UINT64_MAX - d) / 10)
			return false;
		n = n * 10 + d;
	}
	if (s == *p)
		return false;
	*p = s;
	*ret = n;
	return true;
}

int
str_to_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret,
    struct err *err)
{
	const char *p = text;
	uint64_t n;

	if (!digits(&p, &n) || *p != '\0' || n < min || n > max)
		return err_set(err, ERR_USAGE,
		    "'%.40s' is not a number from %ju to %ju", text,
		    (uintmax_t)min, (uintmax_t)max);
	*ret = n;
	return 0;
}

int
str_to_size(const char *text, uint64_t *ret, struct err *err)
{
	static const char units[] = "KMGT";
	const char *p = text, *unit;
	unsigned shift = 0;
	uint64_t n = 0;

	if (!digits(&p, &n))
		p = "?";
	if (*p && (unit = strchr(units, *p)) != NULL) {
		shift = 10 * (unsigned)(unit - units + 1);
		p++;
	}
	if (*p != '\0' || (shift && n > UINT64_MAX >> shift))
		return err_set(err, ERR_USAGE,
		    "'%.40s' is not a size such as 512K, 20M or 2G", text);
	*ret = n << shift;
	return 0;
}

int
str_to_span(const char *text, uint64_t *ret, struct err *err)
{
	static const char units[] = "hdwy";
	static const uint64_t day = 86400;
	const uint64_t seconds[] = { 3600, day, 7 * day, 365 * day };
	const char *p = text, *unit = NULL;
	uint64_t n = 0;
	bool good = digits(&p, &n) && n <= 1000000;

	if (good && *p && (unit = strchr(units, *p)) != NULL)
		p++;
	if (!good || *p != '\0' || (!unit && n != 0))
		return err_set(err, ERR_USAGE,
		    "'%.40s' is not a span of time such as 12h, 30d, 2w or 1y",
		    text);
	*ret = unit ? n * seconds[unit - units] : 0;
	return 0;
}

void
str_hex(const void *bytes, size_t n, char *out)
{
	static const char digit[] = "0123456789abcdef";
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++) {
		*out++ = digit[p[i] >> 4];
		*out++ = digit[p[i] & 15];
	}
	*out = '\0';
}

static int
hex_value(char c)
{
	/* without branches, of which digits at random make a bad guess */
	unsigned digit = (unsigned char)c - (unsigned)'0';
	unsigned letter = ((unsigned char)c | 0x20u) - (unsigned)'a';

	return digit < 10 ? (int)digit : letter < 6 ? (int)letter + 10 : -1;
}

int
str_unhex(const char *text, void *out, size_t n, struct err *err)
{
	uint8_t *p = out;

	if (strlen(text) != 2 * n)
		return err_set(err, ERR_CORRUPT,
		    "'%.80s' is not %zu bytes in hex", text, n);
	for (size_t i = 0; i < n; i++) {
		int hi = hex_value(text[2 * i]),
		    lo = hex_value(text[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return err_set(err, ERR_CORRUPT,
			    "'%.80s' is not in hex", text);
		p[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

static const char base64_digit[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

int
str_base64(struct buf *b, const void *bytes, size_t n, struct err *err)
{
	const uint8_t *p = bytes;

	if (buf_reserve(b, (n + 2) / 3 * 4, err))
		return -1;
	for (; n > 0; p += 3) {
		size_t k = n < 3 ? n : 3;
		uint32_t v = (uint32_t)p[0] << 16 |
		             (k > 1 ? (uint32_t)p[1] << 8 : 0) |
		             (k > 2 ? (uint32_t)p[2] : 0);
		char four[4] = { base64_digit[v >> 18],
			base64_digit[v >> 12 & 63],
			base64_digit[k > 1 ? v >> 6 & 63 : 64],
			base64_digit[k > 2 ? v & 63 : 64] };

		memcpy(b->data + b->len, four, sizeof four);
		b->len += sizeof four;
		n -= k;
	}
	b->data[b->len] = '\0';
	return 0;
}

/* Four characters to one to three bytes; 0: not base64. */
static size_t
unbase64_group(const char *p, uint8_t out[3])
{
	uint32_t v = 0;
	size_t n = 3;

	for (int i = 0; i < 4; i++) {
		const char *at =
		    p[i] && p[i] != '=' ? strchr(base64_digit, p[i]) : NULL;

		if (!at && !(p[i] == '=' && i >= 2))
			return 0;
		if (!at)
			n = n < 3 ? n : (size_t)i - 1;
		else if (n < 3)
			return 0; /* a digit behind the padding */
		v = v << 6 | (at ? (uint32_t)(at - base64_digit) : 0);
	}
	out[0] = (uint8_t)(v >> 16);
	out[1] = (uint8_t)(v >> 8);
	out[2] = (uint8_t)v;
	return n;
}

int
str_unbase64(struct buf *b, const char *text, struct err *err)
{
	uint8_t three[3];
	size_t n = 3;

	for (; *text; text += 4) {
		if (n < 3 || strnlen(text, 4) < 4 ||
		    (n = unbase64_group(text, three)) == 0)
			return err_set(err, ERR_CORRUPT, "not base64");
		if (buf_add(b, three, n, err))
			return -1;
	}
	return 0;
}

static bool
unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

int
str_shell(struct buf *b, const char *text, struct err *err)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                            "_-+=.,:/@%";

	if (*text && strspn(text, plain) == strlen(text))
		return buf_puts(b, text, err);
	if (buf_puts(b, "'", err))
		return -1;
	for (; *text; text++)
		if (*text == '\'' ? buf_puts(b, "'\\''", err)
		                  : buf_add(b, text, 1, err))
			return -1;
	return buf_puts(b, "'", err);
}

int
str_percent(struct buf *b, const char *s, const char *keep, struct err *err)
{
	static const char digit[] = "0123456789ABCDEF";

	for (; *s; s++) {
		char three[3] = { '%', digit[(uint8_t)*s >> 4],
			digit[(uint8_t)*s & 15] };
		bool as_is = unreserved(*s) || strchr(keep, *s);

		if (as_is ? buf_add(b, s, 1, err) : buf_add(b, three, 3, err))
			return -1;
	}
	return 0;
}

int
str_unpercent(struct buf *b, const char *s, struct err *err)
{
	for (;; s += 3) {
		size_t n = strcspn(s, "%");
		int hi, lo;
		char c;

		if (buf_add(b, s, n, err))
			return -1;
		s += n;
		if (*s == '\0')
			return 0;
		hi = hex_value(s[1]);
		lo = hi < 0 ? -1 : hex_value(s[2]);
		if (lo < 0 || hi + lo == 0)
			return err_set(err, ERR_CORRUPT,
			    "'%.40s' is not percent-encoded", s);
		c = (char)(hi << 4 | lo);
		if (buf_add(b, &c, 1, err))
			return -1;
	}
}

/* Length of the UTF-8 sequence at p, or 0. */
static size_t
utf8_length(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80       ? 1
	             : p[0] >> 5 == 6  ? 2
	             : p[0] >> 4 == 14 ? 3
	             : p[0] >> 3 == 30 ? 4
	                               : 0;
	uint32_t c;

	if (len <= 1)
		return len;
	if (len > n)
		return 0;
	c = p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 63);
	}
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)
	           ? 0
	           : len;
}

/* How much of the beginning is ASCII, in steps of eight bytes. */
static size_t
ascii(const char *s, size_t n)
{
	size_t done = 0;
	uint64_t eight;

	for (; n - done >= sizeof eight; done += sizeof eight) {
		memcpy(&eight, s + done, sizeof eight);
		if (eight & UINT64_C(0x8080808080808080))
			break;
	}
	return done;
}

bool
str_has_controls(const char *s, size_t n)
{
	uint64_t eight, any = 0;

	/* a byte that is less borrows from its highest bit */
	for (; n >= sizeof eight; s += sizeof eight, n -= sizeof eight) {
		memcpy(&eight, s, sizeof eight);
		any |= (eight - UINT64_C(0x2020202020202020)) & ~eight;
	}
	any &= UINT64_C(0x8080808080808080);
	while (n-- > 0)
		any |= (unsigned char)*s++ < 0x20;
	return any;
}

bool
str_is_utf8(const char *s, size_t n)
{
	size_t skip = ascii(s, n);

	s += skip;
	n -= skip;
	while (n > 0) {
		size_t len = utf8_length((const uint8_t *)s, n);

		if (len == 0)
			return false;
		s += len;
		n -= len;
	}
	return true;
}

bool
str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	return n >= k && strcmp(s + n - k, suffix) == 0;
}

void
str_bytes(uint64_t n, char out[16])
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB", "EiB" };
	double v = (double)n;
	size_t i = 0;

	for (; v >= 1024 && i < 6; i++)
		v /= 1024;
	(void)snprintf(out, 16, i ? "%.1f %s" : "%.0f %s", v, unit[i]);
}
