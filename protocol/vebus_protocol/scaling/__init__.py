"""Raw numbers to physical values and back.

Most scales of this bus belong to the device: it announces them per RAM variable (winmon 36) and per setting
(winmon 35).  What was learned in that way stands in a `ScaleBook`; what was not learned comes from a published device
table and is then marked as assumed, or is not known at all.

`rules` holds the arithmetic, `tables` what was published, `book` what is known of one device, `fields` the way from a
declared field to its value.  Sources: mk3.md 8 (rules), 5.3 and 5.4 (info frames); vebus-rs485.md 6.2.
"""

from vebus_protocol.scaling.book import ScaleBook, Scaling
from vebus_protocol.scaling.fields import NOT_KNOWN, Physical, decimals_of, physical, raw_of, rule_of
from vebus_protocol.scaling.rules import Number, RamScale, Rule, SettingScale
from vebus_protocol.scaling.tables import DEFAULT_TABLE, DEVICE_TABLES, DeviceTable, RamRow, SettingRow

__all__ = [
    "DEFAULT_TABLE",
    "DEVICE_TABLES",
    "NOT_KNOWN",
    "DeviceTable",
    "Number",
    "Physical",
    "RamRow",
    "RamScale",
    "Rule",
    "ScaleBook",
    "Scaling",
    "SettingRow",
    "SettingScale",
    "decimals_of",
    "physical",
    "raw_of",
    "rule_of",
]
