/* The network as a whole: up with a lease, down without the radio link. */
#include "app.h"
#include "net.h"
#include "wifi.h"

struct net net;
static uint32_t renewed;

void net_init(void)
{
    net_down();
}

int net_up(void)
{
    net_down();
    if (!dhcp_get()) {
        print("no DHCP lease\n");
        return 0;
    }
    renewed = milliseconds();
    print("IP up: " IP_FORMAT "\n", IP_PARTS(net.address));
    return 1;
}

void net_down(void)
{
    memset(&net, 0, sizeof net);
    arp_forget();
}

void net_poll(void)
{
    tcp_poll();
    if (net.address && net.lease && passed(renewed, net.lease / 2 * 1000)) {
        renewed = milliseconds();
        dhcp_renew();
    }
}

void net_print(void)
{
    print("mac %02x:%02x:%02x:%02x:%02x:%02x, %s\n", own_address[0], own_address[1], own_address[2], own_address[3],
          own_address[4], own_address[5], station_is_joined() ? "joined" : "not joined");
    print("ip " IP_FORMAT " mask " IP_FORMAT "\n", IP_PARTS(net.address), IP_PARTS(net.mask));
    print("gateway " IP_FORMAT " dns " IP_FORMAT "\n", IP_PARTS(net.gateway), IP_PARTS(net.dns));
}

void net_heard(uint32_t type, const uint8_t *packet, uint32_t length)
{
    if (type == ETHERTYPE_ARP)
        arp_heard(packet, length);
    else if (type == ETHERTYPE_IP)
        ip_heard(packet, length);
}
