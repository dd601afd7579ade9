"""`python -m vebus_tools.cli` is the command `vebus`."""

from vebus_tools.cli import main

main()
