"""When an access point's beacon is due: the target beacon transmission times (TBTT) that follow from the TSF.

Facts: the SDK's reg_mac_core.h for the registers, its prebuilt MAC library for their use. A TBTT is where the TSF is a
multiple of the beacon interval. impTBTTPeriod before it, the MAC raises impPriTBTT; the firmware then halts the beacon
queue and gives it a beacon, which goes out at the TBTT with what is linked behind it. It asks for 2,048 microseconds.
Nothing of this happens while the MAC is no access point, or idle.

Not modelled: DTIM interrupts (the firmware counts for itself and treats them as TBTT), impSecTBTT, the beacons of an
IBSS, a TBTT for stations (the firmware has its own timers), noBcnTxTime.
"""

from __future__ import annotations

from bk7238.peripherals.core import RO, RW, Alarm, Register, State, on_alarm, on_read, on_write
from bk7238.peripherals.wifi.control import IDLE
from bk7238.peripherals.wifi.mac_part import MacPart

TIME_UNIT = 1024  # microseconds
SHORT_UNIT = 128
COUNTDOWN_UNIT = 32


class BeaconTimer(MacPart):
    class BCN_CNTRL_1(Register, at=0x64):
        beaconInt = RW(0, 15, doc="in units of 1,024 microseconds")
        impTBTTPeriod = RW(16, 22)
        impTBTTIn128Us = RW(23, doc="the unit of impTBTTPeriod: 1,024 or 128 microseconds")
        noBcnTxTime = RW(24, 31)

    class NEXT_TBTT(Register, at=0x8040):
        nextTBTT = RO(0, 15, doc="how far it is, in units of 32 microseconds")

    tbtt = Alarm()
    impending_tbtt = Alarm()
    window = State(False)  # the beacon queue may send: from a TBTT until the next is impending

    @property
    def beaconing(self) -> bool:
        """Whether there are TBTTs at all."""
        return bool(self.block.control.MAC_CNTRL_1.ap and self.BCN_CNTRL_1.beaconInt)

    @property
    def may_send(self) -> bool:
        """Whether the beacon queue's turn has come."""
        return self.window or not self.beaconing

    @property
    def to_tbtt(self) -> int:
        """Microseconds to the next TBTT, at least one."""
        interval = (self.BCN_CNTRL_1.beaconInt or 1) * TIME_UNIT
        return interval - self.block.clocks.tsf % interval

    @on_write(BCN_CNTRL_1)
    def _configured(self, _word: int) -> None:
        self.plan()

    @on_read(NEXT_TBTT)
    def _next_tbtt(self) -> int:
        return min(self.to_tbtt // COUNTDOWN_UNIT, 0xFFFF) if self.beaconing else 0

    def mode_changed(self) -> None:
        """MAC_CNTRL_1 was written: the MAC may have become an access point, or ceased to be one."""
        if self.beaconing != (self.tbtt.deadline is not None):
            self.plan()

    def plan(self) -> None:
        """The TBTTs lie elsewhere from now on: the TSF or the beacon interval has changed."""
        self.tbtt.stop()
        self.impending_tbtt.stop()
        self.window = False
        if self.beaconing:
            self.tbtt.start(self.to_tbtt)
            self._plan_impending()

    def _plan_impending(self) -> None:
        unit = SHORT_UNIT if self.BCN_CNTRL_1.impTBTTIn128Us else TIME_UNIT
        ahead = self.to_tbtt - self.BCN_CNTRL_1.impTBTTPeriod * unit
        interval = self.BCN_CNTRL_1.beaconInt * TIME_UNIT
        self.impending_tbtt.start(ahead if ahead > 0 else ahead % interval or interval)

    @on_alarm(impending_tbtt)
    def _tbtt_impends(self) -> None:
        self.window = False
        self._plan_impending()
        if self.block.control.STATE_CNTRL.currentState != IDLE:
            self.block.interrupts.GEN_INT_STATUS.impPriTBTT = 1
            self.block.interrupts.update()

    @on_alarm(tbtt)
    def _tbtt(self) -> None:
        self.tbtt.start(self.to_tbtt)
        self.window = True
        self.block.tx.contend()
