"""Registers of the MAC that the firmware writes, and that nothing here looks at.

Facts: offsets, names and reset values of the SDK's reg_mac_core.h and reg_mac_pl.h, see docs/hardware/wifi-mac.md.
They read back what was written; DEBUG_PORT_VALUE must be zero, the driver takes other values for a MAC that hangs.

Not modelled: whatever these registers configure: timings, power levels, quiet elements, coexistence, MIB counters.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, SC, Register, word
from bk7238.peripherals.wifi.mac_part import MacPart


class Configuration(MacPart):
    class SIGNATURE(Register, at=0x00):
        signature = RO(0, 31)

    class VERSION_1(Register, at=0x04):
        features = RO(0, 31, reset=0x1C03, doc="qos, edca, ht, vht, tpc")

    class VERSION_2(Register, at=0x08):
        release = RO(0, 31)

    class MIB_TABLE_WRITE(Register, at=0x118):
        mibTableIndex = RW(0, 9)
        mibIncrementMode = RW(14, reset=1)
        mibWrite = SC(15)
        mibValue = RW(16, 31)

    class DEBUG_PORT_VALUE(Register, at=0x50C):
        debugPortRead = RO(0, 31)

    # Core registers
    BITMAP_CNT = word(0x0C)
    SCAN_CNTRL = word(0x3C)
    MAC_ERR_SET_STATUS = word(0x58)
    MAC_ERR_CLEAR_STATUS = word(0x5C)
    BCN_CNTRL_2 = word(0x68)
    DTIM_CFP_1 = word(0x90)
    DTIM_CFP_2 = word(0x94)
    BB_SERVICE = word(0x9C, reset=0x0800_0000)
    DSSSMAX_POWER_LEVEL = word(0xA0, reset=0x0404)
    OFDMMAX_POWER_LEVEL = word(0xA4, reset=0x0404)
    ENCR_WPI_INT_KEY = word(0xC8, count=4)
    ENCR_RAM_CONFIG = word(0xD8)
    RATES = word(0xDC, reset=0x0150)
    OLBC = word(0xE0)
    TIMINGS_1 = word(0xE4)
    TIMINGS_2 = word(0xE8)
    TIMINGS_3 = word(0xEC)
    TIMINGS_5 = word(0xF4)
    TIMINGS_6 = word(0xF8)
    TIMINGS_7 = word(0xFC)
    TIMINGS_8 = word(0x100, reset=0x2166_C621)
    TIMINGS_9 = word(0x104)
    PROT_TRIG_TIMER = word(0x10C, reset=0x0009)
    TX_TRIGGER_TIMER = word(0x110, reset=0x0F9C)
    RX_TRIGGER_TIMER = word(0x114, reset=0x000F_0F9C)
    EDCA_CCA_BUSY = word(0x220)
    EDCA_CNTRL = word(0x224)
    QUIET_ELEMENT = word(0x280, count=4)
    ADD_CCA_BUSY_SEC = word(0x290, count=3)
    STBC_CNTRL = word(0x300)
    START_TX = word(0x304, count=3)
    TX_BW_CNTRL = word(0x310, reset=0x0002_0A18)
    HTMCS = word(0x314, reset=0xFFFF)
    VHTMCS = word(0x31C, reset=0xFFFF)
    LSTP = word(0x320)
    BFMEE_CONTROL = word(0x350, reset=0x0884_0124)
    COEX_CONTROL = word(0x400, reset=0x68)
    COEX_PTI = word(0x404, reset=0x0024_6637)
    COEX_STAT = word(0x408)
    COEX_INT = word(0x40C)
    DEBUG_HWSM = word(0x500, count=2)
    DEBUG_PORT_SEL = word(0x510)
    DEBUG_NAV = word(0x514)
    DEBUG_CW = word(0x518, reset=0x2344)
    DEBUG_QSRC = word(0x51C)
    DEBUG_QLRC = word(0x520)
    DEBUG_PHY = word(0x55C)
    UNNAMED_700 = word(0x700)

    # Platform registers
    DMA_STATUS_2 = word(0x818C)
    DMA_STATUS_3 = word(0x8190)
    DMA_STATUS_4 = word(0x8194, reset=0x1F)
    TX_STRUCT_SIZES = word(0x81AC)
    DMA_THRESHOLD = word(0x81C0, reset=0x0010_0010)
    EDCA_AC_HAS_DATA_SET = word(0x8210)
    EDCA_AC_HAS_DATA_CLEAR = word(0x8214)
    MOT_1 = word(0x8228)
    MOT_2 = word(0x822C, reset=0x002F_005E)
    MOT_3 = word(0x8230)
    TX_BW_DROP_INFO = word(0x8330)
    SEC_USERS_TX_INT_EVENT_SET = word(0x8364)
    SEC_USERS_TX_INT_EVENT_CLEAR = word(0x8368)
    SEC_USERS_TX_INT_EVENT_UN_MASK = word(0x836C)
    SW_PROFILING = word(0x8560, count=3)
    DEBUG_SEC_U_TX_C_PTR = word(0x8570, count=3)
    MAC_DEEP_CLKGATE = word(0x857C)
