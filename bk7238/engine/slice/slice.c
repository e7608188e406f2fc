/* Running a slice of guest code: the only code of ours that runs per translated block.
 *
 * Compiled freestanding and position-independent; scripts/build-slice turns it into the bytes of machine_code.py.
 * python.py holds the same semantics in Python for hosts that cannot run those bytes: the two must stay in step.
 *
 * A slice ends before a block is entered, never within one. A block counts as executed when it is entered, so the
 * time that a register access sees is that of the end of its block. One tick is one instruction.
 *
 * Only a debugger stops within a block, and only before an instruction. The block stays counted: what remains of it
 * runs later without being counted or looked at again, so that the run is the one that was never stopped.
 */
#include <stdint.h>

enum { PC = 11, CPSR = 3, SPSR = 13, LR = 10, SP = 12 }; /* UC_ARM_REG_* */
enum { DEADLINE, STOPPED, INTERRUPT, IDLE, EXCEPTION, UNDEFINED, WAITING, BREAKPOINT, STEPPED, WATCHED, LONGER };
enum { RESUME = 1, PASS = 2, STEP = 4, SEARCH = 8 }; /* attention */
enum { MODE = 0x1F, SYS = 0x1F, THUMB = 0x20, FIQ_MASKED = 0x40, IRQ_MASKED = 0x80 };
enum { MEMORY = 1, FETCHED = 2, WINDOW = 4, SEEN = 8, KEPT = 16 }; /* pages */
enum { READ = 16, WRITE = 17, FETCH = 18 }; /* UC_MEM_* */
enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, PAGE_BITS = 12 };
enum { PLAIN_READ = 1, PLAIN_WRITE = 2, PLAIN_SAME = 4 }; /* plain */
enum { FEED, PERIODIC }; /* kinds of what recurs */
enum { SWI = 2, AT_ONCE = 2 }; /* QEMU's number, and instructions as in storm.py */
#define NEVER INT64_MAX
enum { IDLE_CHECK = 2000, IDLE_STACK = 256, BLOCKS = 65536 };

struct slice {
    int64_t budget;         /* ticks until the deadline; each block takes its instructions before it runs */
    int64_t idle_check;     /* ticks until the next look at whether the guest idles */
    void *uc;
    int (*reg_read)(void *uc, int reg, void *value);
    int (*reg_write)(void *uc, int reg, const void *value);
    int (*emu_start)(void *uc, uint64_t begin, uint64_t until, uint64_t timeout, uint64_t count);
    int (*emu_stop)(void *uc);
    int (*mem_read)(void *uc, uint64_t address, void *bytes, uint64_t size);
    int64_t target;         /* the tick at which the budget is used up */
    int64_t until;          /* the tick at which Python has something to do; feeds may go off before it */
    int64_t skipped;        /* ticks that were no instructions */
    int64_t last_exception; /* instructions until the last one that the CPU raised by itself */
    int64_t hit_tick;       /* of a breakpoint or watched access: the tick at the end of its block */
    uint64_t hit_old;       /* the bytes at hit_address before the access */
    uint32_t hit_rest;      /* instructions from it to the end of its block */
    uint32_t hit_address, hit_size, hit_kind; /* the access; 0 for a breakpoint */
    uint32_t attention;     /* what a debugger wants, bits as in the enum; 0 without one */
    uint32_t pass;          /* with PASS: the instruction that may pass its breakpoint or access this once */
    uint32_t size;          /* bytes of the block that was entered last */
    uint32_t stop;          /* set by a callback: end at the next block */
    uint32_t lines;         /* bit 0: IRQ is asserted, bit 1: FIQ */
    uint32_t idle_stack;    /* stack pointer at the idle task's WFI; 0: not seen yet */
    uint32_t reason;        /* why the slice ended */
    uint32_t exception;     /* QEMU's exception number where reason is EXCEPTION */
    uint32_t block;         /* address of the block that was entered last */
    uint32_t pc, cpsr;      /* at the end of the slice */
    uint32_t filled_for;    /* the access that the TLB was last filled for, as Unicorn numbers them */
    uint32_t held;          /* something was put into a batch */
    uint32_t sink;          /* from the flash window to where stores into it go, in bytes */
    uint32_t window_at, window_size; /* of the memory in which the flash shows: its CPU address, and bytes */
    uint32_t watched;       /* a debugger wants to know what is written there */
    uint8_t *pages;         /* what each page of the address space is, bits as in the enum */
    struct schedule *schedule; /* may be 0: then all that recurs is Python's matter */
    uint8_t *window;        /* what shows there */
    struct memory *memories; /* all of them, up to one without bytes */
    uint32_t blocks[BLOCKS]; /* address | is Thumb, by (address >> 1) % BLOCKS; all ones: empty */
};

/* A memory of the CPU: HostMemory of layout.py. */
struct memory {
    uint8_t *bytes;
    uint32_t address, size;
};

/* A FIFO behind a port: RunningFifo of peripherals/core/state.py. */
struct fifo {
    uint32_t mask, shift;   /* the field's bits in the word, and the lowest of them */
    uint32_t depth;
    uint32_t first, count;  /* where the oldest item is, and how many there are */
    uint32_t empty, full;   /* bits of flags that follow it; with `full`, a read of a full one is the block's matter */
    uint32_t *items;
    struct word *flags;     /* may be 0 */
    uint32_t ring;          /* what is read stays, behind the others */
    struct word *enable;    /* a batch: items may be put into it while this is set, and `open` */
    uint32_t enable_mask, open;
    uint32_t until;         /* but for this one */
    uint32_t sets;          /* bits of flags that putting an item into a batch sets; 0 where it is none */
};

