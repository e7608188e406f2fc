/* The station: the MAC, what it sends and hears, and how it belongs to a network. */
#ifndef WIFI_H
#define WIFI_H

#include "common.h"

enum { ADDRESS = 6, MPDU = 1600 };

/* mac.c: the MAC's registers */
extern const uint8_t own_address[ADDRESS];
void mac_init(void);
void mac_interrupt(void);
void mac_tune(uint32_t channel);
void mac_filter(int scanning);
void mac_set_bssid(const uint8_t *bssid);
void mac_set_key(uint32_t index, const uint8_t *key, const uint8_t *address, uint32_t cipher);
void mac_clear_keys(void);

/* transmit.c. A frame is built in place; its sequence number is filled in on the way. */
enum tx_queue { QUEUE_DATA, QUEUE_MANAGEMENT };
void transmit_init(void);
uint8_t *transmit_begin(enum tx_queue queue);
void transmit_end(enum tx_queue queue, uint32_t length, uint32_t key_index);

/* receive.c */
struct heard {
    uint32_t length;
    int rssi;
    int decrypted;
    uint8_t frame[MPDU + 64];
};
void receive_init(void);
const struct heard *receive_next(void); /* NULL: nothing there */

/* frames.c: 802.11 headers and elements */
enum { HEADER = 24, FC_TO_DS = 0x01, FC_FROM_DS = 0x02, FC_PROTECTED = 0x40 };
enum subtype {
    ASSOCIATION_REQUEST = 0x00,
    ASSOCIATION_RESPONSE = 0x10,
    PROBE_REQUEST = 0x40,
    PROBE_RESPONSE = 0x50,
    BEACON = 0x80,
    DISASSOCIATION = 0xA0,
    AUTHENTICATION = 0xB0,
    DEAUTHENTICATION = 0xC0,
    DATA = 0x08,
};
enum element {
    ELEMENT_SSID = 0,
    ELEMENT_RATES = 1,
    ELEMENT_CHANNEL = 3,
    ELEMENT_RSN = 48,
    ELEMENT_EXTENDED_RATES = 50,
};
extern const uint8_t broadcast[ADDRESS];
uint8_t *put_header(uint8_t *frame, enum subtype subtype, const uint8_t *to, const uint8_t *third);
uint8_t *put_element(uint8_t *at, enum element number, const void *data, uint32_t length);
uint8_t *put_rates(uint8_t *at);
const uint8_t *find_element(const uint8_t *at, const uint8_t *end, enum element number);

/* scan.c */
struct network {
    uint8_t bssid[ADDRESS], ssid[32], ssid_length, channel, secured, rsn[64];
    int rssi;
};
int scan_for(const char *ssid, struct network *best);
void scan_print(void);
void scan_heard(const struct heard *heard);

/* station.c */
enum { ETHERTYPE_EAPOL = 0x888E };
extern struct network station_network;
void wifi_init(void);
void wifi_poll(void);
void station_poll(void);
void station_join(const char *ssid, const char *key);
int station_is_joined(void);

/* link.c: Ethernet's view of it */
uint8_t *link_begin(const uint8_t *to, uint32_t type);
uint8_t *link_begin_as(const uint8_t *to, uint32_t type, int protected);
void link_end(const uint8_t *end);
void link_heard(const struct heard *heard);
void link_protect(int on);
void link_new_group_key(uint32_t key_id, const uint8_t *sequence);

/* wpa.c */
void wpa_set_passphrase(const char *passphrase, const char *ssid);
int wpa_speaks(const uint8_t *rsn);
void wpa_begin(void);
int wpa_done(void);
void wpa_heard(const uint8_t *packet, uint32_t length, int protected);
extern const uint8_t wpa_rsn_element[22];

#endif
