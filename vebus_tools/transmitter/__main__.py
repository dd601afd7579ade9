"""The process that sends; `vebus_tools.transmitter.run` starts it: ``python -m vebus_tools.transmitter DESCRIPTOR``."""

import sys

from vebus_tools.transmitter.process import serve

if __name__ == "__main__":
    serve(int(sys.argv[1]))
