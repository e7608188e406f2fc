"""A block for the engine's tests: what the guest writes makes it raise interrupts, stop, reset, and write memory."""

from bk7238.peripherals.core import Alarm, Output, Peripheral, Port, Register, ResetKind, Services, on_alarm, on_write


class Probe(Peripheral):
    class RAISE_IRQ(Register, at=0):
        pass

    class RAISE_FIQ(Register, at=4):
        pass

    class STOP(Register, at=8):
        pass

    class ACKNOWLEDGE(Register, at=12):
        pass

    class EVERY_MILLISECOND(Register, at=16):
        pass

    class WRITE_RAM(Register, at=20):
        pass

    class WRITE_FLASH(Register, at=24):
        pass

    class FAIL(Register, at=28):
        pass

    class RESET(Register, at=32):
        pass

    irq = Output(0)
    fiq = Output(1)
    stopped = Port()
    tick = Alarm()

    def __init__(self, services: Services, window: int = 0) -> None:  # noqa: ARG002
        """`window` is for the engine alone."""
        super().__init__(services)

    @on_write(RAISE_IRQ)
    def _raise_irq(self, _word):
        self.irq.drive(1)

    @on_write(RAISE_FIQ)
    def _raise_fiq(self, _word):
        self.fiq.drive(1)

    @on_write(STOP)
    def _stop(self, _word):
        self.stopped()

    @on_write(ACKNOWLEDGE)
    def _acknowledge(self, _word):
        self.irq.drive(0)
        self.fiq.drive(0)

    @on_write(EVERY_MILLISECOND)
    def _every_millisecond(self, _word):
        self.tick.start(1000)

    @on_alarm(tick)
    def _tick(self):
        self.irq.drive(1)
        self.tick.start(1000)

    @on_write(WRITE_RAM)
    def _write_ram(self, _word):
        self.bus.write(0x401000, (0xE2800037).to_bytes(4, "little"))

    @on_write(WRITE_FLASH)
    def _write_flash(self, _word):
        self.bus.write(0x2000, (0xE280004D).to_bytes(4, "little"))

    @on_write(FAIL)
    def _fail(self, _word):
        raise RuntimeError("the probe was told to fail")

    @on_write(RESET)
    def _reset(self, _word):
        self.request_reset(ResetKind.WATCHDOG)
