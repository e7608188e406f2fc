/* Belonging to a network: find it, authenticate, associate, agree on keys, get an address; and notice when it is
 * lost. */
#include "app.h"
#include "mac_registers.h"
#include "net.h"
#include "wifi.h"

enum { TRIES = 3, ANSWER = 200, KEYS = 3000, PAUSE = 1000, BEACON_LOSS = 10000 };
enum { OPEN_SYSTEM = 0, SUCCESS = 0, LISTEN_INTERVAL = 10, CAPABILITY_ESS = 0x0001, CAPABILITY_PRIVACY = 0x0010,
       CAPABILITY_SHORT_SLOT = 0x0400 };

struct network station_network;
static char wanted_ssid[33], wanted_key[65];
static int joined, wanted, lost;
static uint32_t next_try, last_beacon;
static int answered, status;
static enum subtype awaited;

void wifi_init(void)
{
    mac_init();
}

int station_is_joined(void)
{
    return joined && !lost;
}

void station_join(const char *ssid, const char *key)
{
    print_to(wanted_ssid, sizeof wanted_ssid, "%s", ssid);
    print_to(wanted_key, sizeof wanted_key, "%s", key);
    if (joined)
        net_down();
    joined = 0;
    wanted = 1;
    next_try = milliseconds();
    wpa_set_passphrase(wanted_key, wanted_ssid);
}

/* What comes back */

static void leave(const char *why, uint32_t reason)
{
    if (joined)
        print("disconnected: %s, reason %u\n", why, reason);
    lost = 1;
}

static void management_heard(const struct heard *heard, enum subtype subtype)
{
    const uint8_t *body = heard->frame + HEADER;

    if (subtype == BEACON || subtype == PROBE_RESPONSE)
        scan_heard(heard);
    if (memcmp(heard->frame + 10, station_network.bssid, ADDRESS) != 0)
        return;
    if (subtype == BEACON)
        last_beacon = milliseconds();
    else if (subtype == awaited && subtype == AUTHENTICATION && heard->length >= HEADER + 6 && le16(body + 2) == 2)
        answered = 1, status = (int)le16(body + 4);
    else if (subtype == awaited && subtype == ASSOCIATION_RESPONSE && heard->length >= HEADER + 6)
        answered = 1, status = (int)le16(body + 2);
    else if ((subtype == DEAUTHENTICATION || subtype == DISASSOCIATION) && heard->length >= HEADER + 2)
        leave("sent away", le16(body));
}

void wifi_poll(void)
{
    const struct heard *heard;

    if (joined && !lost && passed(last_beacon, BEACON_LOSS))
        leave("no beacons", 0);
    while ((heard = receive_next())) {
        uint32_t kind = heard->frame[0] & 0x0C;
        if (heard->length < HEADER)
            continue;
        if (kind == 0)
            management_heard(heard, (enum subtype)(heard->frame[0] & 0xF0));
        else if (kind == DATA && (joined || station_network.channel))
            link_heard(heard);
    }
}

/* Joining */

static int is_answered(void)
{
    return answered || lost;
}

static void authenticate(void)
{
    uint8_t *frame = transmit_begin(QUEUE_MANAGEMENT);
    uint8_t *at = put_header(frame, AUTHENTICATION, station_network.bssid, station_network.bssid);

    put_le16(at, OPEN_SYSTEM);
    put_le16(at + 2, 1);
    put_le16(at + 4, SUCCESS);
    transmit_end(QUEUE_MANAGEMENT, HEADER + 6, 0);
}

static void associate(void)
{
    uint8_t *frame = transmit_begin(QUEUE_MANAGEMENT);
    uint8_t *at = put_header(frame, ASSOCIATION_REQUEST, station_network.bssid, station_network.bssid);

    put_le16(at, CAPABILITY_ESS | CAPABILITY_SHORT_SLOT | (station_network.secured ? CAPABILITY_PRIVACY : 0));
    put_le16(at + 2, LISTEN_INTERVAL);
    at = put_element(at + 4, ELEMENT_SSID, station_network.ssid, station_network.ssid_length);
    at = put_rates(at);
    if (station_network.secured) {
        memcpy(at, wpa_rsn_element, wpa_rsn_element[1] + 2u);
        at += wpa_rsn_element[1] + 2u;
    }
    transmit_end(QUEUE_MANAGEMENT, (uint32_t)(at - frame), 0);
}

/* Sends `request` until it is answered. 0: not, or with a refusal. */
static int ask(void (*request)(void), enum subtype answer, const char *what)
{
    int i;

    awaited = answer;
    answered = lost = 0;
    for (i = 0; i < TRIES && !answered; i++) {
        request();
        wait_until(is_answered, ANSWER);
    }
    awaited = 0;
    if (answered && status == SUCCESS)
        return 1;
    if (answered)
        print("%s refused, status %d\n", what, status);
    else
        print("%s: no answer\n", what);
    return 0;
}

static int keys_or_lost(void)
{
    return wpa_done() || lost;
}

static int try_to_join(void)
{
    if (!scan_for(wanted_ssid, &station_network)) {
        print("no access point for %s\n", wanted_ssid);
        return 0;
    }
    if (station_network.secured != (wanted_key[0] != 0)) {
        print(station_network.secured ? "the network wants a key\n" : "the network is open, the key is for another\n");
        return 0;
    }
    if (station_network.secured && !wpa_speaks(station_network.rsn)) {
        print("the network's security is not WPA2-PSK with CCMP\n");
        return 0;
    }
    mac_clear_keys();
    link_protect(0);
    mac_set_bssid(station_network.bssid);
    mac_set_key(FIRST_STATION_KEY, NULL, station_network.bssid, CIPHER_NONE);
    mac_tune(station_network.channel);
    wpa_begin();
    if (!ask(authenticate, AUTHENTICATION, "authentication") || !ask(associate, ASSOCIATION_RESPONSE, "association"))
        return 0;
    last_beacon = milliseconds();
    print("associated, channel %u, %d dBm\n", station_network.channel, station_network.rssi);
    if (station_network.secured) {
        wait_until(keys_or_lost, KEYS);
        if (!wpa_done()) {
            print("4-way handshake failed: is the key right?\n");
            return 0;
        }
    }
    return 1;
}

void station_poll(void)
{
    if (joined && lost) {
        joined = 0;
        net_down();
        next_try = milliseconds() + PAUSE;
    }
    if (!wanted || joined || (int)(milliseconds() - next_try) < 0)
        return;
    lost = 0;
    joined = try_to_join() && net_up() && !lost;
    if (!joined) {
        station_network.channel = 0;
        next_try = milliseconds() + PAUSE;
    }
}