/* A register: Register of peripherals/core/register.py. */
struct word {
    uint32_t value;
    uint32_t readable, stored, w1c; /* bits */
    uint32_t plain;         /* which accesses need nothing but this, bits as in the enum */
    struct fifo *takes, *gives; /* what a write puts items into, and what a read gets them from */
    struct line **lines;    /* the outputs that follow it, up to a 0; may be 0 */
    struct load *loads;     /* what certain writes do; may be 0 */
    struct programs *programs; /* and others; may be 0 */
    struct word *clears;    /* the register in which ones that are written clear bits; may be 0 */
    uint32_t clears_bits;   /* which ones */
    uint32_t quiet;         /* a write in which none but these bits is set is nobody's matter */
    uint32_t unless_mask;   /* but while this is set in `unless` */
    struct word *unless;    /* may be 0 */
    struct copy *copies;    /* and what other writes do; may be 0 */
    struct counting *counting; /* what a read shows; may be 0 */
};

/* What counts with time: RunningCounting of peripherals/core/state.py. */
struct counting {
    int64_t *since;         /* a microsecond; NEVER while it stands still */
    int64_t counts, microseconds; /* so many counts in so many microseconds */
    int64_t per;            /* counts to the next of what is shown, or with `rest` up to which it shows them */
    uint32_t rest;
    uint32_t never;         /* shown by no count: the block's matter */
    uint32_t plus_mask, plus_lsb; /* a field whose value is added */
    struct word *plus;      /* may be 0 */
};

/* A copy within the memories: RunningCopy of peripherals/core/state.py. */
struct copy {
    uint32_t mask, value;   /* bits of the word that command it, and what they are then */
    uint32_t length_mask, length_lsb; /* bytes less one */
    uint32_t unless_mask;   /* but not while this is set in `unless` */
    uint32_t counted_masks[2], counted_ones[2]; /* fields of `counted` that count it */
    struct word *source, *target; /* the addresses */
    struct word *unless, *counted;
};

/* A FIFO filled from memory: RunningLoad of peripherals/core/state.py. */
struct load {
    uint32_t mask, value;   /* bits of the word that command it, and what they are then */
    uint32_t address_mask, address_lsb;
    uint32_t size;          /* of the memory, in bytes */
    struct fifo *fifo;
    uint8_t *memory;
};

/* A program of the flash that was carried out: _CARRIED_OUT of peripherals/flash_programs.py. */
struct carried_out {
    int64_t ticks;          /* when */
    uint32_t address, length;
    uint32_t of_words;      /* it was of words, and not of a line */
    uint8_t data[36];
};

/* Programs of the flash: Programs of peripherals/flash_programs.py. */
struct programs {
    uint32_t mask, value;   /* bits of the word that command one of words, and what they are then */
    uint32_t address_mask;
    uint32_t unless_mask;   /* but not while this is set in `unless` */
    uint32_t open;          /* the cells do as they are told, and nobody wants to know in that moment */
    uint32_t count, depth;  /* of what was carried out */
    uint32_t size;          /* of the cells, in bytes */
    uint32_t page, data, frame; /* bytes: of a page, and of a unit of the codec without and with its CRC */
    uint32_t at;            /* the CPU address at which the cells show */
    uint32_t turns[33];     /* the mask that scrambles the word at address 0, and what each bit of an address turns over */
    uint16_t crc[256];
    struct word *unless;
    struct fifo *words;
    uint8_t *cells;
    struct carried_out *carried_out;
    struct slice *slice;    /* may be 0: then they are the block's matter */
};

/* What stores into the flash window fill: RunningStoreBuffer of peripherals/core/state.py. */
struct store_buffer {
    uint32_t size;          /* bytes, a power of two */
    uint32_t enable_mask;
    struct word *enable;    /* stores are taken while this is set in it */
    uint8_t *bytes;
    struct programs *programs; /* what is done with it once it is complete; may be 0 */
};

/* The wires that lead to one input: Net of peripherals/core/wire.py. */
struct net {
    uint32_t levels;        /* of the wires */
    uint32_t mask;          /* the bits of *value that are set while one of them is high */
    uint32_t *value;        /* 0: only Python knows what there is to do */
    struct word *word;      /* the register whose value that is; 0 where it is none's */
};

struct branch {
    struct net *net;
    uint32_t bit;           /* of the net's levels */
};

/* High while status & enable & gate: Pending of peripherals/core/wire.py. */
struct term {
    struct word *status, *enable, *gate, *shown; /* all but the status may be 0 */
    uint32_t mask;          /* of the status, shifted to bit 0 */
    uint32_t status_lsb, enable_lsb, shown_lsb;
    uint32_t gate_mask;
};

/* An output that follows registers: FollowingOutput of peripherals/core/wire.py. */
struct line {
    uint32_t level;
    uint32_t asks;          /* who is told of it is not only wires */
    uint32_t terms_count, wires_count;
    struct term *terms;
    struct branch **wires;
};

/* What goes off again and again. */
struct recurring {
    int64_t ticks;          /* when */
    uint64_t number;        /* its place among what is due at the same tick */
    struct recurring *following;
    uint64_t kind;
};

