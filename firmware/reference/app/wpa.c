/* WPA2-PSK (IEEE 802.11-2020, 12.7): the passphrase becomes the master key, the 4-way handshake agrees on session keys,
 * and the MAC's key RAM gets them. A key that is in use is never installed again, whatever is repeated. */
#include "app.h"
#include "mac_registers.h"
#include "sha1.h"
#include "wifi.h"

enum { EAPOL_KEY = 3, DESCRIPTOR_RSN = 2, SHORTEST = 99, LONGEST_DATA = 256 };
enum { VERSION_AT = 0, TYPE_AT = 1, LENGTH_AT = 2, DESCRIPTOR_AT = 4, INFO_AT = 5, REPLAY_AT = 9, NONCE_AT = 17,
       RSC_AT = 65, MIC_AT = 81, DATA_LENGTH_AT = 97, DATA_AT = 99 };
enum { HMAC_SHA1_AES = 2, PAIRWISE = 0x0008, INSTALL = 0x0040, ACKNOWLEDGE = 0x0080, WITH_MIC = 0x0100, SECURE = 0x0200,
       ENCRYPTED_DATA = 0x1000, VERSION_BITS = 7 };
enum { NONCE = 32, REPLAY = 8, MIC_BYTES = 16, KEY = 16, PTK = 48, KCK = 0, KEK = 16, TK = 32, ROUNDS = 4096 };

/* Version 1, group CCMP, pairwise CCMP, PSK, no capabilities */
const uint8_t wpa_rsn_element[22] = {48, 20,   1,    0, 0, 0x0F, 0xAC, 4,    1, 0, 0,
                                     0x0F, 0xAC, 4, 1, 0, 0,    0x0F, 0xAC, 2, 0, 0};

static uint8_t pmk[32], ptk[PTK], own_nonce[NONCE], their_nonce[NONCE], replay[REPLAY];
static struct hmac confirmation;
static enum { WAITING, AGREED, DONE } state;

static int hex_key(const char *text)
{
    uint32_t i;

    for (i = 0; i < 64; i++) {
        uint32_t c = (uint8_t)text[i] | 0x20, digit = c - (c >= 'a' ? 'a' - 10 : '0');
        if (digit > 15)
            return 0;
        pmk[i / 2] = (uint8_t)(pmk[i / 2] << 4 | digit);
    }
    return 1;
}

/* 8 to 63 characters, or the key itself as 64 hexadecimal digits. */
void wpa_set_passphrase(const char *passphrase, const char *ssid)
{
    if (!passphrase[0] || (strlen(passphrase) == 64 && hex_key(passphrase)))
        return;
    pbkdf2_sha1(passphrase, ssid, strlen(ssid), ROUNDS, pmk);
}

/* Whether a network's RSN element offers what this station does: CCMP for all, and PSK. */
int wpa_speaks(const uint8_t *rsn)
{
    static const uint8_t ccmp[] = {0x00, 0x0F, 0xAC, 4}, psk[] = {0x00, 0x0F, 0xAC, 2};
    uint32_t pairwise = le16(rsn + 8), keys, i;
    int has_ccmp = 0, has_psk = 0;

    if (rsn[1] < 18 || memcmp(rsn + 4, ccmp, 4) != 0 || 10 + 4 * pairwise + 2 > rsn[1])
        return 0;
    for (i = 0; i < pairwise; i++)
        has_ccmp |= memcmp(rsn + 10 + 4 * i, ccmp, 4) == 0;
    rsn += 10 + 4 * pairwise;
    keys = le16(rsn);
    for (i = 0; i < keys && i < 4; i++)
        has_psk |= memcmp(rsn + 2 + 4 * i, psk, 4) == 0;
    return has_ccmp && has_psk;
}

void wpa_begin(void)
{
    state = WAITING;
    memset(replay, 0, sizeof replay);
}

int wpa_done(void)
{
    return state == DONE;
}

