"""`python -m vebus_tools.generated [MESSAGE[:LENGTH] ...]`: print the source that is generated for messages.

Without a length in bytes it is the shortest that the message can have; without a message, all are printed.
"""

import sys

from vebus_protocol.registry import MESSAGES
from vebus_tools.generated.source import reader_of

_BY_NAME = {declared.__name__: declared for declared in MESSAGES}

for wanted in sys.argv[1:] or _BY_NAME:
    name, _, length = wanted.partition(":")
    if name not in _BY_NAME or not (length.isdecimal() or not length):
        sys.exit(f"{wanted}: no such message; there are {', '.join(_BY_NAME)}")
    chosen = _BY_NAME[name]
    sys.stdout.write(reader_of(chosen, int(length or chosen.SIZE)).source + "\n\n")  # type: ignore[arg-type]  # mypy asks the instances for a hash
