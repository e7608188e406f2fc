"""Going back: snapshots of a whole machine."""
