"""Tests of the Renode engine. Those that need a Renode are skipped without one, by name and with what is missing."""
