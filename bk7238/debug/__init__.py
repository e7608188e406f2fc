"""Debugging a machine: the GDB server, going backwards, monitor verbs, symbols, crash reports."""
