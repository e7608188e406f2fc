/* Where the application comes out: a window of the last 64 KiB, handed on in pieces of 4 KiB. */
#include "boot.h"

uint8_t window[WINDOW];
uint32_t sink_total, sink_limit;
static uint32_t handed_on;
static take_piece *taker;

void sink_open(uint32_t limit, take_piece *take)
{
    sink_total = handed_on = 0;
    sink_limit = limit;
    taker = take;
}

/* Hand on what has not been yet, at most a piece. 0: refused. */
int sink_flush(void)
{
    uint32_t from = handed_on;

    handed_on = sink_total;
    watchdog_feed();
    return taker(window + from % WINDOW, sink_total - from, from);
}

/* 0 unless exactly as much came out as was announced. */
int sink_close(void)
{
    return sink_total == sink_limit && (sink_total == handed_on || sink_flush());
}

/* Once more what came out `distance` bytes ago. 0 where that is before the beginning. */
int sink_copy(uint32_t distance, uint32_t length)
{
    if (distance == 0 || distance > sink_total || distance > WINDOW)
        return 0;
    while (length--)
        if (!sink_put(window[(sink_total - distance) % WINDOW]))
            return 0;
    return 1;
}

/* No compression: as many bytes as were announced; what follows is padding. */
const char *copy_stored(void)
{
    while (sink_total < sink_limit) {
        int byte = source_byte();
        if (byte < 0)
            return "unexpected end of data";
        if (!sink_put((uint8_t)byte))
            return "refused";
    }
    return NULL;
}
