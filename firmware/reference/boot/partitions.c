/* The partition table: entries of 64 bytes behind the code, the highest one first. It is looked for from where the
 * chip has its end at most downward at any alignment, as the vendor's boot loader does it; unlike there an entry must
 * have the right CRC-32. */
#include "boot.h"
#include "placement.h"

enum { HIGHEST = TABLE_BELOW - sizeof(struct partition), MOST = 16 };

static const struct partition *table;
static uint32_t entries;

static int entry_at(const uint8_t *at)
{
    return at[3] == 'E' && at[2] == 'P' && at[1] == '1' && at[0] == '0';
}

static int entry_sound(const uint8_t *at)
{
    return le32(at + 60) == crc32(0, at, 60);
}

void partitions_find(void)
{
    static struct partition copy[MOST]; /* in the flash they need not be aligned */
    uint32_t at;

    for (at = HIGHEST; at; at--)
        if (entry_at((const uint8_t *)at) && entry_sound((const uint8_t *)at))
            break;
    for (; at >= sizeof(struct partition) && entries < MOST && entry_at((const uint8_t *)at); at -= sizeof *table) {
        if (entry_sound((const uint8_t *)at))
            memcpy(&copy[entries++], (const void *)at, sizeof *copy);
        else
            ERROR("FAL", "fal_partition_init", "A partition entry has a wrong CRC-32: it is passed over.");
    }
    table = copy;
}

const struct partition *partition_named(const char *name)
{
    uint32_t i;
    for (i = 0; i < entries; i++)
        if (strncmp(table[i].name, name, sizeof table[i].name) == 0)
            return &table[i];
    return NULL;
}

int is_framed(const struct partition *partition)
{
    return strncmp(partition->device, "beken_onchip_crc", sizeof partition->device) == 0;
}

/* Every 32 logical bytes take 34 physical ones. */
uint32_t physical(uint32_t logical)
{
    return logical / 32 * 34 + logical % 32;
}

uint32_t partition_start(const struct partition *partition)
{
    return is_framed(partition) ? physical(partition->offset) : partition->offset;
}

uint32_t partition_end(const struct partition *partition)
{
    uint32_t end = partition->offset + partition->length;
    return is_framed(partition) ? physical(end) : end;
}
