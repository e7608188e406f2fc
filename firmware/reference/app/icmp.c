/* ICMP (RFC 792): echo, asked and answered. */
#include "app.h"
#include "net.h"

enum { HEADER = 8, ECHO_REPLY = 0, ECHO = 8, IDENTIFIER = 0x7238, LONGEST = 1400, ANSWER = 1000 };

static uint32_t awaited, echoed;

static void send(uint32_t to, uint32_t type, const uint8_t *rest, uint32_t length)
{
    uint8_t *at = ip_begin(to, PROTOCOL_ICMP);

    if (!at)
        return;
    put_be32(at, type << 24);
    memcpy(at + 4, rest, length);
    put_be16(at + 2, checksum_end(checksum(0, at, 4 + length)));
    ip_end(at + 4 + length);
}

void icmp_heard(uint32_t from, const uint8_t *packet, uint32_t length)
{
    if (length < HEADER || length > LONGEST || checksum_end(checksum(0, packet, length)) != 0)
        return;
    if (packet[0] == ECHO)
        send(from, ECHO_REPLY, packet + 4, length - 4);
    else if (packet[0] == ECHO_REPLY && be16(packet + 4) == IDENTIFIER)
        echoed = be16(packet + 6) == awaited ? 1 : echoed;
}

static int is_echoed(void)
{
    return echoed != 0;
}

int ping(uint32_t address, uint32_t sequence)
{
    uint8_t rest[4 + PING_SIZE];
    uint32_t i;

    put_be16(rest, IDENTIFIER);
    put_be16(rest + 2, sequence);
    for (i = 0; i < PING_SIZE; i++)
        rest[4 + i] = (uint8_t)('a' + i % 26);
    awaited = sequence;
    echoed = 0;
    send(address, ECHO, rest, sizeof rest);
    return wait_until(is_echoed, ANSWER);
}
