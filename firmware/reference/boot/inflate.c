/* gzip (RFC 1952) and deflate (RFC 1951). Short codes are looked up, longer ones found by the number of codes of each
 * length. The checksum behind the data is not looked at: the hash of the application is, which says more. */
#include "boot.h"

enum { LONGEST = 15, SHORT = 9, LITERALS = 288, DISTANCES = 30, ORDERED = 19, LENGTH_BITS = 4 };

struct code {
    uint16_t count[LONGEST + 1], symbol[LITERALS];
    uint16_t shortcut[1 << SHORT]; /* by the next bits: symbol and length; 0 where the code is longer */
};

static uint32_t bits, bit_count; /* read ahead; first bit least significant */

static void fill(uint32_t need)
{
    while (bit_count < need) {
        int byte = source_byte();
        if (byte < 0)
            return;
        bits |= (uint32_t)byte << bit_count;
        bit_count += 8;
    }
}

/* `need` bits (up to 13); -1 at the end of the data. */
static int get_bits(uint32_t need)
{
    int value;

    fill(need);
    if (bit_count < need)
        return -1;
    value = (int)(bits & ((1u << need) - 1));
    bits >>= need;
    bit_count -= need;
    return value;
}

static uint32_t reversed(uint32_t code, uint32_t length)
{
    uint32_t out = 0;
    for (; length; length--, code >>= 1)
        out = out << 1 | (code & 1);
    return out;
}

static void make_shortcuts(struct code *code, const uint8_t *lengths, uint32_t symbols)
{
    uint32_t next[LONGEST + 1], first = 0, i, at;

    memset(code->shortcut, 0, sizeof code->shortcut);
    for (i = 1; i <= LONGEST; i++) {
        next[i] = first;
        first = (first + code->count[i]) << 1;
    }
    for (i = 0; i < symbols; i++) {
        uint32_t length = lengths[i];
        if (length == 0 || length > SHORT)
            continue;
        for (at = reversed(next[length]++, length); at < 1 << SHORT; at += 1u << length)
            code->shortcut[at] = (uint16_t)(i << LENGTH_BITS | length);
    }
}

/* The canonical code of these lengths. 0 where there are too many codes of some length. */
static int make_code(struct code *code, const uint8_t *lengths, uint32_t symbols)
{
    uint16_t offset[LONGEST + 1];
    uint32_t i;
    int room = 1;

    memset(code->count, 0, sizeof code->count);
    for (i = 0; i < symbols; i++)
        code->count[lengths[i]]++;
    offset[1] = 0;
    for (i = 1; i <= LONGEST; i++) {
        room = 2 * room - code->count[i];
        if (room < 0)
            return 0;
        if (i < LONGEST)
            offset[i + 1] = (uint16_t)(offset[i] + code->count[i]);
    }
    for (i = 0; i < symbols; i++)
        if (lengths[i])
            code->symbol[offset[lengths[i]]++] = (uint16_t)i;
    make_shortcuts(code, lengths, symbols);
    return 1;
}

static int get_long_symbol(const struct code *code)
{
    int value = 0, first = 0, index = 0, length;

    for (length = 1; length <= LONGEST; length++) {
        int bit = get_bits(1), count = code->count[length];
        if (bit < 0)
            return -1;
        value |= bit;
        if (value - first < count)
            return code->symbol[index + value - first];
        index += count;
        first = (first + count) << 1;
        value <<= 1;
    }
    return -1;
}

static int get_symbol(const struct code *code)
{
    uint32_t found, length;

    fill(LONGEST);
    found = code->shortcut[bits & ((1 << SHORT) - 1)];
    if (!found)
        return get_long_symbol(code);
    length = found & ((1 << LENGTH_BITS) - 1);
    if (length > bit_count)
        return -1;
    bits >>= length;
    bit_count -= length;
    return (int)(found >> LENGTH_BITS);
}

static const char *stored_block(void)
{
    int length, complement;

    get_bits(bit_count % 8); /* what is left of the byte does not count */
    length = get_bits(8);
    length |= get_bits(8) << 8;
    complement = get_bits(8);
    complement |= get_bits(8) << 8;
    if (length < 0 || complement != (~length & 0xFFFF))
        return "invalid stored block lengths";
    while (length--) {
        int byte = get_bits(8);
        if (byte < 0 || !sink_put((uint8_t)byte))
            return "invalid stored block";
    }
    return NULL;
}

