"""The board that a user holds: engine, blocks, consoles, flash, and the air that it is in."""

from bk7238.machine.console import Console
from bk7238.machine.machine import Machine

__all__ = ["Console", "Machine"]
