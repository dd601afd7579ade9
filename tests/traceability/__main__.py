"""`python -m tests.traceability`: print which tests hold which requirement."""

import sys

from tests.traceability.table import lines

sys.stdout.writelines(f"{line}\n" for line in lines())
