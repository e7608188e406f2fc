/* ARP (RFC 826): a few neighbours, and answers about this station. */
#include "app.h"
#include "net.h"
#include "wifi.h"

enum { PACKET = 28, REQUEST = 1, REPLY = 2, NEIGHBOURS = 4, TRIES = 4, ANSWER = 300 };

static struct neighbour {
    uint32_t address;
    uint8_t mac[ADDRESS];
} neighbours[NEIGHBOURS];
static uint32_t turn, sought;

static void send(uint32_t operation, const uint8_t *to, uint32_t address)
{
    static const uint8_t nobody[ADDRESS];
    uint8_t *at = link_begin(to, ETHERTYPE_ARP);

    put_be16(at, 1); /* Ethernet */
    put_be16(at + 2, ETHERTYPE_IP);
    at[4] = ADDRESS;
    at[5] = 4;
    put_be16(at + 6, operation);
    memcpy(at + 8, own_address, ADDRESS);
    put_be32(at + 14, net.address);
    memcpy(at + 18, operation == REQUEST ? nobody : to, ADDRESS);
    put_be32(at + 24, address);
    link_end(at + PACKET);
}

static void remember(uint32_t address, const uint8_t *mac)
{
    uint32_t i;

    for (i = 0; i < NEIGHBOURS && neighbours[i].address != address; i++)
        ;
    if (i == NEIGHBOURS)
        i = turn++ % NEIGHBOURS;
    neighbours[i].address = address;
    memcpy(neighbours[i].mac, mac, ADDRESS);
}

void arp_heard(const uint8_t *packet, uint32_t length)
{
    uint32_t from, to;

    if (length < PACKET || be16(packet + 2) != ETHERTYPE_IP || packet[4] != ADDRESS || packet[5] != 4)
        return;
    from = be32(packet + 14);
    to = be32(packet + 24);
    if (!net.address || to != net.address)
        return;
    remember(from, packet + 8);
    if (be16(packet + 6) == REQUEST)
        send(REPLY, packet + 8, from);
}

void arp_forget(void)
{
    memset(neighbours, 0, sizeof neighbours);
}

const uint8_t *arp_find(uint32_t address)
{
    uint32_t i;

    for (i = 0; address && i < NEIGHBOURS; i++)
        if (neighbours[i].address == address)
            return neighbours[i].mac;
    return NULL;
}

static int is_found(void)
{
    return arp_find(sought) != NULL;
}

int arp_resolve(uint32_t address)
{
    int i;

    sought = address;
    for (i = 0; i < TRIES && !is_found(); i++) {
        send(REQUEST, broadcast, address);
        wait_until(is_found, ANSWER);
    }
    return is_found();
}
