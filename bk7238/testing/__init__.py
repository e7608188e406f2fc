"""The test kit: a device on the bench, as tests handle it, and the pytest plugin that makes fixtures of it.

Everything here happens in virtual time. A device is made and switched on by the first call that needs it to run; until
then it can be given faults and settings. Times are text such as "20 s" or "250 ms", or numbers of seconds.
"""

from typing import TYPE_CHECKING

from bk7238.lazy import names

if TYPE_CHECKING:
    from bk7238.testing.kit import Air, Ap, Dut, Flash, NotSeen, Power, Server, sweep

__all__ = ["Air", "Ap", "Dut", "Flash", "NotSeen", "Power", "Server", "sweep"]

# pytest loads the plugin in every project of whoever has installed it: the kit is imported where a test has a device.
__getattr__ = names(__name__, dict.fromkeys(__all__, "bk7238.testing.kit"))
