"""`python -m bk7238.cli`: the same as the command `bk7238`."""

import sys

from bk7238.cli import main

sys.exit(main())
