/* Active scan: on each channel ask for the network, twice, and listen. The loudest answer wins. */
#include "app.h"
#include "wifi.h"

enum { CHANNELS = 13, LISTEN = 30, PROBES = 2, BODY = 12, CAPABILITIES = 10, PRIVACY = 0x10 };

static const char *wanted; /* NULL: print what is heard */
static struct network *best;
static uint32_t tuned;
static int found;

static void probe(void)
{
    uint8_t *frame = transmit_begin(QUEUE_MANAGEMENT), *at = put_header(frame, PROBE_REQUEST, broadcast, broadcast);

    at = put_element(at, ELEMENT_SSID, wanted ? wanted : "", wanted ? strlen(wanted) : 0);
    at = put_rates(at);
    transmit_end(QUEUE_MANAGEMENT, (uint32_t)(at - frame), 0);
}

static int never(void)
{
    return 0;
}

static int scan(void)
{
    uint32_t i;

    found = 0;
    mac_filter(1);
    for (tuned = 1; tuned <= CHANNELS; tuned++) {
        mac_tune(tuned);
        for (i = 0; i < PROBES; i++) {
            probe();
            wait_until(never, LISTEN);
        }
    }
    mac_filter(0);
    tuned = 0;
    return found;
}

/* A beacon or a probe response: 12 bytes of fixed fields, then elements. */
void scan_heard(const struct heard *heard)
{
    const uint8_t *body = heard->frame + HEADER, *end = heard->frame + heard->length;
    const uint8_t *ssid, *channel, *rsn;
    struct network network;

    if (!tuned || heard->length < HEADER + BODY)
        return;
    ssid = find_element(body + BODY, end, ELEMENT_SSID);
    channel = find_element(body + BODY, end, ELEMENT_CHANNEL);
    rsn = find_element(body + BODY, end, ELEMENT_RSN);
    if (!ssid || ssid[1] > sizeof network.ssid || (channel && channel[1] == 1 && channel[2] != tuned))
        return;
    memcpy(network.bssid, heard->frame + 16, ADDRESS);
    memcpy(network.ssid, ssid + 2, ssid[1]);
    network.ssid_length = ssid[1];
    network.channel = (uint8_t)tuned;
    network.secured = (body[CAPABILITIES] & PRIVACY) != 0;
    network.rssi = heard->rssi;
    memset(network.rsn, 0, sizeof network.rsn);
    if (rsn && rsn[1] + 2u <= sizeof network.rsn)
        memcpy(network.rsn, rsn, rsn[1] + 2u);
    if (!wanted) {
        network.ssid[network.ssid_length % sizeof network.ssid] = 0;
        print("channel %u, %d dBm, %s: %s\n", tuned, network.rssi, network.secured ? "protected" : "open",
              network.ssid);
        return;
    }
    if (network.ssid_length != strlen(wanted) || memcmp(network.ssid, wanted, network.ssid_length) != 0)
        return;
    if (!found || network.rssi > best->rssi)
        *best = network;
    found = 1;
}

int scan_for(const char *ssid, struct network *network)
{
    wanted = ssid;
    best = network;
    return scan();
}

void scan_print(void)
{
    wanted = NULL;
    scan();
    print("scan over\n");
}
