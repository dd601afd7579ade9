"""Captures: files and pipes of raw bytes, hex text, logs and pcapng, read into chunks and written from records."""

from vebus_tools.capture.detect import Format, LinkVote, detect_format, detect_link
from vebus_tools.capture.opening import AUTO, Capture, EmptyCapture, open_capture, open_writer, read_capture
from vebus_tools.capture.output import CaptureWriter

__all__ = [
    "AUTO",
    "Capture",
    "CaptureWriter",
    "EmptyCapture",
    "Format",
    "LinkVote",
    "detect_format",
    "detect_link",
    "open_capture",
    "open_writer",
    "read_capture",
]
