"""What a fault can lay hands on while the machine runs."""

from __future__ import annotations

from dataclasses import dataclass

from bk7238.air.access_point import AccessPoint
from bk7238.air.medium import Medium
from bk7238.bench.router import Router
from bk7238.faults.cable import Cable
from bk7238.faults.fault import Fault
from bk7238.faults.flash_operations import FlashOperations
from bk7238.machine import Machine
from bk7238.network.http_server import HttpServer


@dataclass(frozen=True)
class Targets:
    """One run, about to be switched on."""

    machine: Machine
    air: Medium
    router: Router
    cable: Cable
    flash_operations: FlashOperations
    faults: list[Fault]

    @property
    def access_point(self) -> AccessPoint:
        """The router's."""
        return self.router.access_point

    @property
    def server(self) -> HttpServer:
        """The web server that has the package."""
        return self.router.network.http
