/* The MAC's registers: start, interrupts, channel, filter, keys. */
#include "app.h"
#include "mac_registers.h"
#include "wifi.h"

const uint8_t own_address[ADDRESS] = {0x02, 0x42, 0x4B, 0x72, 0x38, 0x01}; /* locally administered */

static uint32_t low(const uint8_t *address)
{
    return le32(address);
}

static uint32_t high(const uint8_t *address)
{
    return le16(address + 4);
}

void mac_init(void)
{
    SCTRL_CLK_GATING = 0x1FF;
    RC_CNTL_STAT = RC_EN | RC_CH0_EN;
    MAC_CNTRL_2 = SOFT_RESET;
    while (MAC_CNTRL_2 & SOFT_RESET)
        ;
    mac_clear_keys();
    MAC_ADDR_LOW = low(own_address);
    MAC_ADDR_HI = high(own_address);
    mac_filter(1);
    TIMERS_INT_UN_MASK = 0;
    transmit_init();
    receive_init();
    GEN_INT_ENABLE = 0;
    TX_RX_INT_ENABLE = MASTER_INT_EN | INT_TIMER_RX | INT_AC2_TX | INT_AC3_TX;
    STATE_CNTRL = STATE_ACTIVE << NEXT_STATE_LSB;
    while ((STATE_CNTRL & CURRENT_STATE) != STATE_ACTIVE)
        ;
}

/* Descriptors say the rest. */
FROM_RAM void mac_interrupt(void)
{
    TX_RX_INT_ACK = TX_RX_INT_STATUS;
}

/* The synthesiser counts in steps of 0.5 MHz. On silicon the transceiver must be calibrated first. */
void mac_tune(uint32_t channel)
{
    while (RC_BEKEN_SPI & TRX_REG_STAT)
        ;
    RC_TRX_REG5 = (25 + 10 * (channel - 1)) << 24;
}

void mac_filter(int scanning)
{
    RX_CNTRL = ACCEPT_BROADCAST | ACCEPT_MY_UNICAST | ACCEPT_PROBE_RESP | ACCEPT_BEACON | ACCEPT_OTHER_MGMT_FRAMES |
               ACCEPT_DATA | ACCEPT_Q_DATA | (scanning ? ACCEPT_ALL_BEACON : 0);
}

void mac_set_bssid(const uint8_t *bssid)
{
    BSS_ID_LOW = low(bssid);
    BSS_ID_HI = high(bssid);
}

/* Stations stand at 24 and up, group keys at 0 to 3. An entry without a cipher still names a station. */
void mac_set_key(uint32_t index, const uint8_t *key, const uint8_t *address, uint32_t cipher)
{
    uint32_t i;

    for (i = 0; i < 4; i++)
        ENCR_KEY(i) = key ? le32(key + 4 * i) : 0;
    ENCR_MAC_ADDR_LOW = low(address);
    ENCR_MAC_ADDR_HIGH = high(address);
    ENCR_CNTRL = NEW_WRITE | index << KEY_INDEX_LSB | cipher << CIPHER_LSB | (cipher == CIPHER_NONE ? USE_DEF_KEY : 0);
    while (ENCR_CNTRL & NEW_WRITE)
        ;
}

void mac_clear_keys(void)
{
    MAC_CNTRL_1 |= KEY_STO_RAM_RESET;
}
