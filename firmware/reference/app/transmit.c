/* Sending. Data goes through AC2, management frames through AC3. Each queue has a few frames, each with its
 * descriptors, used in turn. A queue that is idle is given a new head, a busy one a new tail linked to the last. */
#include "app.h"
#include "mac_registers.h"
#include "wifi.h"

enum { SLOTS = 4, QUEUES = 2, FCS = 4, RETRIES = 7, SEQUENCE_AT = 22, LONGEST_WAIT = 500 };

struct slot {
    struct tx_header header;
    struct tx_buffer buffer;
    struct policy policy;
    uint8_t frame[MPDU];
};

static const uint32_t hardware_queue[QUEUES] = {3, 4}; /* AC2, AC3; 0 is the beacon's */
static struct slot slots[QUEUES][SLOTS] __attribute__((aligned(4)));
static uint32_t turn[QUEUES];
static struct slot *last[QUEUES];
static uint32_t sequence;

void transmit_init(void)
{
    uint32_t queue, i;
    for (queue = 0; queue < QUEUES; queue++)
        for (i = 0; i < SLOTS; i++)
            slots[queue][i].header.status = THD_DONE;
}

/* Room for a frame; waits for it as long as the MAC may take to give up on another one. */
uint8_t *transmit_begin(enum tx_queue queue)
{
    struct slot *slot = &slots[queue][turn[queue] % SLOTS];
    uint32_t start = milliseconds();

    while (!(slot->header.status & THD_DONE) && !passed(start, LONGEST_WAIT))
        ;
    memset(slot->frame, 0, HEADER);
    return slot->frame;
}

static void describe(struct slot *slot, uint32_t length, uint32_t key_index)
{
    uint32_t rate = slot->frame[0] & DATA ? RATE_11_MBIT : RATE_1_MBIT;

    slot->policy = (struct policy){
        .pattern = POLICY_PATTERN,
        .mac_control1 = key_index,
        .mac_control2 = RETRIES << SHORT_RETRY_LIMIT_LSB,
        .rate = {(uint32_t)RETRIES << TRIES_LSB | rate},
    };
    slot->buffer = (struct tx_buffer){
        .pattern = TX_BUFFER_PATTERN,
        .start = (uint32_t)slot->frame,
        .end = (uint32_t)slot->frame + length - 1,
    };
    slot->header = (struct tx_header){
        .pattern = TX_HEADER_PATTERN,
        .first_buffer = (uint32_t)&slot->buffer,
        .frame_length = length + FCS,
        .policy = (uint32_t)&slot->policy,
        .mac_control1 = slot->frame[4] & 1 ? 0 : EXPECT_ACK,
        .mac_control2 = INTERRUPT_WHEN_DONE,
    };
}

/* `key_index` names the key of a frame whose header says that it is protected. */
void transmit_end(enum tx_queue queue, uint32_t length, uint32_t key_index)
{
    struct slot *slot = &slots[queue][turn[queue]++ % SLOTS], *before = last[queue];
    uint32_t cpsr, number = hardware_queue[queue];

    put_le16(slot->frame + SEQUENCE_AT, sequence++ << 4);
    describe(slot, length, key_index);
    cpsr = mask_interrupts();
    if (!before || before == slot || before->header.status & THD_DONE) {
        TX_HEAD_PTR(number) = (uint32_t)&slot->header;
        DMA_CNTRL_SET = TX_NEW_HEAD << number;
    } else {
        before->header.next = (uint32_t)&slot->header;
        DMA_CNTRL_SET = TX_NEW_TAIL << number;
    }
    last[queue] = slot;
    restore_interrupts(cpsr);
}
