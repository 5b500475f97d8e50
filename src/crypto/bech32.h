/*
 * bech32.h - 32 bytes as text with a checksum, as age writes its keys: a
 * prefix, '1', 52 digits of five bits, 6 digits of checksum.
 *
 * Source: BIP 173.  Text is all in the case of its prefix; the checksum is
 * that of the lower case.
 */
#ifndef CRYPTO_BECH32_H
#define CRYPTO_BECH32_H

#include <stdbool.h>
#include <stdint.h>

enum { BECH32_BYTES = 32, BECH32_TAIL = 1 + 52 + 6 };

/* out holds strlen(prefix) + BECH32_TAIL + 1. */
void bech32_encode(const char *prefix, const uint8_t bytes[BECH32_BYTES],
    char *out);
/* False: anything but what bech32_encode gives for some 32 bytes. */
bool bech32_decode(const char *text, const char *prefix,
    uint8_t bytes[BECH32_BYTES]);

#endif
