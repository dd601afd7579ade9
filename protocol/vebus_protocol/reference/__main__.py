"""Write the reference page to standard output."""

import sys

from vebus_protocol.reference import reference_page

sys.stdout.write(reference_page())
