"""Sending: five queues of descriptors, one antenna.

Facts: docs/hardware/wifi-mac.md. Software gives a queue its first descriptor with newHead and later ones by linking
them to the last and newTail. The MAC sends one frame at a time, beacons first, then AC3 down to AC0; writes the outcome
into the descriptor, leaves its address in the queue's status pointer, and raises the queue's trigger whether or not
the descriptor asks for an interrupt: the SDK queues data frames without asking, and waits for it.

Beacons, and what is linked behind them, wait for the target beacon time (beacon_timer.py) where there is one. The MAC
writes the TSF into beacons and probe responses, and MAC_CNTRL_1.pwrMgt into the power management bit.

A frame waits while others are on the air (`contending`), and occupies the channel to the end of its ACK, or of its
retries. It is heard once, when its time on the air is over; the listener answers for the whole exchange. A bad
descriptor stops its queue until the next newHead. Halting a queue takes back what it has on the air.

Not modelled: collisions, protection frames, A-MPDU, lifetime, buffer triggers, medium time used, DMA error interrupts.
"""

from __future__ import annotations

from typing import NamedTuple

from bk7238.formats.airtime import SLOT, Rate, frame_time
from bk7238.formats.ieee80211 import CONTROL, FCS, POWER_MANAGEMENT, with_timestamp
from bk7238.peripherals.core import RO, RW, Alarm, Port, Register, State, on_alarm
from bk7238.peripherals.wifi import keys
from bk7238.peripherals.wifi.descriptors import (
    THD_DONE,
    THD_RETRIES_SHIFT,
    THD_RETRY_LIMIT_REACHED,
    THD_STATUS,
    THD_SUCCESSFUL,
    BadDescriptor,
    PolicyTable,
    TxHeader,
    read_next,
    read_policy_table,
    read_tx_header,
    write_word,
)
from bk7238.peripherals.wifi.mac_part import MacPart
from bk7238.peripherals.wifi.tx_frame import gather

NAMES = ("beacon", "AC0", "AC1", "AC2", "AC3")
QUEUES = len(NAMES)
PRIORITY = (0, 4, 3, 2, 1)
TRIGGER = (1 << 10, 1 << 6, 1 << 7, 1 << 8, 1 << 9)


class FrameExchange(NamedTuple):
    """What is on the air. `success` is None until the frame has been heard, or not."""

    queue: int
    descriptor: int
    frame: bytes
    channel: int
    expects_ack: bool
    attempts: int
    answer_time: int
    retry_time: int
    rate: Rate  # of the first attempt
    success: bool | None = None


