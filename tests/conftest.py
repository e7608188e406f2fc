"""What all tests share."""

from hypothesis import settings

# No wall-clock limits: a test never depends on how busy the host is. The same examples in each run of CI.
settings.register_profile("bk7238", deadline=None, derandomize=True)
# The long run: scripts/test --hypothesis-profile=long
settings.register_profile("long", deadline=None, max_examples=10_000, print_blob=True)
settings.load_profile("bk7238")
