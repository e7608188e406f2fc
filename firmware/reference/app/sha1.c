/* SHA-1 (FIPS 180-4), HMAC (RFC 2104) and PBKDF2 (RFC 8018) with it.
 *
 * A passphrase takes 16,384 compressions, so these work on words, and the states behind HMAC's two padded keys are
 * kept: an iteration of PBKDF2 is two compressions and no copying of bytes. */
#include "sha1.h"

static const uint32_t start[SHA1_WORDS] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};

static inline uint32_t rol(uint32_t word, uint32_t bits)
{
    return word << bits | word >> (32 - bits);
}

#define CHOOSE(b, c, d) ((d) ^ ((b) & ((c) ^ (d))))
#define PARITY(b, c, d) ((b) ^ (c) ^ (d))
#define MAJORITY(b, c, d) (((b) & (c)) | ((d) & ((b) | (c))))
#define ROUND(f, k, a, b, c, d, e) (e += rol(a, 5) + f(b, c, d) + (k) + *word++, b = rol(b, 30))
#define ROUNDS(f, k)                  \
    for (end = word + 20; word < end;) { \
        ROUND(f, k, a, b, c, d, e);   \
        ROUND(f, k, e, a, b, c, d);   \
        ROUND(f, k, d, e, a, b, c);   \
        ROUND(f, k, c, d, e, a, b);   \
        ROUND(f, k, b, c, d, e, a);   \
    }

static void compress(const uint32_t *state, const uint32_t *block, uint32_t *out)
{
    uint32_t words[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    const uint32_t *word, *end;
    uint32_t *next;
    int i;

    for (i = 0; i < 16; i++)
        words[i] = block[i];
    for (next = words + 16; next < words + 80; next++)
        *next = rol(next[-3] ^ next[-8] ^ next[-14] ^ next[-16], 1);
    word = words;
    ROUNDS(CHOOSE, 0x5A827999)
    ROUNDS(PARITY, 0x6ED9EBA1)
    ROUNDS(MAJORITY, 0x8F1BBCDC)
    ROUNDS(PARITY, 0xCA62C1D6)
    out[0] = state[0] + a;
    out[1] = state[1] + b;
    out[2] = state[2] + c;
    out[3] = state[3] + d;
    out[4] = state[4] + e;
}

void hmac_key(struct hmac *hmac, const void *key, uint32_t length)
{
    uint8_t padded[SHA1_BLOCK] = {0};
    uint32_t block[16], i;

    memcpy(padded, key, length);
    for (i = 0; i < 16; i++)
        block[i] = be32(padded + 4 * i) ^ 0x36363636;
    compress(start, block, hmac->inner);
    for (i = 0; i < 16; i++)
        block[i] ^= 0x36363636 ^ 0x5C5C5C5C;
    compress(start, block, hmac->outer);
}

/* The rest of a message whose first 64 bytes, the padded key, are in `state` already. */
static void finish(uint32_t *state, const uint8_t *data, uint32_t length)
{
    uint32_t bits = (SHA1_BLOCK + length) * 8, ended = 0, done = 0;

    while (!done) {
        uint8_t bytes[SHA1_BLOCK] = {0};
        uint32_t block[16], i, take = length < SHA1_BLOCK ? length : SHA1_BLOCK;
        memcpy(bytes, data, take);
        if (take < SHA1_BLOCK && !ended) {
            bytes[take] = 0x80;
            ended = 1;
        }
        if (ended && take <= SHA1_BLOCK - 9) {
            put_be32(bytes + SHA1_BLOCK - 4, bits);
            done = 1;
        }
        for (i = 0; i < 16; i++)
            block[i] = be32(bytes + 4 * i);
        compress(state, block, state);
        data += take;
        length -= take;
    }
}

/* A block for a digest as the whole message behind a padded key. */
static void digest_block(uint32_t *block)
{
    memset(block, 0, SHA1_BLOCK);
    block[SHA1_WORDS] = 0x80000000;
    block[15] = (SHA1_BLOCK + SHA1_BYTES) * 8;
}

void hmac_sha1(const struct hmac *hmac, const void *data, uint32_t length, uint8_t digest[SHA1_BYTES])
{
    uint32_t block[16], state[SHA1_WORDS], i;

    digest_block(block);
    memcpy(block, hmac->inner, SHA1_BYTES);
    finish(block, data, length);
    compress(hmac->outer, block, state);
    for (i = 0; i < SHA1_WORDS; i++)
        put_be32(digest + 4 * i, state[i]);
}

void pbkdf2_sha1(const char *passphrase, const void *salt, uint32_t salt_length, uint32_t rounds, uint8_t out[32])
{
    struct hmac hmac;
    uint8_t salted[40], digest[SHA1_BYTES];
    uint32_t part, round, i;

    hmac_key(&hmac, passphrase, strlen(passphrase));
    memcpy(salted, salt, salt_length);
    for (part = 0; part < 2; part++) {
        uint32_t block[16], sum[SHA1_WORDS];
        put_be32(salted + salt_length, part + 1);
        hmac_sha1(&hmac, salted, salt_length + 4, digest);
        digest_block(block);
        for (i = 0; i < SHA1_WORDS; i++)
            sum[i] = block[i] = be32(digest + 4 * i);
        for (round = 1; round < rounds; round++) {
            compress(hmac.inner, block, block);
            compress(hmac.outer, block, block);
            for (i = 0; i < SHA1_WORDS; i++)
                sum[i] ^= block[i];
        }
        for (i = 0; i < SHA1_WORDS && part * SHA1_WORDS + i < 8; i++)
            put_be32(out + 4 * (part * SHA1_WORDS + i), sum[i]);
    }
}