static const char *coded_block(const struct code *literals, const struct code *distances)
{
    static const uint16_t length_base[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                           31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                           2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t distance_base[] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                             33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                             1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    int symbol, length, distance, extra;

    while ((symbol = get_symbol(literals)) != 256) {
        if (symbol < 0)
            return "invalid literal/length code";
        if (symbol < 256) {
            if (!sink_put((uint8_t)symbol))
                return "refused";
            continue;
        }
        symbol -= 257;
        if (symbol >= 29)
            return "invalid literal/length code";
        extra = get_bits(length_extra[symbol]);
        length = length_base[symbol] + extra;
        symbol = get_symbol(distances);
        if (symbol < 0 || symbol >= DISTANCES || extra < 0)
            return "invalid distance code";
        extra = get_bits(symbol < 4 ? 0 : (uint32_t)symbol / 2 - 1);
        distance = distance_base[symbol] + extra;
        if (extra < 0 || !sink_copy((uint32_t)distance, (uint32_t)length))
            return "invalid distance too far back";
    }
    return NULL;
}

static const char *read_codes(struct code *literals, struct code *distances)
{
    static const uint8_t order[ORDERED] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[LITERALS + 32];
    int literal_count = get_bits(5) + 257, distance_count = get_bits(5) + 1, ordered = get_bits(4) + 4, i;

    if (ordered < 4 || literal_count > 286 || distance_count > DISTANCES)
        return "too many length or distance symbols";
    memset(lengths, 0, sizeof lengths);
    for (i = 0; i < ordered; i++) {
        int length = get_bits(3);
        if (length < 0)
            return "unexpected end of data";
        lengths[order[i]] = (uint8_t)length;
    }
    if (!make_code(literals, lengths, ORDERED))
        return "invalid code lengths set";
    for (i = 0; i < literal_count + distance_count;) {
        int symbol = get_symbol(literals), repeat, value = 0;
        if (symbol < 0)
            return "invalid code lengths set";
        if (symbol < 16) {
            lengths[i++] = (uint8_t)symbol;
            continue;
        }
        if (symbol == 16 && i == 0)
            return "invalid bit length repeat";
        if (symbol == 16)
            value = lengths[i - 1];
        repeat = symbol == 16 ? 3 + get_bits(2) : symbol == 17 ? 3 + get_bits(3) : 11 + get_bits(7);
        if (repeat < 3 || i + repeat > literal_count + distance_count)
            return "invalid bit length repeat";
        while (repeat--)
            lengths[i++] = (uint8_t)value;
    }
    if (!make_code(literals, lengths, (uint32_t)literal_count) ||
        !make_code(distances, lengths + literal_count, (uint32_t)distance_count))
        return "invalid literal/lengths set";
    return NULL;
}

static void fixed_codes(struct code *literals, struct code *distances)
{
    uint8_t lengths[LITERALS];

    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    make_code(literals, lengths, LITERALS);
    memset(lengths, 5, DISTANCES);
    make_code(distances, lengths, DISTANCES);
}

static const char *skip_gzip_header(void)
{
    enum { HEADER_CRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16 };
    int i, flags = 0, skip;

    for (i = 0; i < 10; i++) {
        int byte = source_byte();
        if ((i == 0 && byte != 0x1F) || (i == 1 && byte != 0x8B) || (i == 2 && byte != 8))
            return "incorrect header check";
        if (i == 3)
            flags = byte;
    }
    if (flags & EXTRA) {
        skip = source_byte();
        for (skip |= source_byte() << 8; skip > 0; skip--)
            source_byte();
    }
    for (i = NAME; i <= COMMENT; i <<= 1)
        if (flags & i)
            while (source_byte() > 0)
                ;
    if (flags & HEADER_CRC) {
        source_byte();
        source_byte();
    }
    return NULL;
}

const char *inflate_gzip(void)
{
    static struct code literals, distances;
    const char *wrong = skip_gzip_header();
    int last = 0;

    bits = bit_count = 0;
    while (!wrong && !last) {
        int type;
        last = get_bits(1);
        type = get_bits(2);
        if (type == 0) {
            wrong = stored_block();
        } else if (type == 1) {
            fixed_codes(&literals, &distances);
            wrong = coded_block(&literals, &distances);
        } else if (type == 2) {
            wrong = read_codes(&literals, &distances);
            if (!wrong)
                wrong = coded_block(&literals, &distances);
        } else {
            wrong = "invalid block type";
        }
    }
    return wrong;
}
