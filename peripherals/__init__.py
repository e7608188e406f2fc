"""The silicon of the BK7238: one file a block, `wifi/` for the MAC, `core/` for what blocks are made of."""
