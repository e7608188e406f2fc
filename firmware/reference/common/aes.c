/* AES decryption (FIPS 197), with the equivalent inverse cipher: one table of 256 words and rotations. The boot loader
 * decrypts packages with it, the application unwraps group keys. All tables are computed at start. */
#include "common.h"

static uint8_t sbox[256], inverse[256];
static uint32_t table[256]; /* the inverse S-box and InvMixColumns of one byte */

static uint32_t ror(uint32_t word, uint32_t bits)
{
    return word >> bits | word << (32 - bits);
}

static uint8_t times2(uint8_t a)
{
    return (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1B : 0));
}

static uint8_t times(uint8_t a, uint8_t b)
{
    uint8_t product = 0;
    for (; b; b >>= 1, a = times2(a))
        if (b & 1)
            product ^= a;
    return product;
}

void aes_init(void)
{
    uint8_t p = 1, q = 1; /* q is the inverse of p; 3 generates all of the field but zero */
    uint32_t i;

    if (inverse[0x63] == 0 && sbox[0] == 0x63)
        return;
    do {
        uint8_t s;
        p ^= times2(p);
        q = times(q, 0xF6);
        s = (uint8_t)(q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4) ^ 0x63);
        sbox[p] = s;
        inverse[s] = p;
    } while (p != 1);
    sbox[0] = 0x63;
    inverse[0x63] = 0;
    for (i = 0; i < 256; i++) {
        uint8_t s = inverse[i];
        table[i] = (uint32_t)times(s, 14) | (uint32_t)times(s, 9) << 8 | (uint32_t)times(s, 13) << 16 |
                   (uint32_t)times(s, 11) << 24;
    }
}

static uint32_t substitute(uint32_t word)
{
    return sbox[word & 0xFF] | sbox[word >> 8 & 0xFF] << 8 | sbox[word >> 16 & 0xFF] << 16 |
           (uint32_t)sbox[word >> 24] << 24;
}

static uint32_t inverse_mix(uint32_t word)
{
    return table[sbox[word & 0xFF]] ^ ror(table[sbox[word >> 8 & 0xFF]], 24) ^ ror(table[sbox[word >> 16 & 0xFF]], 16) ^
           ror(table[sbox[word >> 24]], 8);
}

/* `bytes` is 16 or 32. */
void aes_decryption_key(struct aes *aes, const uint8_t *key, uint32_t bytes)
{
    uint32_t words = bytes / 4, total, i, constant = 1, temporary[60];

    aes->rounds = words + 6;
    total = 4 * (aes->rounds + 1);
    for (i = 0; i < words; i++)
        temporary[i] = le32(key + 4 * i);
    for (; i < total; i++) {
        uint32_t word = temporary[i - 1];
        if (i % words == 0) {
            word = substitute(ror(word, 8)) ^ constant;
            constant = times2((uint8_t)constant);
        } else if (words == 8 && i % words == 4) {
            word = substitute(word);
        }
        temporary[i] = temporary[i - words] ^ word;
    }
    for (i = 0; i < total; i++) { /* the rounds backwards */
        uint32_t word = temporary[total - 4 - (i & ~3u) + (i & 3)];
        aes->keys[i] = i < 4 || i >= total - 4 ? word : inverse_mix(word);
    }
}

void aes_decrypt(const struct aes *aes, const uint8_t in[16], uint8_t out[16])
{
    const uint32_t *key = aes->keys;
    uint32_t a = le32(in) ^ key[0], b = le32(in + 4) ^ key[1], c = le32(in + 8) ^ key[2], d = le32(in + 12) ^ key[3];
    uint32_t round, last[4], i;

    for (round = 1; round < aes->rounds; round++) {
        uint32_t e, f, g, h;
        key += 4;
#define COLUMN(w, x, y, z) \
    (table[(w) & 0xFF] ^ ror(table[(x) >> 8 & 0xFF], 24) ^ ror(table[(y) >> 16 & 0xFF], 16) ^ ror(table[(z) >> 24], 8))
        e = COLUMN(a, d, c, b) ^ key[0];
        f = COLUMN(b, a, d, c) ^ key[1];
        g = COLUMN(c, b, a, d) ^ key[2];
        h = COLUMN(d, c, b, a) ^ key[3];
#undef COLUMN
        a = e, b = f, c = g, d = h;
    }
    key += 4;
#define COLUMN(w, x, y, z) \
    ((uint32_t)inverse[(w) & 0xFF] | (uint32_t)inverse[(x) >> 8 & 0xFF] << 8 | \
     (uint32_t)inverse[(y) >> 16 & 0xFF] << 16 | (uint32_t)inverse[(z) >> 24] << 24)
    last[0] = COLUMN(a, d, c, b) ^ key[0];
    last[1] = COLUMN(b, a, d, c) ^ key[1];
    last[2] = COLUMN(c, b, a, d) ^ key[2];
    last[3] = COLUMN(d, c, b, a) ^ key[3];
#undef COLUMN
    for (i = 0; i < 16; i++)
        out[i] = (uint8_t)(last[i / 4] >> 8 * (i % 4));
}
