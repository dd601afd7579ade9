"""The process that sends, with a short time to listen so that no test waits 10 s: ``python -m tests.transmit_child N``.

Everything else is what the program does.
"""

import sys

from vebus_tools.interlocks import checks
from vebus_tools.transmitter.process import serve

LISTEN_S = 0.3

if __name__ == "__main__":
    checks.LISTEN_S = LISTEN_S
    checks._INTERVALS_TO_HEAR = 0
    serve(int(sys.argv[1]))
