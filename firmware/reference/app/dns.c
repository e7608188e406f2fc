/* DNS (RFC 1035): the address of a name; a dotted number is one already. */
#include "app.h"
#include "net.h"

enum { HEADER = 12, RECURSION_DESIRED = 0x0100, RESPONSE = 0x8000, CODE = 0x000F, TYPE_A = 1, CLASS_IN = 1 };
enum { TRIES = 3, ANSWER = 1000 };

static uint32_t identifier, found;

static int parse(const char *text, uint32_t *address)
{
    uint32_t parts = 0, value = 0, digits = 0;

    for (*address = 0;; text++) {
        if (*text >= '0' && *text <= '9') {
            value = value * 10 + (uint32_t)*text - '0';
            digits++;
        } else if ((*text == '.' || *text == 0) && digits && value < 256) {
            *address = *address << 8 | value;
            parts++;
            value = digits = 0;
            if (*text == 0)
                return parts == 4;
        } else {
            return 0;
        }
    }
}

static void ask(const char *name)
{
    uint8_t *packet = udp_begin(net.dns, DNS_CLIENT, DNS_PORT), *at, *label;

    if (!packet)
        return;
    memset(packet, 0, HEADER);
    put_be16(packet, identifier);
    put_be16(packet + 2, RECURSION_DESIRED);
    put_be16(packet + 4, 1);
    at = packet + HEADER;
    for (label = at++; *name; name++) {
        if (*name == '.') {
            *label = (uint8_t)(at - label - 1);
            label = at++;
        } else {
            *at++ = (uint8_t)*name;
        }
    }
    *label = (uint8_t)(at - label - 1);
    *at++ = 0;
    put_be16(at, TYPE_A);
    put_be16(at + 2, CLASS_IN);
    udp_end(at + 4);
}

static const uint8_t *skip_name(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at && *at < 0xC0)
        at += 1 + *at;
    return at < end && *at ? at + 2 : at + 1;
}

void dns_heard(const uint8_t *packet, uint32_t length)
{
    const uint8_t *at = packet + HEADER, *end = packet + length;
    uint32_t questions, answers;

    if (length < HEADER || be16(packet) != identifier || !(be16(packet + 2) & RESPONSE) || be16(packet + 2) & CODE)
        return;
    for (questions = be16(packet + 4); questions && at < end; questions--)
        at = skip_name(at, end) + 4;
    for (answers = be16(packet + 6); answers && at < end; answers--) {
        uint32_t type, size;
        at = skip_name(at, end);
        if (end - at < 10)
            return;
        type = be16(at);
        size = be16(at + 8);
        at += 10;
        if (end - at < (int)size)
            return;
        if (type == TYPE_A && size == 4) {
            found = be32(at);
            return;
        }
        at += size;
    }
}

static int is_found(void)
{
    return found != 0;
}

int dns_resolve(const char *name, uint32_t *address)
{
    int i;

    if (parse(name, address))
        return 1;
    identifier = random_number() & 0xFFFF;
    found = 0;
    for (i = 0; i < TRIES && net.dns && !found && strlen(name) < 128; i++) {
        ask(name);
        wait_until(is_found, ANSWER);
    }
    *address = found;
    return is_found();
}
