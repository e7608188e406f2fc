/* FNV-1a, 32 bits: the hash of an application in its header. */
#include "common.h"

uint32_t fnv1a(uint32_t hash, const void *data, size_t count)
{
    const uint8_t *p = data;
    for (; count; count--)
        hash = (hash ^ *p++) * 0x01000193;
    return hash;
}
