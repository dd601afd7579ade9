"""Text of large captures from the columnar engine (extra ``bulk``): the same bytes as the sinks write line by line."""

from vebus_tools.bulk_text.forms import RecordForm, record_form
from vebus_tools.bulk_text.records import WholeRecords
from vebus_tools.bulk_text.selection import Candidates
from vebus_tools.bulk_text.summary import SummaryLines

__all__ = ["Candidates", "RecordForm", "SummaryLines", "WholeRecords", "record_form"]