/* An alarm that sets a bit: RunningPeriodic of peripherals/core/state.py. */
struct periodic {
    struct recurring head;
    int64_t since, counts;  /* stood at so many counts at that microsecond */
    int64_t period;         /* counts */
    int64_t frequency, microseconds; /* so many counts in so many microseconds */
    struct word *status;
    uint32_t bit;
};

/* An alarm that puts items into a FIFO: RunningFeed of peripherals/core/state.py. */
struct feed {
    struct recurring head;
    uint32_t repeats;       /* the item is known; else the block is asked */
    uint32_t item;
    uint32_t every;         /* microseconds */
    uint32_t set, reached;  /* bits of the status: always set, and where there are more than level's field says */
    uint32_t level_mask, level_lsb;
    struct fifo *fifo;
    struct word *status, *level;
};

/* What recurs: Schedule of clock.py. */
struct schedule {
    uint64_t scheduled;     /* how much was asked for so far */
    int64_t ticks_per_us;
    struct recurring *first;
};

/* A run of pages on which blocks stand. */
struct span {
    uint64_t (*read)(void *uc, uint64_t offset, unsigned size, void *user); /* the blocks themselves */
    void (*write)(void *uc, uint64_t offset, unsigned size, uint64_t value, void *user);
    struct word **words;    /* by offset / 4; 0 where only the block knows */
    uint32_t *reads, *writes; /* how often a block was asked, by offset / 4 */
    struct slice *slice;
};

/* Where stores into the flash window go: StoreTable of layout.py. */
struct stores {
    void (*write)(void *uc, uint64_t offset, unsigned size, uint64_t value, void *user);
    struct store_buffer *buffer; /* may be 0 */
};

/* What the TLB is to hold of a page: uc_tlb_entry of Unicorn. */
struct tlb_entry {
    uint64_t address;
    int rights;
};

static uint32_t get(struct slice *s, int reg)
{
    uint32_t value = 0;
    s->reg_read(s->uc, reg, &value);
    return value;
}

static void put(struct slice *s, int reg, uint32_t value)
{
    s->reg_write(s->uc, reg, &value);
}

static void end(struct slice *s, uint32_t reason)
{
    s->reason = reason;
    s->emu_stop(s->uc);
}

static int unmasked(struct slice *s, uint32_t cpsr)
{
    return ((s->lines & 2) && !(cpsr & FIQ_MASKED)) || ((s->lines & 1) && !(cpsr & IRQ_MASKED));
}

/* Enter an exception: `mode` with its mask bits, return address, vector. Within a hook the CPU goes on there at once. */
void enter(struct slice *s, uint32_t mode, uint32_t link, uint32_t vector)
{
    uint32_t cpsr = get(s, CPSR);
    put(s, CPSR, (cpsr & ~(uint32_t)(MODE | THUMB)) | mode);
    put(s, SPSR, cpsr);
    put(s, LR, link);
    put(s, PC, vector);
}

/* Take whichever interrupt is asserted and not masked, FIQ first, before the instruction at `pc`. Returns whether one was. */
static int take_interrupt(struct slice *s, uint32_t pc)
{
    uint32_t cpsr;
    if (!s->lines)
        return 0;
    cpsr = get(s, CPSR);
    if ((s->lines & 2) && !(cpsr & FIQ_MASKED))
        enter(s, 0x11 | FIQ_MASKED | IRQ_MASKED, pc + 4, 0x1C);
    else if ((s->lines & 1) && !(cpsr & IRQ_MASKED))
        enter(s, 0x12 | IRQ_MASKED, pc + 4, 0x18);
    else
        return 0;
    return 1;
}

/* Take the exception of SWI. One that follows an exception at once is Python's matter, and so is one at whose moment
 * something is to happen. */
static int software_interrupt(struct slice *s)
{
    int64_t instructions = s->target - s->budget - s->skipped;
    if (s->attention || s->stop || s->budget <= 0 || instructions - s->last_exception <= AT_ONCE)
        return 0;
    s->last_exception = instructions;
    enter(s, 0x13 | IRQ_MASKED, get(s, PC), 0x08);
    return 1;
}

/* Entering a block under a debugger: whether it is the rest of one that was counted. */
static int resumed(struct slice *s, uint32_t pc, uint32_t size)
{
    uint32_t rest = s->block + s->size - pc;
    if (!(s->attention & RESUME)) {
        s->attention &= ~(uint32_t)PASS;
        return 0;
    }
    if (size > rest)
        end(s, LONGER);
    else if (size == rest)
        s->attention &= ~(uint32_t)RESUME;
    return 1;
}

/* Whether no change of what it follows makes a line high: the gates of all its terms are shut. */
static int shut(struct line *line)
{
    uint32_t i;
    for (i = 0; i < line->terms_count; i++)
        if (!line->terms[i].gate || (line->terms[i].gate->value & line->terms[i].gate_mask))
            return 0;
    return !line->level;
}

/* Whether a change of what these lines follow may be one that only Python can tell of. */
static int asks(struct line **lines)
{
    uint32_t i;
    for (; lines && *lines; lines++) {
        if (shut(*lines))
            continue;
        if ((*lines)->asks)
            return 1;
        for (i = 0; i < (*lines)->wires_count; i++) {
            struct net *net = (*lines)->wires[i]->net;
            if (!net->value || (net->word && asks(net->word->lines)))
                return 1;
        }
    }
    return 0;
}

