/* TCP (RFC 9293), one connection at a time, opened from here. Data is taken in order as it comes, so the window is
 * always open; what comes out of order is asked for again. One small piece of ours is under way at a time. */
#include "app.h"
#include "net.h"
#include "wifi.h"

enum { TCP_HEADER = 20, FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, MSS = 1460, WINDOW = 10 * MSS };
enum { FIRST_TIMEOUT = 500, TRIES = 7, DELAYED_ACK = 10, LARGEST_PIECE = 1024, PATIENCE = 10000 };

static enum { CLOSED, OPENING, OPEN, ENDED, BROKEN } state;
static uint32_t peer, peer_port, port, send_unacknowledged, send_next, receive_next_byte;
static uint8_t piece[LARGEST_PIECE];
static uint32_t piece_length, sent_at, timeout, tries, owed, owed_since;
static int our_end;
static tcp_take *taker;

static void send(uint32_t flags, uint32_t sequence, const uint8_t *data, uint32_t length)
{
    uint8_t *at = ip_begin(peer, PROTOCOL_TCP), pseudo[12];
    uint32_t head = flags & SYN ? TCP_HEADER + 4 : TCP_HEADER;

    if (!at)
        return;
    put_be16(at, port);
    put_be16(at + 2, peer_port);
    put_be32(at + 4, sequence);
    put_be32(at + 8, flags & ACK ? receive_next_byte : 0);
    at[12] = (uint8_t)(head / 4 << 4);
    at[13] = (uint8_t)flags;
    put_be16(at + 14, WINDOW);
    put_be32(at + 16, 0);
    if (flags & SYN)
        put_be32(at + TCP_HEADER, 0x02040000 | MSS);
    memcpy(at + head, data, length);
    put_be32(pseudo, net.address);
    put_be32(pseudo + 4, peer);
    put_be16(pseudo + 8, PROTOCOL_TCP);
    put_be16(pseudo + 10, head + length);
    put_be16(at + 16, checksum_end(checksum(checksum(0, pseudo, sizeof pseudo), at, head + length)));
    ip_end(at + head + length);
    owed = 0;
}

/* What is not acknowledged goes out, for the first time or again. */
static void send_pending(void)
{
    sent_at = milliseconds();
    if (state == OPENING)
        send(SYN, send_unacknowledged, NULL, 0);
    else if (piece_length)
        send(ACK | PSH, send_unacknowledged, piece, piece_length);
    else if (our_end)
        send(FIN | ACK, send_unacknowledged, NULL, 0);
}

static void start_sending(uint32_t length)
{
    send_next = send_unacknowledged + length;
    timeout = FIRST_TIMEOUT;
    tries = 0;
    send_pending();
}

void tcp_poll(void)
{
    if (owed && passed(owed_since, DELAYED_ACK))
        send(ACK, send_next, NULL, 0);
    if (state == CLOSED || state == BROKEN || send_next == send_unacknowledged || !passed(sent_at, timeout))
        return;
    if (++tries > TRIES) {
        state = BROKEN;
        return;
    }
    timeout *= 2;
    send_pending();
}

static void acknowledged(uint32_t number)
{
    if (number != send_next || send_next == send_unacknowledged)
        return;
    send_unacknowledged = send_next;
    piece_length = 0;
}

static void take(uint32_t sequence, uint32_t flags, const uint8_t *data, uint32_t length)
{
    uint32_t old = receive_next_byte - sequence;

    if (!length && !(flags & FIN))
        return;
    if (old > length || (old == length && !(flags & FIN && state == OPEN))) { /* a gap, or nothing new */
        send(ACK, send_next, NULL, 0);
        return;
    }
    receive_next_byte += length - old;
    if (length > old)
        taker(data + old, length - old);
    if (flags & FIN) {
        receive_next_byte++;
        state = ENDED;
    }
    if (!owed++)
        owed_since = milliseconds();
    if (owed > 1 || flags & FIN)
        send(ACK, send_next, NULL, 0);
}

void tcp_heard(uint32_t from, const uint8_t *packet, uint32_t length)
{
    uint8_t pseudo[12];
    uint32_t head, flags, sequence;

    if (length < TCP_HEADER || state == CLOSED || from != peer || be16(packet) != peer_port || be16(packet + 2) != port)
        return;
    head = (packet[12] >> 4) * 4u;
    put_be32(pseudo, from);
    put_be32(pseudo + 4, net.address);
    put_be16(pseudo + 8, PROTOCOL_TCP);
    put_be16(pseudo + 10, length);
    if (head < TCP_HEADER || head > length)
        return;
    if (checksum_end(checksum(checksum(0, pseudo, sizeof pseudo), packet, length)) != 0)
        return;
    flags = packet[13];
    sequence = be32(packet + 4);
    if (flags & RST) {
        if (state == OPENING ? be32(packet + 8) == send_next : sequence == receive_next_byte)
            state = BROKEN;
        return;
    }
    if (state == OPENING) {
        if ((flags & (SYN | ACK)) != (SYN | ACK) || be32(packet + 8) != send_next)
            return;
        receive_next_byte = sequence + 1;
        acknowledged(be32(packet + 8));
        state = OPEN;
        send(ACK, send_next, NULL, 0);
        return;
    }
    if (flags & SYN)
        return;
    if (flags & ACK)
        acknowledged(be32(packet + 8));
    if (state == OPEN || state == ENDED)
        take(sequence, flags, packet + head, length - head);
}

static int is_opened(void)
{
    return state != OPENING;
}

static int is_acknowledged(void)
{
    return send_next == send_unacknowledged || state == BROKEN;
}

int tcp_connect(uint32_t address, uint32_t to_port, tcp_take *take_data)
{
    peer = address;
    peer_port = to_port;
    port = 0xC000 | (random_number() & 0x3FFF);
    taker = take_data;
    send_unacknowledged = random_number();
    piece_length = our_end = 0;
    owed = 0;
    state = OPENING;
    start_sending(1);
    wait_until(is_opened, PATIENCE);
    if (state == OPEN)
        return 1;
    state = CLOSED;
    return 0;
}

/* Up to LARGEST_PIECE bytes; returns when they are acknowledged. */
int tcp_send(const void *data, uint32_t length)
{
    if (state != OPEN || length > LARGEST_PIECE)
        return 0;
    memcpy(piece, data, length);
    piece_length = length;
    start_sending(length);
    return wait_until(is_acknowledged, PATIENCE) && state != BROKEN;
}

int tcp_is_over(void)
{
    return state == ENDED || state == BROKEN || state == CLOSED;
}

void tcp_close(void)
{
    if ((state == OPEN || state == ENDED) && station_is_joined()) {
        our_end = 1;
        start_sending(1);
        wait_until(is_acknowledged, FIRST_TIMEOUT * 3);
    }
    state = CLOSED;
}
