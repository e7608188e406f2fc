"""Robot Framework suites on a device in Renode: `bk7238 monitor --robot PORT`, and the keywords that it offers."""
