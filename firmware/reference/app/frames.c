/* 802.11 frames: the header, which transmit.c completes, and elements. */
#include "wifi.h"

const uint8_t broadcast[ADDRESS] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

/* A header to the access point. `third` is the network's address in a management frame, the destination in data. */
uint8_t *put_header(uint8_t *frame, enum subtype subtype, const uint8_t *to, const uint8_t *third)
{
    frame[0] = (uint8_t)subtype;
    frame[1] = subtype == DATA ? FC_TO_DS : 0;
    memcpy(frame + 4, to, ADDRESS);
    memcpy(frame + 10, own_address, ADDRESS);
    memcpy(frame + 16, third, ADDRESS);
    return frame + HEADER;
}

uint8_t *put_element(uint8_t *at, enum element number, const void *data, uint32_t length)
{
    *at++ = (uint8_t)number;
    *at++ = (uint8_t)length;
    memcpy(at, data, length);
    return at + length;
}

uint8_t *put_rates(uint8_t *at)
{
    static const uint8_t rates[] = {0x82, 0x84, 0x8B, 0x96, 0x0C, 0x12, 0x18, 0x24}, more[] = {0x30, 0x48, 0x60, 0x6C};
    return put_element(put_element(at, ELEMENT_RATES, rates, sizeof rates), ELEMENT_EXTENDED_RATES, more, sizeof more);
}

/* The element's number byte, or NULL. One that does not end before `end` is not there. */
const uint8_t *find_element(const uint8_t *at, const uint8_t *end, enum element number)
{
    for (; end - at >= 2 && end - at >= 2 + at[1]; at += 2 + at[1])
        if (at[0] == number)
            return at;
    return NULL;
}
