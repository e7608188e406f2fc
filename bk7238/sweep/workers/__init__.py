"""Processes that run points: of this machine, or of a Dask cluster."""
