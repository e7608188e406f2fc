"""`python -m bk7238.cli`: the same as the command `bk7238`."""

from bk7238.cli import command

command()
