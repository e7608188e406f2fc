"""GPIO: 32 pins, each with its own configuration register, and their interrupts.

Facts: docs/hardware/gpio.md; the SDK's driver/gpio/gpio.h and gpio.c. A pin's level is what the world drives, else
what the chip drives, else what its pull makes of it, else 0. Vendor firmware enters a test mode when its UART's TX
pin, pulled up, reads 0. Pins are high-impedance after a reset, and stay as they were in deep sleep (inferred: firmware
sets the pulls for it). A device hangs on a pin; output n carries the level of
pin n to whatever else on the board looks at it.

Not modelled: levels that another block puts on a pin (second functions), drive strength.
"""

from __future__ import annotations

from typing import Any

from bk7238.peripherals.core import (
    ALWAYS,
    RO,
    RW,
    W1C,
    Carrier,
    Output,
    PinDevice,
    Port,
    Register,
    ResetKind,
    State,
    on_read,
    on_write,
)

PINS = range(32)
LOW_LEVEL, HIGH_LEVEL, RISING_EDGE, FALLING_EDGE = range(4)


class Gpio(Carrier):
    takes, places = PinDevice, PINS

    class CONFIG(Register, at=0x00, count=32, keeps=(ResetKind.DEEP_SLEEP,)):
        input = RO(0)
        output = RW(1)
        input_enable = RW(2)
        output_disable = RW(3, reset=1)
        pull_mode = RW(4, doc="1 = up")
        pull_enable = RW(5)
        function_enable = RW(6)
        input_monitor = RW(7)
        capacity = RW(8, 9)

    class FUNC_CFG(Register, at=0x80):
        pins_0_15 = RW(0, 31)

    class INTEN(Register, at=0x84):
        pins = RW(0, 31)

    class INTLV(Register, at=0x88, count=2):
        """REG_GPIO_INTLV0 and INTLV1: two bits a pin."""

        pins = RW(0, 31)

    class INTSTA(Register, at=0x90):
        pins = W1C(0, 31)

    class EXTRAL_INT_CFG(Register, at=0x98):
        dpll_unlock_int_en = RW(0)
        audio_dpll_unlock_int_en = RW(1)
        dpll_unlock_int = W1C(2)
        audio_dpll_unlock_int = W1C(3)

    class DETECT(Register, at=0x9C):
        is_over_temp = RO(0)
        is_usb_plug_in = RO(1)

    class ENC_WORD(Register, at=0xA0):
        word = RW(0, 31)

    class MODULE_SELECT(Register, at=0xB4):
        spi_module = RW(0)
        sd_module = RW(1)

    class FUNC_CFG_2(Register, at=0xB8):
        pins_16_31 = RW(0, 31)

    class FUNC_CFG_3(Register, at=0xBC):
        pins_32_39 = RW(0, 31)

    irq = Output()
    pins = Output(0, 31)
    changed = Port()
    levels = State(0, keeps=ALWAYS)
    driven: State[dict[int, bool]] = State(factory=dict, keeps=ALWAYS)

    # The world's side. `changed(pin, level)` tells it of every change of a pin's level.

    def set_pin(self, pin: int, level: bool | None) -> None:
        """Drive `pin` from outside until told otherwise, also through resets; None lets go of it."""
        if level is None:
            self.driven.pop(pin, None)
        else:
            self.driven[pin] = int(level)
        self._update(pin)

    def level(self, pin: int) -> int:
        """The level on `pin` now."""
        if pin in self.driven:
            return self.driven[pin]
        config: Any = self.CONFIG[pin]
        if not (config.output_disable or config.function_enable):
            return config.output
        return config.pull_enable & config.pull_mode

    # The firmware's side

    def on_reset(self, _kind: ResetKind) -> None:
        """Drive the levels that the pins have now."""
        for pin in PINS:
            self._update(pin)
        self.pins.drive(self.levels)

    @on_read(CONFIG)
    def _read_pin(self, index: int) -> None:
        self.CONFIG[index].input = self.level(index)

    @on_write(CONFIG)
    def _configured(self, _word: int, index: int) -> None:
        self.CONFIG[index].input = self.level(index)
        self._update(index)

    @on_write(INTEN, INTSTA)
    def _interrupts_changed(self, _word: int) -> None:
        self._drive_irq()

    @on_write(INTLV)
    def _levels_changed(self, _word: int, _index: int) -> None:
        self._drive_irq()

    def _update(self, pin: int) -> None:
        level = self.level(pin)
        if level != self.levels >> pin & 1:
            self.levels ^= 1 << pin
            edge = RISING_EDGE if level else FALLING_EDGE
            if self.INTEN.value >> pin & 1 and self._trigger(pin) == edge:
                self.INTSTA.value |= 1 << pin
            self.pins.drive(self.levels)
            self.changed(pin, level)
            if pin in self.devices:
                self.devices[pin].level_changed(level)
        self._drive_irq()

    def _trigger(self, pin: int) -> int:
        return self.INTLV[pin // 16].value >> 2 * (pin % 16) & 3

    def _drive_irq(self) -> None:
        enabled = self.INTEN.value
        for pin in PINS if enabled else ():
            level = self.levels >> pin & 1
            if enabled >> pin & 1 and self._trigger(pin) == (HIGH_LEVEL if level else LOW_LEVEL):
                self.INTSTA.value |= 1 << pin
        self.irq.drive(1 if self.INTSTA.value & enabled else 0)
