/* DHCP (RFC 2131): an address, and its renewal at half of the lease. */
#include "app.h"
#include "net.h"
#include "wifi.h"

enum { FIXED = 236, BOOT_REQUEST = 1, COOKIE = 0x63825363, BROADCAST_FLAG = 0x8000, TRIES = 4, FIRST_WAIT = 1000 };
enum { DISCOVER = 1, OFFER = 2, REQUEST = 3, ACKNOWLEDGE = 5, NAK = 6 };
enum { PAD = 0, MASK = 1, ROUTER = 3, DNS = 6, REQUESTED = 50, LEASE = 51, TYPE = 53, SERVER = 54, PARAMETERS = 55,
       END = 255 };

static uint32_t transaction, awaited, got;
static struct net offered;

static uint8_t *put_option(uint8_t *at, uint32_t option, uint32_t value)
{
    at[0] = (uint8_t)option;
    at[1] = 4;
    put_be32(at + 2, value);
    return at + 6;
}

static void send(uint32_t type, uint32_t to)
{
    static const uint8_t wanted[] = {PARAMETERS, 3, MASK, ROUTER, DNS};
    uint8_t *packet = udp_begin(to, DHCP_CLIENT, DHCP_SERVER), *at;

    if (!packet)
        return;
    memset(packet, 0, FIXED);
    packet[0] = BOOT_REQUEST;
    packet[1] = 1; /* Ethernet */
    packet[2] = ADDRESS;
    put_be32(packet + 4, transaction);
    put_be16(packet + 10, net.address ? 0 : BROADCAST_FLAG);
    put_be32(packet + 12, net.address);
    memcpy(packet + 28, own_address, ADDRESS);
    put_be32(packet + FIXED, COOKIE);
    at = packet + FIXED + 4;
    at[0] = TYPE;
    at[1] = 1;
    at[2] = (uint8_t)type;
    at += 3;
    if (type == REQUEST && !net.address) {
        at = put_option(at, REQUESTED, offered.address);
        at = put_option(at, SERVER, offered.server);
    }
    memcpy(at, wanted, sizeof wanted);
    at += sizeof wanted;
    *at++ = END;
    udp_end(at);
}

void dhcp_heard(const uint8_t *packet, uint32_t length)
{
    const uint8_t *at = packet + FIXED + 4, *end = packet + length;
    struct net heard = {0};
    uint32_t type = 0;

    if (length < FIXED + 4 || be32(packet + 4) != transaction || be32(packet + FIXED) != COOKIE ||
        memcmp(packet + 28, own_address, ADDRESS) != 0)
        return;
    heard.address = be32(packet + 16);
    while (at < end && *at != END) {
        uint32_t size;
        if (*at == PAD) {
            at++;
            continue;
        }
        if (end - at < 2 || end - at < 2 + at[1])
            return;
        size = at[1];
        if (*at == TYPE && size == 1)
            type = at[2];
        else if (size >= 4 && *at == MASK)
            heard.mask = be32(at + 2);
        else if (size >= 4 && *at == ROUTER)
            heard.gateway = be32(at + 2);
        else if (size >= 4 && *at == DNS)
            heard.dns = be32(at + 2);
        else if (size >= 4 && *at == SERVER)
            heard.server = be32(at + 2);
        else if (size >= 4 && *at == LEASE)
            heard.lease = be32(at + 2);
        at += 2 + size;
    }
    if (type == awaited && heard.address) {
        offered = heard;
        got = 1;
        awaited = 0;
        if (type == ACKNOWLEDGE)
            net = heard;
    }
}

static int has_got(void)
{
    return got != 0;
}

static int exchange(uint32_t type, uint32_t answer)
{
    int i;

    got = 0;
    awaited = answer;
    for (i = 0; i < TRIES && !got; i++) {
        send(type, 0xFFFFFFFF);
        wait_until(has_got, FIRST_WAIT << i);
    }
    return has_got();
}

int dhcp_get(void)
{
    transaction = random_number();
    return exchange(DISCOVER, OFFER) && exchange(REQUEST, ACKNOWLEDGE);
}

/* The answer is taken when it comes. */
void dhcp_renew(void)
{
    transaction = random_number();
    awaited = ACKNOWLEDGE;
    send(REQUEST, net.server);
}
