"""Runs BK7238 firmware on models of its silicon, on a network that exists only in memory."""

__version__ = "0.1.0"
