"""Who executes the firmware: the embedded engine (Unicorn) and what both engines share."""
