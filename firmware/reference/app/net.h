/* The small TCP/IP. Addresses are numbers as one reads them: 192.168.77.1 is 0xC0A84D01. */
#ifndef NET_H
#define NET_H

#include "common.h"

#define IP_FORMAT "%u.%u.%u.%u"
#define IP_PARTS(a) (a) >> 24, (a) >> 16 & 255, (a) >> 8 & 255, (a) & 255

enum { ETHERTYPE_IP = 0x0800, ETHERTYPE_ARP = 0x0806, PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { IP_HEADER = 20, UDP_HEADER = 8, PING_SIZE = 32 };

struct net {
    uint32_t address, mask, gateway, dns, server, lease;
};
extern struct net net;

/* net.c */
void net_init(void);
int net_up(void);
void net_down(void);
void net_poll(void);
void net_print(void);
void net_heard(uint32_t type, const uint8_t *packet, uint32_t length);

/* arp.c */
void arp_heard(const uint8_t *packet, uint32_t length);
void arp_forget(void);
const uint8_t *arp_find(uint32_t address);
int arp_resolve(uint32_t address);

/* ip.c: ip_begin gives the place for the payload, or NULL where nobody answers for that address */
uint32_t checksum(uint32_t sum, const void *data, uint32_t length);
uint32_t checksum_end(uint32_t sum);
uint8_t *ip_begin(uint32_t to, uint32_t protocol);
void ip_end(const uint8_t *end);
void ip_heard(const uint8_t *packet, uint32_t length);

/* icmp.c */
void icmp_heard(uint32_t from, const uint8_t *packet, uint32_t length);
int ping(uint32_t address, uint32_t sequence);

/* udp.c */
uint8_t *udp_begin(uint32_t to, uint32_t from_port, uint32_t to_port);
void udp_end(const uint8_t *end);
void udp_heard(uint32_t from, const uint8_t *packet, uint32_t length);

/* dhcp.c, dns.c */
enum { DHCP_CLIENT = 68, DHCP_SERVER = 67, DNS_PORT = 53, DNS_CLIENT = 40000 };
int dhcp_get(void);
void dhcp_renew(void);
void dhcp_heard(const uint8_t *packet, uint32_t length);
int dns_resolve(const char *name, uint32_t *address);
void dns_heard(const uint8_t *packet, uint32_t length);

/* tcp.c: one connection at a time. `take` is handed what arrives, in order. */
typedef void tcp_take(const uint8_t *data, uint32_t length);
int tcp_connect(uint32_t address, uint32_t port, tcp_take *take);
int tcp_send(const void *data, uint32_t length);
int tcp_is_over(void); /* the other side has ended or broken the connection */
void tcp_close(void);
void tcp_poll(void);
void tcp_heard(uint32_t from, const uint8_t *packet, uint32_t length);

#endif
