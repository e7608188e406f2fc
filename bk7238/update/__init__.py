"""The story of one update: how a firmware family is told to join and download, what happened, and the verdict."""
