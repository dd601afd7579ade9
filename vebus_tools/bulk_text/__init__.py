"""Text of large captures from the columnar engine (extra ``bulk``): the same bytes as the sinks write line by line."""

from vebus_tools.bulk_text.summary import SummaryLines

__all__ = ["SummaryLines"]
