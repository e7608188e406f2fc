"""Pins, channels and devices as the author of a test touches them: `dut.pins`, `dut.adc`, `dut.things`."""

import importlib

import pytest

from bk7238 import resources, testing
from bk7238.bench.settings import Settings
from bk7238.cli import main
from bk7238.image import flash_image, package

BOARD = """\
key: Beken.PyDevice @ gpio 9 { model: "button:Button" }
chip: Beken.PyDevice @ i2c2 0x48 { model: "own_sensor:Sensor"; args: "value=7" }
"""
OWN = """\
from bk7238.peripherals.core import I2cDevice


class Sensor(I2cDevice):
    def __init__(self, services, *, value):
        super().__init__(services)
        self.value = value

    def read_byte(self):
        return self.value
"""
PULL_UP, PULL_DOWN, OUTPUT_HIGH = 0x3C, 0x2C, 0x02


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "own_sensor.py").write_text(OWN)
    (tmp_path / "devices.repl").write_text(BOARD)
    return tmp_path


@pytest.fixture
def dut(folder):
    built = resources.reference()
    return testing.Dut(
        flash_image.read(built / "reference_1.0.0.bin"),
        package.read(built / "reference_1.0.1_gzip_aes.rbl"),
        Settings(devices=[folder / "devices.repl"]),
    )


def test_a_pin_has_the_level_that_the_chip_the_pull_or_the_test_gives_it(dut):
    pin, gpio = dut.pins[26], dut.machine.board.gpio
    gpio.write(26 * 4, OUTPUT_HIGH)
    assert pin.level == 1
    gpio.write(26 * 4, PULL_DOWN)
    assert pin.level == 0
    dut.pins[26] = 1
    assert pin.level == 1 and gpio.read(26 * 4) & 1
    dut.pins[26] = None
    assert pin.level == 0


def test_a_press_lasts_as_long_as_it_says(dut):
    seen = []
    gpio = dut.machine.board.gpio
    gpio.write(9 * 4, PULL_UP)
    gpio.changed.connect(lambda pin, level: seen.append((dut.machine.now, pin, level)))
    dut.run("1 ms")
    dut.pins[9].press("2 ms")
    assert [change for change in seen if change[1] == 9] == [(1_000, 9, 0), (3_000, 9, 1)]


def test_a_level_is_waited_for(dut):
    dut.machine.clock.after(25_000, lambda: dut.machine.board.gpio.set_pin(26, True))
    dut.pins[26].expect(1, within="1 s")
    assert 0.025 <= dut.now < 0.05
    with pytest.raises(testing.NotSeen):
        dut.pins[26].expect(0, within="20 ms")


def test_volts_are_what_the_converter_finds(dut):
    assert dut.adc[0] == pytest.approx(1.65, abs=0.001), "half of 3.3 V"
    dut.adc[1] = 1.2
    assert dut.adc[1] == pytest.approx(1.2, abs=0.001)
    adc = dut.machine.board.saradc
    adc.write(0x08, 1)
    adc.write(0x0C, 1 << 3)
    adc.write(0x00, 1)
    dut.machine.run(until=dut.machine.now + 20)
    assert adc.read(0x10) == int(0x472 + (0x8E9 - 0x472) * 0.2)
    dut.adc[2] = 9.0
    assert adc.sample(2) == 0xFFF


@pytest.mark.parametrize("number", [-1, 32])
def test_a_pin_that_is_not_there_is_named(dut, number):
    with pytest.raises(IndexError, match=f"pins are P0 to P31, there is no P{number}"):
        dut.pins[number]
    with pytest.raises(IndexError, match="channels are 0 to 6"):
        dut.adc[number]


def test_a_level_is_0_or_1(dut):
    with pytest.raises(ValueError, match="not to 2"):
        dut.pins[3] = 2


def test_a_device_of_the_users_own_lies_beside_the_description(dut):
    assert dut.things["chip"].value == 7 and dut.things["chip"].place == 0x48
    dut.things["key"].press()
    assert dut.pins[9].level == 0
    with pytest.raises(KeyError, match="nothing called 'gpio' hangs on the board; there is key, chip"):
        dut.things["gpio"]


def test_a_file_of_the_users_own_that_fails_is_read_anew_when_it_is_mended(folder, dut):
    own = folder / "mended_sensor.py"
    (folder / "devices.repl").write_text(BOARD.replace("own_sensor", "mended_sensor"))
    own.write_text("import something_that_is_not_there\n")
    with pytest.raises(ModuleNotFoundError, match="something_that_is_not_there"):
        dut.machine  # noqa: B018
    own.write_text(OWN)
    chip = dut.things["chip"]
    assert chip.read_byte() == 7 and type(chip) is importlib.import_module("mended_sensor").Sensor


def test_a_description_that_cannot_be_is_one_line_at_the_command_line(folder, capsys):
    image = str(resources.reference() / "reference_1.0.0.bin")
    (folder / "devices.repl").write_text('key: Beken.PyDevice @ gpio 40 { model: "button:Button" }\n')
    path = folder / "devices.repl"
    assert main(["run", image, f"--device={path}"]) == 2
    error = capsys.readouterr().err
    assert f"{path}:1:28: gpio has no pin 40: a pin from 0 to 31; hang key elsewhere" in error
    assert error.count("\n") == 1
    assert main(["run", image, f"--device={folder / 'none.repl'}"]) == 2
    assert "none.repl is no file; name a platform description" in capsys.readouterr().err
