"""Decode as much damage as wanted, in the environment of the tests.

    python -m tests.soak --megabytes 200 --seed 1000

Half of the bytes go through each link.  The same seed makes the same bytes.  Ends with an AssertionError that names
the link and the seed of the block that was decoded wrongly.
"""

import argparse
import sys

from tests.soak import soak


def main() -> None:
    """Read the options, print one line for each link."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Decode damaged streams.")
    parser.add_argument("--megabytes", type=float, default=20, help="bytes in all, in millions (20)")
    parser.add_argument("--seed", type=int, default=0, help="first seed; every 0.1 MB takes the next one (0)")
    options = parser.parse_args()
    for result in soak(options.megabytes, options.seed):
        sys.stdout.write(f"{result}\n")


main()