/* PRF-384 over both addresses and both nonces, each pair in ascending order. */
static void derive_ptk(void)
{
    static const char label[] = "Pairwise key expansion"; /* with its NUL */
    uint8_t text[sizeof label + 2 * ADDRESS + 2 * NONCE + 1], *at = text + sizeof label, digest[SHA1_BYTES];
    const uint8_t *bssid = station_network.bssid;
    int first = memcmp(own_address, bssid, ADDRESS) < 0, nonce_first = memcmp(own_nonce, their_nonce, NONCE) < 0;
    uint32_t done, take;
    struct hmac hmac;

    memcpy(text, label, sizeof label);
    memcpy(at, first ? own_address : bssid, ADDRESS);
    memcpy(at + ADDRESS, first ? bssid : own_address, ADDRESS);
    at += 2 * ADDRESS;
    memcpy(at, nonce_first ? own_nonce : their_nonce, NONCE);
    memcpy(at + NONCE, nonce_first ? their_nonce : own_nonce, NONCE);
    hmac_key(&hmac, pmk, sizeof pmk);
    for (done = 0; done < PTK; done += take) {
        take = PTK - done < SHA1_BYTES ? PTK - done : SHA1_BYTES;
        text[sizeof text - 1] = (uint8_t)(done / SHA1_BYTES);
        hmac_sha1(&hmac, text, sizeof text, digest);
        memcpy(ptk + done, digest, take);
    }
    hmac_key(&confirmation, ptk + KCK, KEY);
}

static void compute_mic(uint8_t *packet, uint32_t length, uint8_t *mic)
{
    uint8_t digest[SHA1_BYTES];

    memset(packet + MIC_AT, 0, MIC_BYTES);
    hmac_sha1(&confirmation, packet, length, digest);
    memcpy(mic, digest, MIC_BYTES);
}

/* An answer: protected as what it answers. */
static void answer(const uint8_t *request, uint32_t info, const uint8_t *nonce, const uint8_t *data,
                   uint32_t data_length, int protected)
{
    uint8_t *packet = link_begin_as(station_network.bssid, ETHERTYPE_EAPOL, protected), mic[MIC_BYTES];
    uint32_t length = DATA_AT + data_length;

    memset(packet, 0, DATA_AT);
    packet[VERSION_AT] = request[VERSION_AT];
    packet[TYPE_AT] = EAPOL_KEY;
    put_be16(packet + LENGTH_AT, length - DESCRIPTOR_AT);
    packet[DESCRIPTOR_AT] = DESCRIPTOR_RSN;
    put_be16(packet + INFO_AT, info | WITH_MIC | HMAC_SHA1_AES);
    memcpy(packet + REPLAY_AT, request + REPLAY_AT, REPLAY);
    if (nonce)
        memcpy(packet + NONCE_AT, nonce, NONCE);
    put_be16(packet + DATA_LENGTH_AT, data_length);
    memcpy(packet + DATA_AT, data, data_length);
    compute_mic(packet, length, mic);
    memcpy(packet + MIC_AT, mic, MIC_BYTES);
    link_end(packet + length);
}

static void message_1(const uint8_t *packet)
{
    uint32_t i;

    for (i = 0; i < NONCE; i += 4)
        put_be32(own_nonce + i, random_number());
    memcpy(their_nonce, packet + NONCE_AT, NONCE);
    derive_ptk();
    state = AGREED;
    answer(packet, PAIRWISE, own_nonce, wpa_rsn_element, sizeof wpa_rsn_element, 0);
}

static int mic_right(const uint8_t *packet, uint32_t length)
{
    uint8_t copy[DATA_AT + LONGEST_DATA], mic[MIC_BYTES];

    memcpy(copy, packet, length);
    compute_mic(copy, length, mic);
    return memcmp(mic, packet + MIC_AT, MIC_BYTES) == 0;
}

