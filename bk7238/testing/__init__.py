"""The test kit: a device on the bench, as tests handle it, and the pytest plugin that makes fixtures of it.

Everything here happens in virtual time. A device is made and switched on by the first call that needs it to run; until
then it can be given faults and settings. Times are text such as "20 s" or "250 ms", or numbers of seconds.
"""

from typing import TYPE_CHECKING

from bk7238.lazy import names

if TYPE_CHECKING:
    from bk7238.testing.air import Air, Ap, Server
    from bk7238.testing.flash import Flash, Power, carried_out
    from bk7238.testing.kit import Dut, Frame, NotSeen, sweep

__all__ = ["Air", "Ap", "Dut", "Flash", "Frame", "NotSeen", "Power", "Server", "carried_out", "sweep"]

# pytest loads the plugin in every project of whoever has installed it: the kit is imported where a test has a device.
_HOMES = {
    "bk7238.testing.air": ("Air", "Ap", "Server"),
    "bk7238.testing.flash": ("Flash", "Power", "carried_out"),
    "bk7238.testing.kit": ("Dut", "Frame", "NotSeen", "sweep"),
}
__getattr__ = names(__name__, {name: home for home, here in _HOMES.items() for name in here})
