"""The process that shows the live table; `Window` starts it: ``python -m vebus_tools.view DESCRIPTOR colour|plain``."""

import socket
import sys

from vebus_tools.view.terminal import show

if __name__ == "__main__":
    show(socket.socket(fileno=int(sys.argv[1])), colour=sys.argv[2] == "colour")
