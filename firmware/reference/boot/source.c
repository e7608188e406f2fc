/* The body of a package: read from the download partition, decrypted with AES-256-CBC, one chain over the whole. */
#include "boot.h"

enum { BLOCK = 16, AT_ONCE = 512 };

static struct aes aes;
static uint8_t plain[AT_ONCE], before[BLOCK];
static uint32_t next_address, bytes_left;
const uint8_t *source_next, *source_last;

void source_open(uint32_t address, uint32_t size)
{
    aes_init();
    aes_decryption_key(&aes, (const uint8_t *)package_keys.key, sizeof package_keys.key - 1);
    memcpy(before, package_keys.iv, BLOCK);
    next_address = address;
    bytes_left = size;
    source_next = source_last = plain;
}

/* The next piece. 0 at the end. */
int source_refill(void)
{
    uint8_t cipher[AT_ONCE];
    uint32_t count = bytes_left < AT_ONCE ? bytes_left & ~(BLOCK - 1u) : AT_ONCE, at, i;

    if (!count)
        return 0;
    flash_read(next_address, cipher, count);
    for (at = 0; at < count; at += BLOCK) {
        aes_decrypt(&aes, cipher + at, plain + at);
        for (i = 0; i < BLOCK; i++)
            plain[at + i] ^= before[i];
        memcpy(before, cipher + at, BLOCK);
    }
    next_address += count;
    bytes_left -= count;
    source_next = plain;
    source_last = plain + count;
    return 1;
}