/* Let lines be as their registers say, and what they lead to. */
static void follow(struct line **lines)
{
    uint32_t i;
    for (; lines && *lines; lines++) {
        struct line *line = *lines;
        uint32_t level = 0;
        for (i = 0; i < line->terms_count; i++) {
            struct term *term = &line->terms[i];
            uint32_t pending = term->status->value >> term->status_lsb & term->mask;
            if (term->enable)
                pending &= term->enable->value >> term->enable_lsb;
            if (term->shown)
                term->shown->value = (term->shown->value & ~(term->mask << term->shown_lsb)) | pending << term->shown_lsb;
            if (pending && (!term->gate || (term->gate->value & term->gate_mask)))
                level = 1;
        }
        if (level == line->level)
            continue;
        line->level = level;
        for (i = 0; i < line->wires_count; i++) {
            struct net *net = line->wires[i]->net;
            uint32_t before = net->levels, bit = line->wires[i]->bit;
            net->levels = level ? before | bit : before & ~bit;
            if (!before == !net->levels)
                continue;
            *net->value = level ? *net->value | net->mask : *net->value & ~net->mask;
            if (net->word)
                follow(net->word->lines);
        }
    }
}

/* As follow, for who has changed a register from outside. Returns whether that was possible. */
int settle(struct word *word)
{
    if (asks(word->lines))
        return 0;
    follow(word->lines);
    return 1;
}

static void changed(struct fifo *s)
{
    struct word *flags = s->flags;
    uint32_t before;
    if (!flags)
        return;
    before = flags->value;
    flags->value = (before & ~(s->empty | s->full)) | (s->count ? 0 : s->empty) | (s->count == s->depth ? s->full : 0);
    if (s->sets && s->count)
        flags->value |= s->sets;
    if (flags->value != before)
        follow(flags->lines);
}

static void put_item(struct fifo *s, uint32_t item)
{
    uint32_t at = s->first + s->count;
    s->items[at < s->depth ? at : at - s->depth] = item;
    s->count++;
    changed(s);
}

static int batch_takes(struct fifo *s, uint32_t item)
{
    return s->open && item != s->until && (s->enable->value & s->enable_mask);
}

static int fifo_asks(struct fifo *s)
{
    return s->flags && asks(s->flags->lines);
}

/* Where bytes of a memory are; 0 where no memory holds them. */
static uint8_t *bytes_at(struct slice *s, uint32_t address, uint32_t length)
{
    struct memory *one;
    for (one = s->memories; one->bytes; one++)
        if (address >= one->address && length <= one->size && address - one->address <= one->size - length)
            return one->bytes + (address - one->address);
    return 0;
}

/* Where bytes of a memory are that a bus master may write: there is no code, nothing watched, and no flash; else 0. */
static uint8_t *room_at(struct slice *s, uint32_t address, uint32_t length)
{
    uint8_t *bytes = s->watched ? 0 : bytes_at(s, address, length);
    uint32_t page;
    if (bytes)
        for (page = address >> PAGE_BITS; page <= (address + (length - 1)) >> PAGE_BITS; page++)
            if (s->pages[page] & (FETCHED | WINDOW))
                return 0;
    return bytes;
}

