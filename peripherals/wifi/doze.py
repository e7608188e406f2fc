"""Sleeping between beacons: when the MAC wakes up by itself, and how software gets it out of doze.

Facts: the SDK's reg_mac_core.h and reg_mac_pl.h for the registers; docs/hardware/wifi-mac.md for what the firmware does
with them. While it dozes the MAC neither hears nor sends. With wakeUpSW clear it drives its wake-up wire ahead of the
TBTT that ends the listen interval, by radioWakeUpTime; software writes wakeUpFromDoze, which takes the MAC to idle. The
TSF follows the beacons of the MAC's BSS, as far as tsfMgtDisable allows (receive.py).

Not modelled: wakeupDTIM, atimW, radioChirpTime, the time that waking up takes, timSet.
"""

from __future__ import annotations

from bk7238.peripherals.core import RW, Alarm, Output, Register, on_alarm, on_write
from bk7238.peripherals.wifi.beacon_timer import COUNTDOWN_UNIT, TIME_UNIT
from bk7238.peripherals.wifi.control import DOZE, IDLE
from bk7238.peripherals.wifi.mac_part import MacPart


class Doze(MacPart):
    class DOZE_CNTRL_1(Register, at=0x44):
        listenInterval = RW(0, 15, doc="in beacon intervals")
        wakeupDTIM = RW(16)
        atimW = RW(17, 31)

    class TIMINGS_4(Register, at=0xF0):
        wt2CryptClkRatio = RW(0, 1)
        radioChirpTime = RW(12, 21)
        radioWakeUpTime = RW(22, 31, doc="in units of 32 microseconds")

    class DOZE_CNTRL_2(Register, at=0x8048):
        wakeUpSW = RW(0, reset=1, doc="software wakes the MAC, it does not by itself")
        wakeUpFromDoze = RW(31)

    wake = Output(7, 7)
    wake_up = Alarm()

    def stop(self) -> None:
        """Do not wake up any more."""
        self.wake_up.stop()
        self.wake.drive(0)

    def state_reached(self) -> None:
        """The MAC has entered another state."""
        self.stop()
        if self.block.control.STATE_CNTRL.currentState == DOZE:
            self._fall_asleep()

    def _fall_asleep(self) -> None:
        beacons = self.block.beacons
        interval = beacons.BCN_CNTRL_1.beaconInt * TIME_UNIT
        if self.DOZE_CNTRL_2.wakeUpSW or not interval:
            return
        intervals = max(self.DOZE_CNTRL_1.listenInterval, 1)
        ahead = beacons.to_tbtt + (intervals - 1) * interval - self.TIMINGS_4.radioWakeUpTime * COUNTDOWN_UNIT
        self.wake_up.start(ahead if ahead > 0 else ahead % interval)

    @on_alarm(wake_up)
    def _woken(self) -> None:
        self.wake.drive(1)

    @on_write(DOZE_CNTRL_2)
    def _doze_cntrl_2(self, word: int) -> None:
        if Doze.DOZE_CNTRL_2.wakeUpFromDoze.of(word) and self.block.control.STATE_CNTRL.currentState == DOZE:
            self.block.control.enter(IDLE)