/* AES key unwrap (RFC 3394) in place: `count` bytes, of which the first 8 must become A6. */
static int unwrap(uint8_t *data, uint32_t count)
{
    struct aes aes;
    uint32_t blocks = count / 8 - 1, step, i;
    uint8_t block[16];

    if (count < 24 || count % 8)
        return 0;
    aes_decryption_key(&aes, ptk + KEK, KEY);
    memcpy(block, data, 8);
    for (step = 6 * blocks; step; step--) {
        uint8_t *part = data + 8 + (step - 1) % blocks * 8;
        block[7] ^= (uint8_t)step;
        block[6] ^= (uint8_t)(step >> 8);
        memcpy(block + 8, part, 8);
        aes_decrypt(&aes, block, block);
        memcpy(part, block + 8, 8);
    }
    for (i = 0; i < 8; i++)
        if (block[i] != 0xA6)
            return 0;
    return 1;
}

/* The group key among the decrypted data, into the key RAM. 0: there is none. */
static int install_group_key(const uint8_t *data, const uint8_t *end, const uint8_t *sequence)
{
    static const uint8_t kde[] = {0x00, 0x0F, 0xAC, 1};

    for (; end - data >= 2 && end - data >= 2 + data[1]; data += 2 + data[1]) {
        if (data[0] == 0xDD && data[1] == sizeof kde + 2 + KEY && memcmp(data + 2, kde, sizeof kde) == 0) {
            mac_set_key(data[6] & 3, data + 8, broadcast, CIPHER_CCMP);
            link_new_group_key(data[6] & 3, sequence);
            return 1;
        }
    }
    return 0;
}

static int same_element(const uint8_t *data, const uint8_t *end)
{
    const uint8_t *element = find_element(data, end, ELEMENT_RSN);
    return element && memcmp(element, station_network.rsn, element[1] + 2u) == 0;
}

static void message_3(const uint8_t *packet, uint8_t *data, uint32_t length, int protected)
{
    int again = state == DONE;

    if (memcmp(packet + NONCE_AT, their_nonce, NONCE) != 0)
        return;
    if (!again && !same_element(data + 8, data + length)) {
        print("the access point's RSN element differs from its beacon's\n");
        return;
    }
    answer(packet, PAIRWISE | SECURE, NULL, NULL, 0, protected);
    if (again)
        return;
    mac_set_key(FIRST_STATION_KEY, ptk + TK, station_network.bssid, CIPHER_CCMP);
    link_protect(1);
    if (!install_group_key(data + 8, data + length, packet + RSC_AT))
        return;
    state = DONE;
    print("keys installed\n");
}

void wpa_heard(const uint8_t *packet, uint32_t length, int protected)
{
    static uint8_t data[LONGEST_DATA];
    uint32_t info, data_length, total;

    if (length < SHORTEST || packet[TYPE_AT] != EAPOL_KEY || packet[DESCRIPTOR_AT] != DESCRIPTOR_RSN)
        return;
    info = be16(packet + INFO_AT);
    data_length = be16(packet + DATA_LENGTH_AT);
    total = be16(packet + LENGTH_AT) + DESCRIPTOR_AT;
    if (data_length > LONGEST_DATA || total != DATA_AT + data_length || total > length || !(info & ACKNOWLEDGE) ||
        (info & VERSION_BITS) != HMAC_SHA1_AES)
        return;
    if (!(info & WITH_MIC)) {
        if (info & PAIRWISE && state != DONE)
            message_1(packet);
        return;
    }
    if (state == WAITING || memcmp(packet + REPLAY_AT, replay, REPLAY) <= 0 || !mic_right(packet, total))
        return;
    memcpy(data, packet + DATA_AT, data_length);
    if (!(info & ENCRYPTED_DATA) || !unwrap(data, data_length))
        return;
    memcpy(replay, packet + REPLAY_AT, REPLAY);
    if (info & PAIRWISE) {
        message_3(packet, data, data_length, protected);
    } else if (state == DONE && protected) {
        answer(packet, SECURE, NULL, NULL, 0, protected);
        install_group_key(data + 8, data + data_length, packet + RSC_AT);
    }
}
