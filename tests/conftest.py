"""What all tests share."""

from hypothesis import settings

# No wall-clock limits: a test never depends on how busy the host is. The same examples in each run of CI.
settings.register_profile("bk7238", deadline=None, derandomize=True)
settings.load_profile("bk7238")
