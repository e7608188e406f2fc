/* Code that is scrambled in the flash, on a chip that has coefficients for it in its eFuse: the CPU reads it plain, who
 * writes it scrambles it. The mask of a word is made of its logical address (docs/hardware/system-control.md). */
#include "boot.h"
#include "registers.h"

static uint32_t turned(uint32_t value, uint32_t right, uint32_t width)
{
    return (value >> right | value << (width - right)) & (0xFFFFFFFF >> (32 - width));
}

static uint32_t half_turned(uint32_t half, uint32_t bytes)
{
    return bytes ? turned(half, 8, 16) : half;
}

static uint32_t word_mask(const uint32_t *coefficients, uint32_t address)
{
    uint32_t choice = coefficients[3], mask = 0, value;

    if (choice >> 24 == 0x00 || choice >> 24 == 0xFF)
        return 0;
    if (!(choice & 1)) {
        value = coefficients[1] >> 16 ^ half_turned(address >> 16, choice & 0x40) ^
                half_turned(address & 0xFFFF, choice & 0x20);
        mask ^= (turned(value, 7, 16) ^ (0x6371 & (value >> 5 & 0xF) * 0x1111)) << 16;
    }
    if (!(choice & 2)) {
        value = (coefficients[1] & 0xFF00) << 1 ^ (choice & 0x10) << 4 ^ (coefficients[1] & 0xFF) ^
                address >> (choice >> 8 & 3);
        value &= 0x1FFFF;
        mask ^= (turned(value, 10, 17) ^ (0x3659 & ((value >> 13 & 1) | (value >> 9 & 1) << 1 | (value >> 5 & 1) << 2 |
                                                    (value >> 1 & 1) << 3) * 0x1111)) & 0xFFFF;
    }
    if (!(choice & 4)) {
        uint32_t right = 8 * (choice >> 11 & 3);
        value = coefficients[0] ^ (right ? turned(address, right, 32) : address);
        mask ^= turned(value, 15, 32) ^ (0xE519A4F1 & (value >> 2 & 0xF) * 0x11111111);
    }
    return choice & 8 ? mask : mask ^ coefficients[2];
}

static uint32_t efuse_word(uint32_t address)
{
    uint32_t word = 0, i;

    for (i = 0; i < 4; i++) {
        SCTRL_EFUSE_CTRL = EFUSE_OPER_EN | (address + i) << EFUSE_ADDR_LSB;
        while (SCTRL_EFUSE_CTRL & EFUSE_OPER_EN)
            ;
        word |= (SCTRL_EFUSE_OPTR & 0xFF) << 8 * i;
    }
    return word;
}

/* What the byte at a logical address is scrambled with. */
uint8_t scrambling(uint32_t address)
{
    static uint32_t coefficients[4], known, mask_at = 1, mask;
    uint32_t at = address & ~3u;

    for (; known < 4; known++)
        coefficients[known] = efuse_word(4 * known);
    if (mask_at != at) {
        mask = word_mask(coefficients, at);
        mask_at = at;
    }
    return mask >> 8 * (address & 3);
}
