/* SHA-1 and what WPA2 makes of it. */
#ifndef SHA1_H
#define SHA1_H

#include "common.h"

enum { SHA1_BYTES = 20, SHA1_WORDS = 5, SHA1_BLOCK = 64 };

struct hmac {
    uint32_t inner[SHA1_WORDS], outer[SHA1_WORDS]; /* the states behind the two padded keys */
};

void hmac_key(struct hmac *hmac, const void *key, uint32_t length); /* up to 64 bytes */
void hmac_sha1(const struct hmac *hmac, const void *data, uint32_t length, uint8_t digest[SHA1_BYTES]);
void pbkdf2_sha1(const char *passphrase, const void *salt, uint32_t salt_length, uint32_t rounds, uint8_t out[32]);

#endif
