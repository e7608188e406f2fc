/* RBL headers. Unlike in the vendor's boot loader the magic counts. */
#include "boot.h"

enum header_state header_check(const struct rbl *header)
{
    const uint8_t *bytes = (const uint8_t *)header;
    uint32_t i;

    if (header->crc == crc32(0, header, sizeof *header - 4) && memcmp(header->magic, "RBL", 4) == 0)
        return HEADER_GOOD;
    for (i = 0; i < sizeof *header; i++)
        if (bytes[i] != 0xFF)
            return HEADER_BAD;
    return HEADER_BLANK;
}

/* The last 96 bytes of the application's partition, seen through the CPU's window. */
void footer_read(const struct partition *app, struct rbl *footer)
{
    memcpy(footer, (const void *)(app->offset + app->length - sizeof *footer), sizeof *footer);
}

/* A header's text may lack its NUL or hold anything. Puts it into `text`, of size + 1 characters. */
int printable(const char *field, int size, char *text)
{
    int i;
    for (i = 0; i < size && field[i]; i++)
        text[i] = field[i] >= ' ' && field[i] <= '~' ? field[i] : '?';
    text[i] = 0;
    return i;
}
