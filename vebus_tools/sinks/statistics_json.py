"""Tables of statistics for programs: an object for each table, rows as objects with the keys of the columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vebus_tools.statistics import Hierarchy, IntervalTable, Table

__all__ = ["capture_object"]

_SECOND = 1_000_000_000


def capture_object(name: str, statistics: Iterable[tuple[str, tuple[Table, ...]]]) -> dict[str, Any]:
    """All statistics of one capture: ``name``, and the text of each ``-z`` with its tables."""
    found = [{"statistic": text, "tables": [_table(table) for table in tables]} for text, tables in statistics]
    return {"capture": name, "statistics": found}


def _table(table: Table) -> dict[str, Any]:
    facts: dict[str, Any] = {"title": table.title, "notes": list(table.notes)}
    if isinstance(table, IntervalTable):
        facts |= {"duration": table.duration_ns / _SECOND, "interval": table.interval_ns / _SECOND}
        facts["items"] = [item.text for item in table.items]
    if isinstance(table, Hierarchy):
        facts["filter"] = table.filter_text
    keys = [column.key for column in table.columns]
    facts["columns"] = [{"key": column.key, "title": column.title, "unit": column.unit} for column in table.columns]
    facts["rows"] = [dict(zip(keys, row, strict=True)) for row in table.rows]
    return facts
