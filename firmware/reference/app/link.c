/* Packets over the radio link: behind the 802.11 header stand, on a protected network, the CCMP header, then LLC/SNAP
 * with the packet's type. The MAC encrypts and decrypts; the packet number and the room for the MIC are software's. */
#include "app.h"
#include "mac_registers.h"
#include "net.h"
#include "wifi.h"

enum { CCMP_HEADER = 8, MIC = 8, SNAP = 8, EXTENDED_IV = 0x20, QOS_DATA = 0x88, NO_PAYLOAD = 0x40, GROUP_KEYS = 4 };

static const uint8_t snap[6] = {0xAA, 0xAA, 0x03, 0, 0, 0};
static int protect;
static uint32_t packet_number;
static uint64_t heard_number, group_number[GROUP_KEYS]; /* of the last packet under each key */
static uint8_t *frame;

/* From here on, with a new key, packets are protected; or no longer. */
void link_protect(int on)
{
    protect = on;
    packet_number = 0;
    heard_number = 0;
}

/* `sequence` is the number of the last packet that was sent with it, 6 bytes, least significant first. */
void link_new_group_key(uint32_t key_id, const uint8_t *sequence)
{
    group_number[key_id] = (uint64_t)le16(sequence + 4) << 32 | le32(sequence);
}

/* A packet number that does not grow is a replay. */
static int is_replay(const uint8_t *frame_heard)
{
    const uint8_t *ccmp = frame_heard + HEADER + ((frame_heard[0] & 0xFC) == QOS_DATA ? 2 : 0);
    uint64_t number = (uint64_t)le32(ccmp + 4) << 16 | le16(ccmp);
    uint64_t *last = frame_heard[4] & 1 ? &group_number[ccmp[3] >> 6] : &heard_number;

    if (number <= *last)
        return 1;
    *last = number;
    return 0;
}

uint8_t *link_begin(const uint8_t *to, uint32_t type)
{
    return link_begin_as(to, type, protect);
}

uint8_t *link_begin_as(const uint8_t *to, uint32_t type, int protected)
{
    uint8_t *at;

    frame = transmit_begin(QUEUE_DATA);
    at = put_header(frame, DATA, station_network.bssid, to);
    if (protected) {
        uint32_t number = ++packet_number;
        frame[1] |= FC_PROTECTED;
        at[0] = (uint8_t)number;
        at[1] = (uint8_t)(number >> 8);
        at[2] = 0;
        at[3] = EXTENDED_IV;
        at[4] = (uint8_t)(number >> 16);
        at[5] = (uint8_t)(number >> 24);
        at[6] = at[7] = 0;
        at += CCMP_HEADER;
    }
    memcpy(at, snap, sizeof snap);
    put_be16(at + 6, type);
    return at + SNAP;
}

void link_end(const uint8_t *end)
{
    uint32_t length = (uint32_t)(end - frame);

    int protected = (frame[1] & FC_PROTECTED) != 0;

    if (protected) {
        memset(frame + length, 0, MIC);
        length += MIC;
    }
    transmit_end(QUEUE_DATA, length, protected ? FIRST_STATION_KEY : 0);
}

void link_heard(const struct heard *heard)
{
    const uint8_t *at = heard->frame + HEADER, *end = heard->frame + heard->length;
    uint32_t type;

    if ((heard->frame[1] & 3) != FC_FROM_DS || heard->frame[0] & NO_PAYLOAD ||
        memcmp(heard->frame + 10, station_network.bssid, ADDRESS) != 0)
        return;
    if ((heard->frame[0] & 0xFC) == QOS_DATA)
        at += 2;
    if (heard->frame[1] & FC_PROTECTED) {
        if (!heard->decrypted || heard->length < HEADER + 2 + CCMP_HEADER || is_replay(heard->frame))
            return;
        at += CCMP_HEADER;
    }
    if (end - at < SNAP || memcmp(at, snap, sizeof snap) != 0)
        return;
    type = be16(at + 6);
    at += SNAP;
    if (type == ETHERTYPE_EAPOL)
        wpa_heard(at, (uint32_t)(end - at), heard->frame[1] & FC_PROTECTED);
    else if (!protect || heard->frame[1] & FC_PROTECTED) /* once there are keys, nothing else comes in the clear */
        net_heard(type, at, (uint32_t)(end - at));
}
