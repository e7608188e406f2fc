"""What the tests of faults share: short runs on real firmware, and the look at fault and flash afterwards."""

from functools import cache

from images import FULL, GZIP, vendor
from ota import expected

from bk7238.image import flash_image, package
from bk7238.update.session import Settings, Update

DOWNLOAD, APP = expected.DOWNLOAD, expected.APP


@cache
def image():
    return flash_image.read(vendor(FULL))


@cache
def gzip():
    return package.read(vendor(GZIP))


class Run:
    """An update with faults; `of` is another image and package. `before` is the flash at power-on."""

    def __init__(self, *faults, of=None, **settings):
        self.update = Update(*(of or (image(), gzip())), Settings(faults=faults, **settings))
        self.machine, self.story = self.update.machine, self.update.story
        self.before = bytes(self.machine.flash.data)
        self.operations = []
        self.machine.board.flash.operated.connect(lambda *operation: self.operations.append(operation))

    def to_app(self):
        """Run until the boot loader has started the app, or for 30 virtual seconds."""
        self.machine.uart1.on_line(lambda line: self.machine.stop() if line.startswith("go os_addr") else None)
        self.machine.run(until=30_000_000)
        return self

    def to_reset(self, count=1):
        """Run until the machine has been reset so often."""

        def reset(kind):
            if self.machine.resets >= count:
                self.machine.stop()

        self.machine.engine.on_reset.append(reset)
        self.machine.run(until=12_000_000)
        self.machine.engine.on_reset.remove(reset)
        return self

    def until(self, done, seconds=15):
        """Run until `done()` holds, looked at every 50 virtual milliseconds, or for so many virtual seconds."""

        def look():
            if done():
                self.machine.stop()
            self.machine.clock.after(50_000, look)

        self.machine.clock.after(50_000, look)
        self.machine.run(until=int(seconds * 1e6))
        assert done(), f"not within {seconds} virtual seconds"
        return self

    def fault(self, place=0):
        """The fault, which must have fired."""
        fault = self.update.faults.all[place]
        assert fault.count, f"{fault.spec} never fired"
        assert fault.firings and all(firing.where and firing.what for firing in fault.firings)
        return fault

    @property
    def flash(self):
        return bytes(self.machine.flash.data)

    @property
    def bootloader_text(self):
        return self.machine.uart1.text

    def events(self, kind):
        """How many events of a kind the access point and the network have told."""
        return sum(type(event).__name__ == kind for event in self.update.air.events.recent) + sum(
            type(event).__name__ == kind for event in self.update.network.events.recent
        )


def carried_out(flash, operations):
    """The flash after these operations, as `Run.operations` has them."""
    flash = bytearray(flash)
    for kind, address, what in operations:
        length = what if kind == "erase" else len(what)
        old = flash[address : address + length]
        new = b"\xff" * length if kind == "erase" else bytes(a & b for a, b in zip(old, what, strict=True))
        flash[address : address + length] = new
    return flash


def downloaded(run):
    """How many bytes of the package the device has written. All of the download partition that is not erased is the
    package's, and nothing else of the firmware has changed."""
    flash, data = run.flash, run.update.package.data
    part = flash[DOWNLOAD : expected.END]
    written = len(part.rstrip(b"\xff"))
    assert part[:written] == data[:written]
    assert flash[:DOWNLOAD] == run.before[:DOWNLOAD], "boot loader and app"
    return written
