"""Bytes and nothing else: pure functions and dataclasses that import nothing of ours."""
