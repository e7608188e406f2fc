/* Receiving. The MAC fills one ring of headers and one of buffers, and sits on the last descriptor of each that it
 * has used until it needs the next. So the descriptor that was taken last stays where it is, as the spare, and goes
 * back into its ring when the one after it has been taken. Frames are put together by the GDMA. */
#include "app.h"
#include "mac_registers.h"
#include "wifi.h"

enum { HEADERS = 12, BUFFERS = 16 };

static struct rx_header headers[HEADERS];
static struct rx_buffer buffers[BUFFERS] __attribute__((aligned(4)));
static struct rx_header *header_tail, *header_spare, *header_next;
static struct rx_buffer *buffer_tail, *buffer_spare;
static struct heard heard;

void receive_init(void)
{
    uint32_t i;

    for (i = 0; i < HEADERS; i++) {
        headers[i].pattern = RX_HEADER_PATTERN;
        headers[i].next = i && i + 1 < HEADERS ? (uint32_t)&headers[i + 1] : 0;
        headers[i].status = 0;
    }
    for (i = 0; i < BUFFERS; i++) {
        buffers[i].pattern = RX_BUFFER_PATTERN;
        buffers[i].next = i && i + 1 < BUFFERS ? (uint32_t)&buffers[i + 1] : 0;
        buffers[i].start = (uint32_t)buffers[i].data;
        buffers[i].end = buffers[i].start + RX_BUFFER_SIZE - 1;
    }
    header_spare = &headers[0];
    header_next = &headers[1];
    header_tail = &headers[HEADERS - 1];
    buffer_spare = &buffers[0];
    buffer_tail = &buffers[BUFFERS - 1];
    RX_HEADER_HEAD_PTR = (uint32_t)&headers[1];
    RX_PAYLOAD_HEAD_PTR = (uint32_t)&buffers[1];
    DMA_CNTRL_SET = RX_NEW_HEADS;
}

static void copy(void *to, const void *from, uint32_t length)
{
    GDMA_MUX_REQS = 0; /* memory to memory */
    GDMA_DST_START_ADDR = (uint32_t)to;
    GDMA_SRC_START_ADDR = (uint32_t)from;
    GDMA_CONF = DMA_EN | SRCADDR_INC | DSTADDR_INC | (length - 1) << TRANS_LEN_LSB;
    while (GDMA_CONF & DMA_EN)
        ;
}

static void give_back_buffer(struct rx_buffer *buffer)
{
    buffer_spare->next = 0;
    buffer_spare->status = 0;
    buffer_tail->next = (uint32_t)buffer_spare;
    buffer_tail = buffer_spare;
    buffer_spare = buffer;
}

static void give_back_header(struct rx_header *header)
{
    header_spare->next = 0;
    header_spare->status = 0;
    header_tail->next = (uint32_t)header_spare;
    header_tail = header_spare;
    header_spare = header;
}

static void collect(uint32_t first)
{
    struct rx_buffer *buffer = (struct rx_buffer *)first;
    uint32_t at = 0, last;

    do {
        uint32_t take = heard.length - at, next = buffer->next;
        if (take > RX_BUFFER_SIZE)
            take = RX_BUFFER_SIZE;
        if (take && at + take <= sizeof heard.frame)
            copy(heard.frame + at, buffer->data, take);
        at += take;
        last = buffer->status & RBD_LAST;
        give_back_buffer(buffer);
        buffer = (struct rx_buffer *)next;
    } while (!last && buffer);
}

const struct heard *receive_next(void)
{
    struct rx_header *header = header_next;

    if (!header || !(header->status & RHD_DONE))
        return NULL;
    heard.length = header->frame_length;
    heard.rssi = (int8_t)(header->vector1[2] >> 24);
    heard.decrypted = (header->status & RHD_DECRYPTION) == RHD_CCMP_SUCCESS;
    collect(header->first_buffer);
    if (heard.length > sizeof heard.frame)
        heard.length = 0;
    give_back_header(header);
    header_next = (struct rx_header *)header->next;
    DMA_CNTRL_SET = RX_NEW_TAILS;
    return &heard;
}
