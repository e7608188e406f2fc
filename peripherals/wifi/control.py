"""The MAC's mode, its state (idle, doze or active), and the two ways to reset it from software.

Facts: docs/hardware/wifi-mac.md. A requested state is reached at once. Reaching idle from another state raises the
idle interrupt; idle to idle does not. An exchange that is on the air when the state changes still ends normally.

Not modelled: time that a transition takes, reset bits of single FIFOs.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, SC, Register, on_write
from bk7238.peripherals.wifi.mac_part import MacPart

IDLE, DOZE, ACTIVE = 0, 2, 3


class Control(MacPart):
    class STATE_CNTRL(Register, at=0x38):
        currentState = RO(0, 3)
        nextState = RW(4, 7)

    class MAC_CNTRL_1(Register, at=0x4C):
        bssType = RW(0, reset=1)
        ap = RW(1)
        pwrMgt = RW(2)
        cfpAware = RW(3)
        lpClk32786Hz = RW(5)
        enableLPClkSwitch = RW(6)
        activeClkGating = RW(7, reset=1)
        disableACKResp = RW(8)
        disableCTSResp = RW(9)
        disableBAResp = RW(10)
        rateControllerMPIF = RW(11, reset=1)
        mibTableReset = SC(12)
        keyStoRAMReset = SC(13)
        abgnMode = RW(14, 16, reset=3)
        tsfUpdatedBySW = RW(24)
        tsfMgtDisable = RW(25)
        rxRIFSEn = RW(26)

    class MAC_ERR_REC_CNTRL(Register, at=0x54):
        useErrRec = RW(0)
        useErrDet = RW(1)
        hwFSMReset = SC(2)
        rxFIFOReset = SC(3)
        txFIFOReset = SC(4)
        macPHYIFFIFOReset = SC(5)
        encrRxFIFOReset = SC(6)
        baPSBitmapReset = SC(7)
        rxFlowCntrlEn = RW(16)

    class MAC_CNTRL_2(Register, at=0x8050):
        softReset = SC(0)

    @property
    def active(self) -> bool:
        """Whether frames are sent and heard."""
        return self.STATE_CNTRL.currentState == ACTIVE

    @on_write(STATE_CNTRL)
    def _state_requested(self, _word: int) -> None:
        if self.STATE_CNTRL.currentState != self.STATE_CNTRL.nextState:
            self.enter(self.STATE_CNTRL.nextState)

    def enter(self, new: int) -> None:
        """Be in another state."""
        self.STATE_CNTRL.currentState = new
        if new == IDLE:
            self.block.interrupts.GEN_INT_STATUS.idleInterrupt = 1
            self.block.interrupts.update()
        self.block.doze.state_reached()
        self.block.tx.contend()

    @on_write(MAC_CNTRL_1)
    def _mode(self, word: int) -> None:
        if Control.MAC_CNTRL_1.keyStoRAMReset.of(word):
            self.block.keys.entries.clear()
        self.block.beacons.mode_changed()

    @on_write(MAC_ERR_REC_CNTRL)
    def _recovery_requested(self, word: int) -> None:
        if Control.MAC_ERR_REC_CNTRL.hwFSMReset.of(word):
            self._give_up()

    @on_write(MAC_CNTRL_2)
    def _soft_reset(self, word: int) -> None:
        if not Control.MAC_CNTRL_2.softReset.of(word):
            return
        mac = self.block
        mac.timers.stop()
        mac.tx.forget()
        mac.doze.stop()
        mac.rings.stop()
        self.STATE_CNTRL.value = IDLE
        self._give_up()
        mac.interrupts.clear()

    def _give_up(self) -> None:
        """Take back what is on the air, and what was heard and is not in memory yet."""
        self.block.tx.halt_all()
        self.block.rings.clear()
