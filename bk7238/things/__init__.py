"""What hangs on the chip's pins, channels and buses: a device a file. docs/devices.md says how to write another."""
