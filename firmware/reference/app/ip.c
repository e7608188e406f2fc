/* IPv4 (RFC 791), without options and fragments. */
#include "net.h"
#include "wifi.h"

enum { TIME_TO_LIVE = 64, DONT_FRAGMENT = 0x4000, FRAGMENT = 0x3FFF, EVERYBODY = 0xFFFFFFFF };

static uint8_t *header;
static uint32_t identification;

uint32_t checksum(uint32_t sum, const void *data, uint32_t length)
{
    const uint8_t *p = data;

    for (; length > 1; length -= 2, p += 2)
        sum += be16(p);
    return length ? sum + (uint32_t)(*p << 8) : sum;
}

uint32_t checksum_end(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return ~sum & 0xFFFF;
}

uint8_t *ip_begin(uint32_t to, uint32_t protocol)
{
    uint32_t hop = (to & net.mask) == (net.address & net.mask) ? to : net.gateway;
    const uint8_t *mac = to == EVERYBODY ? broadcast : arp_find(hop);

    if (!mac && (!net.address || !arp_resolve(hop) || !(mac = arp_find(hop))))
        return NULL;
    header = link_begin(mac, ETHERTYPE_IP);
    memset(header, 0, IP_HEADER);
    header[0] = 0x45;
    put_be16(header + 4, identification++);
    put_be16(header + 6, DONT_FRAGMENT);
    header[8] = TIME_TO_LIVE;
    header[9] = (uint8_t)protocol;
    put_be32(header + 12, net.address);
    put_be32(header + 16, to);
    return header + IP_HEADER;
}

void ip_end(const uint8_t *end)
{
    put_be16(header + 2, (uint32_t)(end - header));
    put_be16(header + 10, checksum_end(checksum(0, header, IP_HEADER)));
    link_end(end);
}

void ip_heard(const uint8_t *packet, uint32_t length)
{
    uint32_t head, total, from, to;

    if (length < IP_HEADER || packet[0] >> 4 != 4)
        return;
    head = (packet[0] & 15) * 4;
    total = be16(packet + 2);
    if (head < IP_HEADER || total < head || total > length || checksum_end(checksum(0, packet, head)) != 0)
        return;
    from = be32(packet + 12);
    to = be32(packet + 16);
    if (be16(packet + 6) & FRAGMENT)
        return;
    if (net.address && to != net.address && to != EVERYBODY && to != (net.address | ~net.mask))
        return;
    switch (packet[9]) {
    case PROTOCOL_ICMP: icmp_heard(from, packet + head, total - head); break;
    case PROTOCOL_UDP: udp_heard(from, packet + head, total - head); break;
    case PROTOCOL_TCP: tcp_heard(from, packet + head, total - head); break;
    default: break;
    }
}
