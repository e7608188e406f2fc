/* CRC-32 (reflected 0x04C11DB7, as in zip), with a table that is made when it is first needed. */
#include "common.h"

static uint32_t table[256];

static void make_table(void)
{
    uint32_t byte, bit;
    for (byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
        table[byte] = crc;
    }
}

/* Start with 0; the result of one part is the start of the next. */
uint32_t crc32(uint32_t crc, const void *data, size_t count)
{
    const uint8_t *p = data;
    if (!table[1])
        make_table();
    for (crc = ~crc; count; count--)
        crc = crc >> 8 ^ table[(crc ^ *p++) & 0xFF];
    return ~crc;
}
