"""The eFuse by itself."""

from bk7238.peripherals.efuse import SIZE, Efuse


def test_bits_are_set_once_and_for_all():
    efuse = Efuse()
    assert [efuse.read(address) for address in range(SIZE)] == [0] * SIZE
    efuse.program(31, 0x180)
    efuse.program(31, 0x01)
    efuse.program(31, 0x00)
    assert efuse.read(31) == 0x81
