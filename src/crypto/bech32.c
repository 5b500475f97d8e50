#include "crypto/bech32.h"

#include <ctype.h>
#include <string.h>

enum { DATA = 52, CHECKSUM = 6, DIGITS = DATA + CHECKSUM };

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* One digit more in the remainder of BIP 173's polynomial. */
static uint32_t
add(uint32_t sum, uint32_t digit)
{
	static const uint32_t generator[] = { 0x3b6a57b2, 0x26508e6d,
		0x1ea119fa, 0x3d4233dd, 0x2a1462b3 };
	uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ digit;
	for (int i = 0; i < 5; i++)
		if (top >> i & 1)
			sum ^= generator[i];
	return sum;
}

/* The remainder of the prefix, then of n digits. */
static uint32_t
sum_of(const char *prefix, const uint8_t *digit, size_t n)
{
	uint32_t sum = 1;

	for (const char *p = prefix; *p; p++)
		sum = add(sum, (uint32_t)tolower((uint8_t)*p) >> 5);
	sum = add(sum, 0);
	for (const char *p = prefix; *p; p++)
		sum = add(sum, (uint32_t)tolower((uint8_t)*p) & 31);
	for (size_t i = 0; i < n; i++)
		sum = add(sum, digit[i]);
	return sum;
}

/* 256 bits are 51 digits and one bit; the last four bits are 0. */
static void
to_digits(const uint8_t bytes[BECH32_BYTES], uint8_t digit[DATA])
{
	for (size_t i = 0; i < DATA; i++) {
		size_t bit = 5 * i, at = bit / 8;
		uint32_t two = (uint32_t)bytes[at] << 8;

		if (at + 1 < BECH32_BYTES)
			two |= bytes[at + 1];
		digit[i] = (uint8_t)(two >> (11 - bit % 8) & 31);
	}
}

static bool
to_bytes(const uint8_t digit[DATA], uint8_t bytes[BECH32_BYTES])
{
	uint32_t bits = 0, n = 0;
	size_t at = 0;

	for (size_t i = 0; i < DATA; i++) {
		bits = (bits << 5 | digit[i]) & 0xfff;
		n += 5;
		if (n < 8)
			continue;
		n -= 8;
		bytes[at++] = (uint8_t)(bits >> n);
	}
	return (bits & 15) == 0;
}

void
bech32_encode(const char *prefix, const uint8_t bytes[BECH32_BYTES], char *out)
{
	bool upper = isupper((uint8_t)*prefix);
	uint8_t digit[DIGITS] = { 0 };
	size_t n = strlen(prefix);
	uint32_t sum;

	to_digits(bytes, digit);
	sum = sum_of(prefix, digit, DIGITS) ^ 1;
	for (int i = 0; i < CHECKSUM; i++)
		digit[DATA + i] = (uint8_t)(sum >> (25 - 5 * i) & 31);
	memcpy(out, prefix, n);
	out[n++] = '1';
	for (size_t i = 0; i < DIGITS; i++) {
		int c = (uint8_t)alphabet[digit[i]];

		out[n++] = (char)(upper ? toupper(c) : c);
	}
	out[n] = '\0';
	explicit_bzero(digit, sizeof digit);
}

/* The digits behind prefix and '1', all in the case of the prefix. */
static bool
read_digits(const char *text, const char *prefix, uint8_t digit[DIGITS])
{
	bool upper = isupper((uint8_t)*prefix);
	size_t n = strlen(prefix);

	if (strncmp(text, prefix, n) != 0 || text[n] != '1' ||
	    strnlen(text + n + 1, DIGITS + 1) != DIGITS)
		return false;
	text += n + 1;
	for (size_t i = 0; i < DIGITS; i++) {
		uint8_t c = (uint8_t)text[i];
		const char *at;

		if (upper ? islower(c) : isupper(c))
			return false;
		at = strchr(alphabet, tolower(c));
		if (!at)
			return false;
		digit[i] = (uint8_t)(at - alphabet);
	}
	return true;
}

bool
bech32_decode(const char *text, const char *prefix, uint8_t bytes[BECH32_BYTES])
{
	uint8_t digit[DIGITS], made[BECH32_BYTES];
	bool right = read_digits(text, prefix, digit) &&
	             sum_of(prefix, digit, DIGITS) == 1 &&
	             to_bytes(digit, made);

	if (right)
		memcpy(bytes, made, sizeof made);
	explicit_bzero(digit, sizeof digit);
	explicit_bzero(made, sizeof made);
	return right;
}
