"""Firmware families, each in one file: what its apps are known by, how they are told, how their updates come."""
