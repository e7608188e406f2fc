/* Running a slice of guest code: the only code of ours that runs per translated block.
 *
 * Compiled freestanding and position-independent; scripts/build-slice turns it into the bytes of machine_code.py.
 * python.py holds the same semantics in Python for hosts that cannot run those bytes: the two must stay in step.
 *
 * A slice ends before a block is entered, never within one. A block counts as executed when it is entered, so the
 * time that a register access sees is that of the end of its block. One tick is one instruction.
 */
#include <stdint.h>

enum { PC = 11, CPSR = 3, SPSR = 13, LR = 10, SP = 12 }; /* UC_ARM_REG_* */
enum { DEADLINE, STOPPED, INTERRUPT, IDLE, EXCEPTION, UNDEFINED, WAITING };
enum { MODE = 0x1F, SYS = 0x1F, THUMB = 0x20, FIQ_MASKED = 0x40, IRQ_MASKED = 0x80 };
enum { IDLE_CHECK = 2000, IDLE_STACK = 256, BLOCKS = 65536 };

struct slice {
    int64_t budget;         /* ticks until the deadline; each block takes its instructions before it runs */
    int64_t idle_check;     /* ticks until the next look at whether the guest idles */
    void *uc;
    int (*reg_read)(void *uc, int reg, void *value);
    int (*reg_write)(void *uc, int reg, const void *value);
    int (*emu_start)(void *uc, uint64_t begin, uint64_t until, uint64_t timeout, uint64_t count);
    int (*emu_stop)(void *uc);
    uint32_t stop;          /* set by a callback: end at the next block */
    uint32_t lines;         /* bit 0: IRQ is asserted, bit 1: FIQ */
    uint32_t idle_stack;    /* stack pointer at the idle task's WFI; 0: not seen yet */
    uint32_t reason;        /* why the slice ended */
    uint32_t exception;     /* QEMU's exception number where reason is EXCEPTION */
    uint32_t block;         /* address of the block that was entered last */
    uint32_t pc, cpsr;      /* at the end of the slice */
    uint32_t blocks[BLOCKS]; /* address | is Thumb, by (address >> 1) % BLOCKS; all ones: empty */
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

/* Entering a block. */
void on_block(void *uc, uint64_t address, uint32_t size, void *user)
{
    struct slice *s = user;
    uint32_t pc = (uint32_t)address;
    uint32_t *known = &s->blocks[pc >> 1 & (BLOCKS - 1)];
    int64_t count;

    (void)uc;
    if (s->stop || s->budget <= 0) {
        end(s, s->stop ? STOPPED : DEADLINE);
        return;
    }
    if (s->lines && unmasked(s, get(s, CPSR))) {
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
}

/* SWI, BKPT and what else the CPU raises by itself. */
void on_exception(void *uc, uint32_t number, void *user)
{
    struct slice *s = user;
    (void)uc;
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

/* Run until the slice ends. Returns Unicorn's error. */
int run(struct slice *s)
{
    uint32_t cpsr = get(s, CPSR);
    int error;

    s->reason = WAITING; /* emu_start returns by itself after a WFI */
    error = s->emu_start(s->uc, get(s, PC) | (cpsr & THUMB ? 1 : 0), 0, 0, 0);
    s->pc = get(s, PC);
    s->cpsr = get(s, CPSR);
    return error;
}

/* Enter an exception: `mode` with its mask bits, return address, vector. */
void enter(struct slice *s, uint32_t mode, uint32_t link, uint32_t vector)
{
    uint32_t cpsr = get(s, CPSR);
    put(s, CPSR, (cpsr & ~(uint32_t)(MODE | THUMB)) | mode);
    put(s, SPSR, cpsr);
    put(s, LR, link);
    put(s, PC, vector);
}

/* Take whichever interrupt is asserted and not masked, FIQ first. Returns whether one was taken. */
int take_interrupt(struct slice *s)
{
    uint32_t cpsr;
    if (!s->lines)
        return 0;
    cpsr = get(s, CPSR);
    if ((s->lines & 2) && !(cpsr & FIQ_MASKED))
        enter(s, 0x11 | FIQ_MASKED | IRQ_MASKED, get(s, PC) + 4, 0x1C);
    else if ((s->lines & 1) && !(cpsr & IRQ_MASKED))
        enter(s, 0x12 | IRQ_MASKED, get(s, PC) + 4, 0x18);
    else
        return 0;
    return 1;
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
