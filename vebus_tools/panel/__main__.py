"""The process that shows the panel; its window starts it: ``python -m vebus_tools.panel DESCRIPTOR colour|plain``."""

import socket
import sys

from vebus_tools.panel.terminal import show

if __name__ == "__main__":
    show(socket.socket(fileno=int(sys.argv[1])), colour=sys.argv[2] == "colour")
