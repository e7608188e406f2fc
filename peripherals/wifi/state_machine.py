"""The MAC's state: idle, doze or active, and the two ways to reset it from software.

Facts: docs/hardware/wifi-mac.md. A requested state is reached at once. Reaching idle from another state raises the
idle interrupt; idle to idle does not. An exchange that is on the air when the state changes still ends normally.

Not modelled: time that a transition takes, reset bits of single FIFOs.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, SC, Register, on_write
from bk7238.peripherals.wifi.interrupts import Interrupts

IDLE, DOZE, ACTIVE = 0, 2, 3


class StateMachine(Interrupts):
    class STATE_CNTRL(Register, at=0x38):
        currentState = RO(0, 3)
        nextState = RW(4, 7)

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

    def state_reached(self) -> None:
        """Called when the current state has changed."""

    def fsm_reset(self) -> None:
        """What MAC_ERR_REC_CNTRL.hwFSMReset does: give up what is on the air; each part of the MAC adds its own."""

    def soft_reset(self) -> None:
        self.STATE_CNTRL.value = IDLE
        self.fsm_reset()
        super().soft_reset()

    @on_write(STATE_CNTRL)
    def _state_requested(self, word: int) -> None:
        if self.STATE_CNTRL.currentState != self.STATE_CNTRL.nextState:
            self.enter(self.STATE_CNTRL.nextState)

    def enter(self, new: int) -> None:
        """Be in another state."""
        self.STATE_CNTRL.currentState = new
        if new == IDLE:
            self.GEN_INT_STATUS.idleInterrupt = 1
            self.update_lines()
        self.state_reached()

    @on_write(MAC_ERR_REC_CNTRL)
    def _recovery_requested(self, word: int) -> None:
        if StateMachine.MAC_ERR_REC_CNTRL.hwFSMReset.of(word):
            self.fsm_reset()

    @on_write(MAC_CNTRL_2)
    def _mac_cntrl_2(self, word: int) -> None:
        if StateMachine.MAC_CNTRL_2.softReset.of(word):
            self.soft_reset()
