"""OpenBeken and the things on a desk: its button, its relay, a lamp of three colours, a microcontroller on its UART."""

import pytest
from images import FULL

THINGS = """\
[[thing]]
name = "button"
kind = "button"
pin = 9

[[thing]]
name = "relay"
kind = "relay"
pin = 14

[[thing]]
name = "lamp"
kind = "lamp"
red = 4
green = 5
blue = 0

[[thing]]
name = "mcu"
kind = "peer"
uart = 1
hex = true
cues = [
    # A heartbeat of TuyaMCU, and its product.
    { hears = "55 aa 00 00 00 00 ff", says = "55 aa 03 00 00 01 00 03", after = "10ms" },
    { hears = "55 aa 00 01 00 00 00", says = "55 aa 03 01 00 03 61 62 63 2c", after = "10ms" },
]
"""


@pytest.mark.nightly
@pytest.mark.bk7238(image=FULL, update=False, psk="a passphrase")
def test_openbeken_and_what_hangs_on_it(dut, tmp_path):
    path = tmp_path / "desk.toml"
    path.write_text(THINGS)
    dut.configure(devices=[path])
    dut.join()

    def command(text):
        answer = dut.http.get(f"/cm?cmnd={text}")
        assert answer.status == 200, answer

    def looks():
        return {thing.name: thing.looks for thing in dut.things}

    def use(*pins):
        for pin, role, channel in pins:
            command(f"SetPinRole {pin} {role}")
            command(f"SetPinChannel {pin} {channel}")

    use((9, "Btn", 1), (14, "Rel", 1))
    for closed in (True, False):
        dut.things.do("button", "push")
        dut.wait(lambda closed=closed: looks()["relay"]["closed"] is closed)
        dut.run("1 s")  # two pushes at once mean something else
    use((24, "PWM", 2), (26, "PWM", 3), (6, "PWM", 4))
    for channel, value in ((2, 100), (3, 50)):
        command(f"SetChannel {channel} {value}")
    dut.run("100 ms")
    assert looks()["lamp"] == {"colour": "#ff8000", "red": 1.0, "green": 0.5, "blue": 0.0}
    command("startDriver TuyaMCU")
    for kind in (0, 1):
        dut.expect(rf"TuyaMCU:ProcessIncoming\[v=3\]: cmd {kind} ", within="30 s")
