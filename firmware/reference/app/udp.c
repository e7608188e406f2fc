/* UDP (RFC 768). The checksum that may be left out over IPv4 is left out. */
#include "net.h"

static uint8_t *header;

uint8_t *udp_begin(uint32_t to, uint32_t from_port, uint32_t to_port)
{
    header = ip_begin(to, PROTOCOL_UDP);
    if (!header)
        return NULL;
    put_be16(header, from_port);
    put_be16(header + 2, to_port);
    put_be16(header + 6, 0);
    return header + UDP_HEADER;
}

void udp_end(const uint8_t *end)
{
    put_be16(header + 4, (uint32_t)(end - header));
    ip_end(end);
}

void udp_heard(uint32_t from, const uint8_t *packet, uint32_t length)
{
    uint32_t total = length < UDP_HEADER ? 0 : be16(packet + 4);

    (void)from;
    if (total < UDP_HEADER || total > length)
        return;
    if (be16(packet) == DHCP_SERVER && be16(packet + 2) == DHCP_CLIENT)
        dhcp_heard(packet + UDP_HEADER, total - UDP_HEADER);
    else if (be16(packet) == DNS_PORT && be16(packet + 2) == DNS_CLIENT)
        dns_heard(packet + UDP_HEADER, total - UDP_HEADER);
}
