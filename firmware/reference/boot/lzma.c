/* LZMA, one ".lzma" stream: 13 bytes of header, then range-coded data with or without an end marker. Dictionaries of up
 * to 64 KiB and lc + lp of up to 4: what fits the memory, and what the vendor's boot loader takes. */
#include "boot.h"

enum { STATES = 12, POSITIONS = 16, LITERAL_CODES = 0x300 << 4, ONE_HALF = 1 << 10, BITS_TOTAL = 11, MOVE = 5 };
enum { MATCH_SHORTEST = 2, DISTANCE_STATES = 4, FULL_DISTANCES = 128, FIRST_MODEL = 4, END_MODEL = 14, ALIGN_BITS = 4 };

typedef uint16_t probability;

struct length_code {
    probability choice, choice2, low[POSITIONS][8], middle[POSITIONS][8], high[256];
};

static struct {
    probability is_match[STATES][POSITIONS], is_rep[STATES], is_rep0[STATES], is_rep1[STATES], is_rep2[STATES];
    probability is_rep0_long[STATES][POSITIONS], slot[DISTANCE_STATES][64], special[FULL_DISTANCES], align[16];
    struct length_code length, rep_length;
    probability literal[LITERAL_CODES];
} model;

static uint32_t range, code;
static int ran_out;

static uint32_t next_byte(void)
{
    int byte = source_byte();
    if (byte < 0) {
        ran_out = 1;
        return 0;
    }
    return (uint32_t)byte;
}

static inline void normalise(void)
{
    if (range < 1u << 24) {
        range <<= 8;
        code = code << 8 | next_byte();
    }
}

static inline uint32_t decode_bit(probability *p)
{
    uint32_t bound;

    normalise();
    bound = (range >> BITS_TOTAL) * *p;
    if (code < bound) {
        range = bound;
        *p = (probability)(*p + (((1 << BITS_TOTAL) - *p) >> MOVE));
        return 0;
    }
    range -= bound;
    code -= bound;
    *p = (probability)(*p - (*p >> MOVE));
    return 1;
}

static uint32_t decode_direct(uint32_t count)
{
    uint32_t value = 0;
    while (count--) {
        normalise();
        range >>= 1;
        value <<= 1;
        if (code >= range) {
            code -= range;
            value |= 1;
        }
    }
    return value;
}

static uint32_t decode_tree(probability *tree, uint32_t count)
{
    uint32_t node = 1, i;
    for (i = 0; i < count; i++)
        node = node << 1 | decode_bit(&tree[node]);
    return node - (1u << count);
}

static uint32_t decode_reverse_tree(probability *tree, uint32_t count)
{
    uint32_t node = 1, value = 0, i;
    for (i = 0; i < count; i++) {
        uint32_t bit = decode_bit(&tree[node]);
        node = node << 1 | bit;
        value |= bit << i;
    }
    return value;
}

static uint32_t decode_length(struct length_code *c, uint32_t position)
{
    if (!decode_bit(&c->choice))
        return decode_tree(c->low[position], 3);
    if (!decode_bit(&c->choice2))
        return 8 + decode_tree(c->middle[position], 3);
    return 16 + decode_tree(c->high, 8);
}

static uint8_t decode_literal(probability *p, int after_match, uint32_t matched)
{
    uint32_t symbol = 1;

    while (after_match && symbol < 0x100) {
        uint32_t expected = matched >> 7 & 1, bit = decode_bit(&p[((1 + expected) << 8) + symbol]);
        matched <<= 1;
        symbol = symbol << 1 | bit;
        if (bit != expected)
            break;
    }
    while (symbol < 0x100)
        symbol = symbol << 1 | decode_bit(&p[symbol]);
    return (uint8_t)symbol;
}

static uint32_t decode_distance(uint32_t length)
{
    uint32_t state = length < DISTANCE_STATES ? length : DISTANCE_STATES - 1;
    uint32_t slot = decode_tree(model.slot[state], 6), bits, distance;

    if (slot < FIRST_MODEL)
        return slot;
    bits = (slot >> 1) - 1;
    distance = (2 | (slot & 1)) << bits;
    if (slot < END_MODEL)
        return distance + decode_reverse_tree(model.special + distance - slot, bits);
    distance += decode_direct(bits - ALIGN_BITS) << ALIGN_BITS;
    return distance + decode_reverse_tree(model.align, ALIGN_BITS);
}

const char *decode_lzma(void)
{
    uint32_t rep0 = 0, rep1 = 0, rep2 = 0, rep3 = 0, state = 0, properties, lc, lp, pb, dictionary = 0, i;

    ran_out = 0;
    properties = next_byte();
    for (i = 0; i < 4; i++)
        dictionary |= next_byte() << 8 * i;
    for (i = 0; i < 8; i++)
        next_byte(); /* the size: the header of the package says it too */
    lc = properties % 9;
    lp = properties / 9 % 5;
    pb = properties / 45;
    if (pb > 4 || lc + lp > 4 || dictionary > WINDOW)
        return "lzma properties are not supported";
    for (i = 0; i < sizeof model / sizeof(probability); i++)
        ((probability *)&model)[i] = ONE_HALF;
    range = 0xFFFFFFFF;
    next_byte();
    for (code = 0, i = 0; i < 4; i++)
        code = code << 8 | next_byte();

    while (sink_total < sink_limit && !ran_out) {
        uint32_t position = sink_total & ((1u << pb) - 1), length;

        if (!decode_bit(&model.is_match[state][position])) {
            uint8_t previous = sink_total ? window[(sink_total - 1) % WINDOW] : 0;
            uint32_t context = ((sink_total & ((1u << lp) - 1)) << lc) + (previous >> (8 - lc));
            if (rep0 >= sink_total && state >= 7)
                return "lzma distance before the beginning";
            if (!sink_put(decode_literal(model.literal + 0x300 * context, state >= 7,
                                         window[(sink_total - rep0 - 1) % WINDOW])))
                return "refused";
            state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
            continue;
        }
        if (!decode_bit(&model.is_rep[state])) {
            rep3 = rep2, rep2 = rep1, rep1 = rep0;
            length = decode_length(&model.length, position);
            state = state < 7 ? 7 : 10;
            rep0 = decode_distance(length);
            if (rep0 == 0xFFFFFFFF)
                break; /* the end marker */
        } else {
            if (!decode_bit(&model.is_rep0[state])) {
                if (!decode_bit(&model.is_rep0_long[state][position])) {
                    state = state < 7 ? 9 : 11;
                    if (!sink_copy(rep0 + 1, 1))
                        return "lzma distance before the beginning";
                    continue;
                }
            } else {
                uint32_t distance;
                if (!decode_bit(&model.is_rep1[state])) {
                    distance = rep1;
                } else {
                    if (!decode_bit(&model.is_rep2[state])) {
                        distance = rep2;
                    } else {
                        distance = rep3;
                        rep3 = rep2;
                    }
                    rep2 = rep1;
                }
                rep1 = rep0;
                rep0 = distance;
            }
            length = decode_length(&model.rep_length, position);
            state = state < 7 ? 8 : 11;
        }
        length += MATCH_SHORTEST;
        if (length > sink_limit - sink_total || !sink_copy(rep0 + 1, length))
            return "lzma distance before the beginning";
    }
    return ran_out ? "unexpected end of data" : NULL;
}