static uint32_t get_word(const uint8_t *bytes)
{
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void put_word(uint8_t *bytes, uint32_t word)
{
    bytes[0] = (uint8_t)word;
    bytes[1] = (uint8_t)(word >> 8);
    bytes[2] = (uint8_t)(word >> 16);
    bytes[3] = (uint8_t)(word >> 24);
}

static void copy_bytes(uint8_t *to, const uint8_t *from, uint32_t length)
{
    while (length--)
        *to++ = *from++;
}

/* How descriptors of received frames lie in memory, and what is told of a frame: `Rings` of the Wi-Fi MAC. */
struct rings {
    uint32_t size;                           /* of the report of a frame, in bytes */
    uint32_t header_pattern, buffer_pattern; /* what descriptors begin with */
    uint32_t next;                           /* in both: where the address of the one after it is */
    uint32_t first_buffer, report;           /* in a header's: where the buffer's address goes, and the report */
    uint32_t start, end, status;             /* in a buffer's: where it begins and ends, and its status */
    uint32_t complete;                       /* the status of one that holds a whole frame */
};

/* Place a received frame, and what is to be told of it, into the MAC's rings of descriptors: those after the current ones
 * where these are used. Returns whether that was possible: there are such, and one buffer holds it. */
int place(struct slice *s, struct word *header, struct word *buffer, uint32_t used, const uint8_t *frame, uint32_t length,
          const uint8_t *report, const struct rings *rings)
{
    uint32_t rhd = header->value, rbd = buffer->value, start, end;
    uint8_t *head, *descriptor, *room;

    if (used) {
        head = bytes_at(s, rhd + rings->next, 4);
        descriptor = bytes_at(s, rbd + rings->next, 4);
        if (!head || !descriptor)
            return 0;
        rhd = get_word(head);
        rbd = get_word(descriptor);
    }
    head = room_at(s, rhd, rings->report + rings->size);
    descriptor = room_at(s, rbd, rings->status + 2);
    if (!head || !descriptor || get_word(head) != rings->header_pattern || get_word(descriptor) != rings->buffer_pattern)
        return 0;
    start = get_word(descriptor + rings->start);
    end = get_word(descriptor + rings->end);
    if (!length || end < start || end - start < length - 1 || !(room = room_at(s, start, length)))
        return 0;
    copy_bytes(room, frame, length);
    descriptor[rings->status] = (uint8_t)rings->complete;
    descriptor[rings->status + 1] = (uint8_t)(rings->complete >> 8);
    put_word(head + rings->first_buffer, rbd);
    copy_bytes(head + rings->report, report, rings->size);
    header->value = rhd;
    buffer->value = rbd;
    return 1;
}

/* Copy bytes of memory. Returns whether it is all there is to the write of `value`: it lies in the memories, and where it
 * goes to there is no code, nothing watched, and no flash. */
static int copied(struct slice *s, struct copy *copy, uint32_t value)
{
    uint32_t length = ((value & copy->length_mask) >> copy->length_lsb) + 1, i;
    uint8_t *from = bytes_at(s, copy->source->value, length), *to = room_at(s, copy->target->value, length);

    if (!from || !to || (copy->unless->value & copy->unless_mask))
        return 0;
    if (to < from)
        copy_bytes(to, from, length);
    else
        for (i = length; i-- > 0;)
            to[i] = from[i];
    for (i = 0; i < 2; i++) {
        uint32_t mask = copy->counted_masks[i], *counted = &copy->counted->value;
        *counted = (*counted & ~mask) | ((*counted + copy->counted_ones[i]) & mask);
    }
    return 1;
}

/* Fill a FIFO from memory. Returns whether it is all there is to the write of `value`. */
static int loaded(struct load *s, uint32_t value)
{
    struct fifo *fifo = s->fifo;
    uint32_t bytes = 4 * fifo->depth, at = (value & s->address_mask) >> s->address_lsb & ~(bytes - 1), i;
    uint8_t *memory = s->memory + at;

    if (s->size < bytes || at > s->size - bytes || fifo->flags)
        return 0;
    for (i = 0; i < fifo->depth; i++, memory += 4)
        fifo->items[i] = memory[0] | memory[1] << 8 | memory[2] << 16 | (uint32_t)memory[3] << 24;
    fifo->first = 0;
    fifo->count = fifo->depth;
    return 1;
}

/* Whether a program is no one's matter: it lies in the cells, and in the window there is no code and nothing watched. */
static int may_program(struct programs *s, uint32_t address, uint32_t length, uint32_t pieces)
{
    struct slice *slice = s->slice;
    uint32_t first = address / s->frame, end = (address + length - 1) / s->frame + 1, page;

    if (!slice || !s->open || slice->watched || s->count + pieces > s->depth || end > s->size / s->frame)
        return 0;
    first = s->at - slice->window_at + first * s->data;
    end = s->at - slice->window_at + end * s->data;
    if (first >= end || end > slice->window_size)
        return 0;
    for (page = (slice->window_at + first) >> PAGE_BITS; page <= (slice->window_at + end - 1) >> PAGE_BITS; page++)
        if (slice->pages[page] & (FETCHED | KEPT))
            return 0;
    return 1;
}

/* Scramble words from a logical address on, or the other way round. */
static void scramble(struct programs *s, uint32_t address, uint8_t *data, uint32_t length)
{
    uint32_t end = address + length, i;
    for (; address < end; address += 4, data += 4) {
        uint32_t mask = s->turns[0], bits = address;
        for (i = 1; bits; i++, bits >>= 1)
            if (bits & 1)
                mask ^= s->turns[i];
        for (i = 0; i < 4; i++)
            data[i] ^= (uint8_t)(mask >> 8 * i);
    }
}

/* Let the window follow a unit. */
static void show(struct programs *s, uint32_t unit)
{
    uint8_t *cells = s->cells + unit * s->frame, *shown = s->slice->window + (s->at - s->slice->window_at + unit * s->data);
    uint32_t i, erased = 0;
    for (i = 0; i < s->frame; i++)
        erased += cells[i] == 0xFF;
    for (i = 0; i < s->data; i++)
        shown[i] = cells[i];
    if (erased < s->frame)
        scramble(s, unit * s->data, shown, s->data);
}

/* Program bytes within a page, as may_program says that it can be done. */
static void program(struct programs *s, uint32_t address, const uint8_t *data, uint32_t length, uint32_t of_words)
{
    struct carried_out *done = &s->carried_out[s->count++];
    uint32_t i;

    done->ticks = s->slice->target - s->slice->budget;
    done->address = address;
    done->length = length;
    done->of_words = of_words;
    for (i = 0; i < length; i++) {
        s->cells[address + i] &= data[i];
        done->data[i] = data[i];
    }
    for (i = address / s->frame; i <= (address + length - 1) / s->frame; i++)
        show(s, i);
    s->slice->held = 1;
}

/* Program the words of a full FIFO. Returns whether it is all there is to the write of `value`. */
static int programmed(struct programs *s, uint32_t value)
{
    struct fifo *words = s->words;
    uint32_t address = value & s->address_mask, length = 4 * words->depth, i;
    uint8_t data[32];

    if ((s->unless->value & s->unless_mask) || words->count != words->depth || length > sizeof data)
        return 0;
    if (!may_program(s, address, length, 1))
        return 0;
    for (i = 0; i < length; i++) {
        uint32_t at = words->first + i / 4;
        data[i] = (uint8_t)(words->items[at < words->depth ? at : at - words->depth] >> 8 * (i & 3));
    }
    program(s, address, data, length, 1);
    words->first = words->count = 0;
    changed(words);
    return 1;
}

/* Program a line that is complete, with its CRC, at a logical address: in two pieces where it lies in two pages. */
static int line_programmed(struct programs *s, uint32_t logical, struct store_buffer *line)
{
    uint32_t address = logical / s->data * s->frame, first = s->page - address % s->page, crc = 0xFFFF, i;
    uint8_t data[36];

    if (s->data != line->size || s->frame > sizeof data || logical >= s->size || !may_program(s, address, s->frame, 2))
        return 0;
    for (i = 0; i < s->data; i++)
        data[i] = line->bytes[i];
    scramble(s, logical, data, s->data);
    for (i = 0; i < s->data; i++)
        crc = (crc << 8 & 0xFFFF) ^ s->crc[crc >> 8 ^ data[i]];
    data[i] = (uint8_t)(crc >> 8);
    data[i + 1] = (uint8_t)crc;
    if (first > s->frame)
        first = s->frame;
    program(s, address, data, first, 0);
    if (first < s->frame)
        program(s, address + first, data + first, s->frame - first, 0);
    for (i = 0; i < line->size; i++)
        line->bytes[i] = 0xFF;
    return 1;
}

static void write_word(struct word *word, uint32_t value)
{
    word->value = ((word->value & ~word->stored) | (value & word->stored)) & ~(value & word->w1c);
    follow(word->lines);
}

static int feed(struct schedule *schedule, struct feed *s, int64_t now)
{
    struct fifo *fifo = s->fifo;
    if (!s->repeats || fifo->count >= fifo->depth || asks(s->status->lines))
        return 0;
    put_item(fifo, s->item);
    s->status->value |= s->set;
    if (fifo->count > (s->level->value & s->level_mask) >> s->level_lsb)
        s->status->value |= s->reached;
    s->head.ticks = NEVER;
    if (fifo->count < fifo->depth) {
        s->head.ticks = (now / schedule->ticks_per_us + s->every) * schedule->ticks_per_us;
        s->head.number = schedule->scheduled++;
    }
    follow(s->status->lines);
    return 1;
}

static int expire(struct schedule *schedule, struct periodic *s, int64_t now)
{
    int64_t elapsed, full;
    if (asks(s->status->lines))
        return 0;
    s->status->value |= s->bit;
    elapsed = s->counts + (now / schedule->ticks_per_us - s->since) * s->frequency / s->microseconds;
    full = (elapsed / s->period + 1) * s->period - s->counts;
    full = (full * s->microseconds + s->frequency - 1) / s->frequency;
    s->head.ticks = (s->since + full) * schedule->ticks_per_us;
    s->head.number = schedule->scheduled++;
    follow(s->status->lines);
    return 1;
}

static struct recurring *soonest(struct schedule *schedule)
{
    struct recurring *found = schedule->first, *one;
    for (one = found; one; one = one->following)
        if (one->ticks < found->ticks || (one->ticks == found->ticks && one->number < found->number))
            found = one;
    return found;
}

/* Let what is due go off as long as Python has no say in it, and go on for as long. Returns whether that is possible. */
static int went_off(struct slice *s)
{
    int64_t now = s->target - s->budget, target = s->until;
    struct recurring *due;

    if (now >= target || !s->schedule)
        return 0;
    for (;;) {
        due = soonest(s->schedule);
        if (!due || due->ticks > now)
            break;
        if (due->kind == FEED ? !feed(s->schedule, (struct feed *)due, now) : !expire(s->schedule, (struct periodic *)due, now))
            return 0;
    }
    if (due && due->ticks < target)
        target = due->ticks;
    s->target = target;
    s->budget = target - now;
    return 1;
}

/* Entering a block where there is more to do than to count it. */
static __attribute__((noinline)) void entered(struct slice *s, uint32_t pc, uint32_t size)
{
    uint32_t *known = &s->blocks[pc >> 1 & (BLOCKS - 1)];
    int64_t count;

    if (s->attention && resumed(s, pc, size))
        return;
    if (s->stop || (s->budget <= 0 && !went_off(s))) {
        end(s, s->stop ? STOPPED : DEADLINE);
        return;
    }
    if (s->lines && !s->attention) {
        if (take_interrupt(s, pc))
            return;
    } else if (s->lines && unmasked(s, get(s, CPSR))) {
        end(s, INTERRUPT);
        return;
    }
    if ((*known & ~1u) != pc)
        *known = pc | (get(s, CPSR) & THUMB ? 1 : 0);
    count = size >> (*known & 1 ? 1 : 2);
    s->idle_check -= count;
    if (s->idle_check <= 0) {
        s->idle_check = IDLE_CHECK;
        if (s->idle_stack && !s->lines) {
            uint32_t cpsr = get(s, CPSR);
            uint32_t distance = get(s, SP) - s->idle_stack + IDLE_STACK;
            if ((cpsr & MODE) == SYS && !(cpsr & (FIQ_MASKED | IRQ_MASKED)) && distance <= 2 * IDLE_STACK) {
                end(s, IDLE);
                return;
            }
        }
    }
    s->budget -= count;
    s->block = pc;
    s->size = size;
    if (s->attention & STEP)
        end(s, STEPPED);
}

/* Entering a block. */
void on_block(void *uc, uint64_t address, uint32_t size, void *user)
{
    struct slice *s = user;
    uint32_t pc = (uint32_t)address, known = s->blocks[pc >> 1 & (BLOCKS - 1)];
    int64_t count = size >> (known & 1 ? 1 : 2);

    (void)uc;
    if ((known & ~1u) != pc || (s->attention | s->stop | s->lines) || s->budget <= 0 || s->idle_check <= count) {
        entered(s, pc, size);
        return;
    }
    s->idle_check -= count;
    s->budget -= count;
    s->block = pc;
    s->size = size;
}

/* A breakpoint's instruction or a watched access: remember it, and end before it unless a search goes on. */
static void hit(struct slice *s, uint32_t pc, uint32_t reason)
{
    s->hit_tick = s->target - s->budget;
    s->hit_rest = (s->block + s->size - pc) >> (s->blocks[s->block >> 1 & (BLOCKS - 1)] & 1 ? 1 : 2);
    if (!(s->attention & SEARCH))
        end(s, reason);
}

static int passes(struct slice *s, uint32_t pc)
{
    return (s->attention & PASS) && s->pass == pc;
}

/* An instruction with a breakpoint. */
void on_breakpoint(void *uc, uint64_t address, uint32_t size, void *user)
{
    struct slice *s = user;
    (void)uc, (void)size;
    if (passes(s, (uint32_t)address))
        return;
    s->hit_kind = 0;
    hit(s, (uint32_t)address, BREAKPOINT);
}

/* An instruction before which to end in any case. */
void on_step(void *uc, uint64_t address, uint32_t size, void *user)
{
    (void)uc, (void)size;
    if (!passes(user, (uint32_t)address))
        end(user, STEPPED);
}

/* A watched access. Unicorn carries it out even where it ends here, and again later: the engine undoes it. */
void on_access(void *uc, int kind, uint64_t address, int size, int64_t value, void *user)
{
    struct slice *s = user;
    uint32_t pc = get(s, PC);
    (void)value;
    if (passes(s, pc))
        return;
    s->mem_read(uc, address, &s->hit_old, (uint64_t)size);
    s->hit_address = (uint32_t)address;
    s->hit_size = (uint32_t)size;
    s->hit_kind = (uint32_t)kind;
    hit(s, pc, WATCHED);
}

/* SWI, BKPT and what else the CPU raises by itself. */
void on_exception(void *uc, uint32_t number, void *user)
{
    struct slice *s = user;
    (void)uc;
    if (number == SWI && software_interrupt(s))
        return;
    s->exception = number;
    end(s, EXCEPTION);
}

/* An undefined instruction; the answer "handled" keeps emu_start from failing. */
int on_undefined(void *uc, void *user)
{
    (void)uc;
    end(user, UNDEFINED);
    return 1;
}

/* Let time pass while the CPU waits or idles. Returns whether it goes on: an interrupt line is high. */
static int sleeps(struct slice *s)
{
    for (;;) {
        struct recurring *next;
        int64_t now, then = s->until;
        if (s->stop || (s->budget <= 0 && !went_off(s)))
            return 0;
        if (s->lines)
            return 1;
        next = soonest(s->schedule);
        if (next && next->ticks < then)
            then = next->ticks;
        now = s->target - s->budget;
        s->skipped += then - now;
        s->target = then;
        s->budget = 0;
    }
}

static int slept(struct slice *s)
{
    return (s->reason == WAITING || s->reason == IDLE) && s->idle_stack && s->schedule && sleeps(s);
}

/* Run until the slice ends, with the interrupts and calls that are taken in it. Returns Unicorn's error. */
int run(struct slice *s)
{
    int error;

    do {
        uint32_t pc = get(s, PC), cpsr = get(s, CPSR);
        if (!(s->attention & RESUME) && take_interrupt(s, pc)) {
            pc = get(s, PC);
            cpsr = get(s, CPSR);
        }
        s->reason = WAITING; /* emu_start returns by itself after a WFI */
        error = s->emu_start(s->uc, pc | (cpsr & THUMB ? 1 : 0), 0, 0, 0);
    } while (!error && !s->attention && slept(s));
    s->pc = get(s, PC);
    s->cpsr = get(s, CPSR);
    return error;
}

/* As run, with a CPU that waits or idles: until an interrupt line is high only time passes. */
int wake(struct slice *s)
{
    s->reason = WAITING;
    return slept(s) ? run(s) : 0;
}

/* Forget whether blocks in [start, end) are Thumb: their code has changed. */
void forget(struct slice *s, uint32_t start, uint32_t end)
{
    uint32_t at, i;
    if (end - start >= 2 * BLOCKS) {
        for (i = 0; i < BLOCKS; i++)
            s->blocks[i] = ~0u;
        return;
    }
    for (at = start & ~1u; at < end; at += 2)
        if ((s->blocks[at >> 1 & (BLOCKS - 1)] & ~1u) == at)
            s->blocks[at >> 1 & (BLOCKS - 1)] = ~0u;
}

/* What a register shows that counts with time. Returns whether the block has no say in it. */
static int counted(struct slice *s, struct counting *counting, uint32_t *shown)
{
    int64_t count;
    if (!s->schedule || *counting->since == NEVER)
        return 0;
    count = ((s->target - s->budget) / s->schedule->ticks_per_us - *counting->since) * counting->counts / counting->microseconds;
    *shown = (uint32_t)(counting->rest ? count % counting->per : count / counting->per);
    if (counting->plus)
        *shown += (counting->plus->value & counting->plus_mask) >> counting->plus_lsb;
    return *shown != counting->never;
}

/* A read of a register, of 1, 2 or 4 bytes: answered here where the block has no say in it. */
uint64_t on_read(void *uc, uint64_t offset, unsigned size, void *user)
{
    struct span *span = user;
    struct word *word = span->words[offset >> 2];
    if (word && !(offset & (size - 1))) {
        uint32_t value = word->value & word->readable;
        struct fifo *fifo = word->gives;
        if (fifo && fifo->count && !(fifo->full && fifo->count == fifo->depth) && size == 4 && !fifo_asks(fifo)) {
            uint32_t item = fifo->items[fifo->first];
            fifo->first = fifo->first + 1 == fifo->depth ? 0 : fifo->first + 1;
            fifo->count -= !fifo->ring;
            changed(fifo);
            return (value & ~fifo->mask) | item << fifo->shift;
        }
        if (word->counting && size == 4 && counted(span->slice, word->counting, &value))
            return value & word->readable;
        if (!fifo && (word->plain & PLAIN_READ))
            return size == 4 ? value : (value >> 8 * (offset & 3)) & ((1u << 8 * size) - 1);
    }
    span->reads[offset >> 2]++;
    return span->read(uc, offset, size, user);
}

/* A write of a register, in the same way. */
void on_write(void *uc, uint64_t offset, unsigned size, uint64_t written, void *user)
{
    struct span *span = user;
    struct word *word = span->words[offset >> 2];
    if (word && !(offset & (size - 1))) {
        uint32_t value = (uint32_t)written;
        struct fifo *fifo = word->takes;
        if (fifo) {
            uint32_t item = value >> fifo->shift;
            int held = fifo->sets != 0, takes = !held || batch_takes(fifo, item);
            if (size == 4 && takes && !(value & ~fifo->mask) && fifo->count < fifo->depth && !fifo_asks(fifo)) {
                put_item(fifo, item);
                if (held)
                    span->slice->held = 1;
                write_word(word, value);
                return;
            }
        } else if (size == 4 && word->quiet && !(value & ~word->quiet) &&
                   !(word->unless && (word->unless->value & word->unless_mask)) && !asks(word->lines)) {
            write_word(word, value);
            return;
        } else if (word->copies && size == 4 && (value & word->copies->mask) == word->copies->value) {
            if (copied(span->slice, word->copies, value)) {
                write_word(word, value);
                return;
            }
        } else if (word->loads && size == 4 && (value & word->loads->mask) == word->loads->value) {
            if (loaded(word->loads, value)) {
                write_word(word, value);
                return;
            }
        } else if (word->programs && size == 4 && (value & word->programs->mask) == word->programs->value) {
            if (programmed(word->programs, value)) {
                write_word(word, value);
                return;
            }
        } else if (word->clears) {
            if (size == 4 && !asks(word->clears->lines)) {
                write_word(word, value);
                word->clears->value &= ~(value & word->clears_bits);
                follow(word->clears->lines);
                return;
            }
        } else if (word->plain & (PLAIN_WRITE | PLAIN_SAME)) {
            if (size < 4) {
                uint32_t shift = 8 * ((uint32_t)offset & 3), lanes = ((1u << 8 * size) - 1) << shift;
                value = (word->value & word->stored & word->readable & ~lanes) | (value << shift & lanes);
            }
            if (((word->plain & PLAIN_WRITE) || !((word->value ^ value) & word->stored)) && !asks(word->lines)) {
                write_word(word, value);
                return;
            }
        }
    }
    span->writes[offset >> 2]++;
    span->write(uc, offset, size, written, user);
}

/* A store into the flash window: kept here, and programmed with what was stored before where it completes a line. */
void on_store(void *uc, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    struct stores *stores = user;
    struct store_buffer *buffer = stores->buffer;
    if (buffer && (buffer->enable->value & buffer->enable_mask)) {
        uint32_t at = (uint32_t)offset & (buffer->size - 1), i;
        if (at + size <= buffer->size) {
            for (i = 0; i < size; i++)
                buffer->bytes[at + i] = (uint8_t)(value >> 8 * i);
            if (at + size < buffer->size)
                return;
            struct programs *programs = buffer->programs;
            if (programs && programs->slice) {
                uint32_t address = programs->slice->window_at + (uint32_t)offset - at;
                if (line_programmed(programs, address - programs->at, buffer))
                    return;
            }
        }
    }
    stores->write(uc, offset, size, value, user);
}

/* What the CPU may do with a page. Pages of RAM become executable, and slow to store to, only once code was fetched
 * from them. Stores into the flash window go to the sink: firmware that writes through a null pointer must not notice. */
int on_tlb_fill(void *uc, uint64_t address, int kind, struct tlb_entry *entry, void *user)
{
    struct slice *s = user;
    uint8_t *page = &s->pages[(uint32_t)address >> PAGE_BITS];
    (void)uc;
    s->filled_for = (uint32_t)kind;
    if (kind == FETCH && (*page & MEMORY))
        *page |= FETCHED;
    if (kind != WRITE)
        *page |= SEEN;
    entry->address = (uint32_t)address >> PAGE_BITS << PAGE_BITS;
    if (*page & WINDOW) {
        if (kind == WRITE)
            entry->address += s->sink;
        entry->rights = kind == WRITE ? PROT_WRITE : PROT_READ | (*page & FETCHED ? PROT_EXEC : 0);
    } else
        entry->rights = PROT_READ | PROT_WRITE | (*page & FETCHED ? PROT_EXEC : 0);
    return 1;
}
