/* The Wi-Fi MAC's registers that this firmware uses, named as in the models under peripherals/wifi/, and the
 * descriptors that it shares with the MAC in memory. Facts: docs/hardware/wifi-mac.md. */
#ifndef MAC_REGISTERS_H
#define MAC_REGISTERS_H

#include "registers.h"

#define MAC(offset) REGISTER(0xC0000000 + (offset))

#define MAC_ADDR_LOW MAC(0x10)
#define MAC_ADDR_HI MAC(0x14)
#define BSS_ID_LOW MAC(0x20)
#define BSS_ID_HI MAC(0x24)
#define STATE_CNTRL MAC(0x38)
#define MAC_CNTRL_1 MAC(0x4C)
#define RX_CNTRL MAC(0x60)
#define ENCR_KEY(n) MAC(0xAC + 4 * (n))
#define ENCR_MAC_ADDR_LOW MAC(0xBC)
#define ENCR_MAC_ADDR_HIGH MAC(0xC0)
#define ENCR_CNTRL MAC(0xC4)
#define MONOTONIC_COUNTER_2_LO MAC(0x120)
#define ABS_TIMER(n) MAC(0x128 + 4 * (n))
#define MAC_CNTRL_2 MAC(0x8050)
#define GEN_INT_STATUS MAC(0x806C)
#define GEN_INT_ACK MAC(0x8070)
#define GEN_INT_ENABLE MAC(0x8074)
#define TX_RX_INT_STATUS MAC(0x8078)
#define TX_RX_INT_ACK MAC(0x807C)
#define TX_RX_INT_ENABLE MAC(0x8080)
#define TIMERS_INT_EVENT_CLEAR MAC(0x8088)
#define TIMERS_INT_UN_MASK MAC(0x808C)
#define DMA_CNTRL_SET MAC(0x8180)
#define TX_HEAD_PTR(queue) MAC(0x8198 + 4 * (queue)) /* 0 beacon, 1 to 4 AC0 to AC3 */
#define RX_HEADER_HEAD_PTR MAC(0x81B8)
#define RX_PAYLOAD_HEAD_PTR MAC(0x81BC)

enum { STATE_IDLE = 0, STATE_ACTIVE = 3, NEXT_STATE_LSB = 4, CURRENT_STATE = 0xF };
enum { SOFT_RESET = 1, KEY_STO_RAM_RESET = 1 << 13 };
enum {
    ACCEPT_BROADCAST = 1 << 3,
    ACCEPT_MY_UNICAST = 1 << 7,
    ACCEPT_PROBE_RESP = 1 << 9,
    ACCEPT_BEACON = 1 << 10,
    ACCEPT_ALL_BEACON = 1 << 13,
    ACCEPT_OTHER_MGMT_FRAMES = 1 << 15,
    ACCEPT_DATA = 1 << 24,
    ACCEPT_Q_DATA = 1 << 26,
};
enum { CIPHER_NONE = 0, CIPHER_CCMP = 3, CIPHER_LSB = 8, VLAN_ID_LSB = 4, KEY_INDEX_LSB = 16, USE_DEF_KEY = 1 << 1 };
enum { NEW_WRITE = 1 << 30, FIRST_STATION_KEY = 24 };
#define MASTER_INT_EN (1u << 31)
enum { INT_IDLE = 1 << 2, INT_ABS_TIMERS = 1 << 3 };
enum { INT_AC2_TX = 1 << 8, INT_AC3_TX = 1 << 9, INT_RX = 1 << 16, INT_TIMER_RX = 1 << 17, INT_COUNTER_RX = 1 << 19 };
enum { TX_NEW_TAIL = 1 << 0, TX_NEW_HEAD = 1 << 8 }; /* shifted by the queue */
enum { RX_NEW_TAILS = 3 << 24, RX_NEW_HEADS = 3 << 26 };

/* Transmit: a header descriptor leads to buffers and to a policy table. The end of a buffer is its last byte. */
enum { TX_HEADER_PATTERN = 0xCAFEBABE, TX_BUFFER_PATTERN = 0xCAFEFADE, POLICY_PATTERN = 0xBADCAB1E };

struct tx_header {
    uint32_t pattern, next, next_mpdu, first_buffer, start, end, frame_length, lifetime, phy_control, policy;
    uint32_t optional[3];
    uint32_t mac_control1, mac_control2;
    volatile uint32_t status;
    uint32_t medium_time;
};
enum { EXPECT_ACK = 1 << 9, INTERRUPT_WHEN_DONE = 1 << 8 };
#define THD_DONE (1u << 31)
enum { THD_SUCCESSFUL = 1 << 23 };

struct tx_buffer {
    uint32_t pattern, next, start, end, control;
};

struct policy {
    uint32_t pattern, phy1, phy2, mac_control1, mac_control2, rate[4], power[4];
};
enum { SHORT_RETRY_LIMIT_LSB = 8, TRIES_LSB = 29, RATE_1_MBIT = 0, RATE_11_MBIT = 3, RATE_24_MBIT = 8 };

/* Receive: one ring of header descriptors, one of buffers; the MAC takes as many buffers as a frame needs. */
enum { RX_HEADER_PATTERN = 0xBAADF00D, RX_BUFFER_PATTERN = 0xC0DEDBAD, RX_BUFFER_SIZE = 512 };

struct rx_header {
    uint32_t pattern, next, first_buffer, software, start, end, control;
    uint16_t frame_length, ampdu;
    uint32_t tsf[2], vector1[4], vector2[2];
    volatile uint32_t status;
    uint32_t unused[8];
};
enum { RHD_DONE = 1 << 14, RHD_DECRYPTION = 7 << 2, RHD_CCMP_SUCCESS = 7 << 2 };

struct rx_buffer {
    uint32_t pattern, next, start, end;
    uint16_t status, unused;
    uint8_t data[RX_BUFFER_SIZE];
};
enum { RBD_LAST = 1 };

#endif
