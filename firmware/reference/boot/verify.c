/* Whether the application in the flash is the one that its footer speaks of. */
#include "boot.h"
#include "registers.h"

/* ROUNDING=1 makes a boot loader with a bug: it hashes whole pieces, so that hardly any application has the hash of its
 * footer, and starts it nevertheless. */
#ifndef ROUNDING
#define ROUNDING 0
#endif

/* Hashes the body through the CPU's window, with its CRC check off as in the vendor's boot loader. */
int app_body_matches(const struct partition *app, const struct rbl *header, uint32_t *hash)
{
    const uint8_t *body = (const uint8_t *)app->offset;
    uint32_t conf = FLASH_CONF, at;

    FLASH_CONF = conf & ~(uint32_t)CRC_EN;
    for (*hash = FNV_START, at = 0; at < header->raw_size; at += PIECE) {
        uint32_t left = header->raw_size - at;
        *hash = fnv1a(*hash, body + at, ROUNDING || left > PIECE ? PIECE : left);
        watchdog_feed();
    }
    FLASH_CONF = conf;
    return *hash == header->raw_hash;
}

int app_sound(const struct partition *app)
{
    struct rbl footer;
    uint32_t hash;

    footer_read(app, &footer);
    if (ROUNDING)
        return 1;
    return header_check(&footer) == HEADER_GOOD && footer.raw_size <= app->length - sizeof footer &&
           app_body_matches(app, &footer, &hash);
}