class Transmit(MacPart):
    class TX_HEAD_PTR(Register, at=0x8198, count=QUEUES):
        """TX_BCN_HEAD_PTR, TX_AC_0_HEAD_PTR to TX_AC_3_HEAD_PTR."""

        txHeadPtr = RW(0, 31)

    class DEBUG_S_PTR(Register, at=0x8524, count=QUEUES):
        """DEBUG_BCN_S_PTR, DEBUG_AC_0S_PTR to DEBUG_AC_3S_PTR: the descriptor that was finished last."""

        statusPointer = RO(0, 31)

    class DEBUG_TX_C_PTR(Register, at=0x8540):
        txCurrentPointer = RO(0, 31)

    transmitted = Port()

    exchange: State[FrameExchange | None] = State(None)
    exchange_step = Alarm()
    current = State(factory=lambda: [0] * QUEUES)  # the descriptor that a queue sits on, 0 for none
    waiting = State(factory=lambda: [False] * QUEUES)  # whether it is still to be sent
    chained = State(factory=lambda: [False] * QUEUES)  # whether the one before it led to it

    # The world's side

    @on_alarm(exchange_step)
    def _step(self) -> None:
        exchange = self.exchange
        if exchange.success is not None:
            self._finish(exchange)
            return
        heard = bool(exchange.channel) and bool(self.transmitted(exchange.frame, exchange.channel))
        if self.exchange is not exchange:
            return  # whoever listens has reset the chip
        if not exchange.expects_ack:
            self._finish(exchange._replace(success=True))
            return
        self.exchange = exchange._replace(success=heard)
        if not heard:
            self.block.access.contending(exchange.channel, max(0, exchange.retry_time - exchange.answer_time))
        self.exchange_step.start(exchange.answer_time if heard else exchange.retry_time)

    @property
    def rate(self) -> Rate | None:
        """How the frame on the air is modulated, if there is one: for whoever hears it."""
        return None if self.exchange is None else self.exchange.rate

    # The firmware's side

    def new_head(self, queue: int) -> None:
        """Begin with the descriptor that the queue's head pointer names."""
        self.halt(queue)
        self.current[queue] = self.TX_HEAD_PTR[queue].txHeadPtr
        self.waiting[queue] = self.current[queue] != 0
        self.chained[queue] = False
        self.contend()

    def new_tail(self, queue: int) -> None:
        """Something was linked to the last descriptor: go on, if that one is finished."""
        if self.current[queue] and not self.busy(queue):
            self._follow(queue)
            self.contend()

    def halt(self, queue: int) -> None:
        """Leave the queue at once, whatever it was doing."""
        if self.exchange is not None and self.exchange.queue == queue:
            self.block.access.contending(self.exchange.channel, 0)
            self.exchange = None
            self.exchange_step.stop()
        self.current[queue] = 0
        self.waiting[queue] = False

    def halt_all(self) -> None:
        """Leave every queue at once."""
        for queue in range(QUEUES):
            self.halt(queue)

    def busy(self, queue: int) -> bool:
        """Whether the queue has something to send, or on the air."""
        return self.waiting[queue] or (self.exchange is not None and self.exchange.queue == queue)

    def forget(self) -> None:
        """Show no descriptor as the last one, or as the one that is on the air."""
        for pointer in (*self.DEBUG_S_PTR, self.DEBUG_TX_C_PTR):
            pointer.reset()

    def contend(self) -> None:
        """If the air is ours, begin with the first frame of the queue that comes first."""
        if not self.block.control.active:
            return
        for queue in PRIORITY:
            if self.exchange is None and self.waiting[queue] and (queue or self.block.beacons.may_send):
                try:
                    self._begin(queue)
                except BadDescriptor as error:
                    self._give_up(queue, error)

    def _begin(self, queue: int) -> None:
        address = self.current[queue]
        header = read_tx_header(self.bus, address)
        if header.part_of_ampdu:
            raise BadDescriptor(f"THD at {address:#010x}: A-MPDUs are not modelled")
        if self.chained[queue] and header.status & THD_DONE:
            raise BadDescriptor(f"THD at {address:#010x}: reached again, and already done: a chain without an end")
        policy = read_policy_table(self.bus, header.policy)
        frame = gather(self.bus, header)
        self.waiting[queue] = False
        self.DEBUG_TX_C_PTR.txCurrentPointer = address
        access = self.block.access
        rates = access.attempt_rates(policy)
        expects_ack = header.expected_ack != 0 and not frame[4] & 1
        answer_time = access.answer_time(rates[0])
        exchange = FrameExchange(
            queue=queue,
            descriptor=address,
            frame=frame,
            channel=self.block.tuning.channel,
            expects_ack=expects_ack,
            attempts=len(rates),
            answer_time=answer_time,
            retry_time=access.retry_time(queue, rates, len(frame) + FCS),
            rate=rates[0],
        )
        if not header.dont_touch_duration and frame[0] >> 2 & 3 != CONTROL:
            duration = answer_time if expects_ack else 0
            frame = frame[:2] + duration.to_bytes(2, "little") + frame[4:]
        if self.block.control.MAC_CNTRL_1.pwrMgt and frame[0] >> 2 & 3 != CONTROL:
            frame = frame[:1] + bytes((frame[1] | POWER_MANAGEMENT,)) + frame[2:]
        try:
            frame = self._protected(frame, header, policy)
        except keys.UnusableKey as error:
            self.log.warning(f"{NAMES[queue]}: a frame is not sent: {error}")
            self.exchange = exchange._replace(attempts=1, success=False)
            self.exchange_step.start(SLOT)
            return
        wait, sending = access.access_time(queue), frame_time(rates[0], len(frame) + FCS)
        occupied = wait + sending + (answer_time if expects_ack else 0)
        wait += access.contending(exchange.channel, occupied)
        self.exchange = exchange._replace(frame=with_timestamp(frame, self.block.clocks.tsf + wait))
        self.exchange_step.start(wait + sending)

    def _protected(self, frame: bytes, header: TxHeader, policy: PolicyTable) -> bytes:
        if header.dont_encrypt:
            return frame
        return keys.protect(frame, self.block.keys.entries.get(policy.key_index))

    def _finish(self, exchange: FrameExchange) -> None:
        """Tell software how it went, and go on."""
        self.exchange = None
        queue = exchange.queue
        failure = THD_RETRY_LIMIT_REACHED | exchange.attempts - 1 << THD_RETRIES_SHIFT
        outcome = THD_SUCCESSFUL if exchange.success else failure
        try:
            write_word(self.bus, exchange.descriptor + THD_STATUS, THD_DONE | outcome)
        except BadDescriptor as error:
            self._give_up(queue, error)
        else:
            self.DEBUG_S_PTR[queue].statusPointer = exchange.descriptor
            self.block.interrupts.TX_RX_INT_STATUS.value |= TRIGGER[queue]
            self.block.interrupts.update()
            self._follow(queue)
        self.contend()

    def _follow(self, queue: int) -> None:
        """Go to the next descriptor, if software has linked one by now."""
        try:
            address = read_next(self.bus, self.current[queue])
        except BadDescriptor as error:
            self._give_up(queue, error)
            return
        if address:
            self.current[queue] = address
            self.waiting[queue] = self.chained[queue] = True

    def _give_up(self, queue: int, error: BadDescriptor) -> None:
        self.log.warning(f"transmit queue {NAMES[queue]} stops: {error}")
        self.halt(queue)
