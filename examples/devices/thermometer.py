"""A thermometer on I2C: two bytes, degrees and 256ths of a degree."""

from bk7238.peripherals.core import ALWAYS, I2cDevice, State


class Thermometer(I2cDevice):
    """`celsius` is what it shows; a test may change it at any time."""

    celsius = State(0.0, keeps=ALWAYS)
    sent = State(0)

    def __init__(self, services, *, celsius=20):
        super().__init__(services)
        self.celsius = float(celsius)

    def start(self, reading):
        self.sent = 0
        return True

    def read_byte(self):
        self.sent += 1
        return int(self.celsius * 256) >> 8 * (2 - self.sent) & 0xFF if self.sent <= 2 else 0xFF
