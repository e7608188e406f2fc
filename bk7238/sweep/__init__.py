"""Power cuts at every flash operation of one installation, and a map of where each run ends."""
