"""Captures as tables, a table for each message: Parquet, Arrow, CSV, SQLite, DuckDB and JSON lines."""
