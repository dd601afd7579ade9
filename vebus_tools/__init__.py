"""Protocol analyzer and toolkit for Victron VE.Bus and the MK2/MK3 adapter link."""

__version__ = "0.1.0"
