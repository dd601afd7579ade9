"""The serial ports of this computer, with what tells them apart."""

from __future__ import annotations

import os
from dataclasses import dataclass

from vebus_tools.link.tty import holders, latency_ms

__all__ = ["Port", "describe_port", "list_ports", "port_names"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One serial port: ``vendor_id`` and ``product_id`` are those of the USB adapter, None where there is none.

    ``latency_ms`` is the latency timer of an FTDI adapter; ``holders`` are programs that have the port open, as far as
    we may see them.
    """

    path: str
    text: str
    vendor_id: int | None
    product_id: int | None
    serial_number: str
    latency_ms: int | None
    holders: tuple[str, ...]

    @property
    def usb_id(self) -> str:
        """``0403:6001``, or empty."""
        return "" if self.vendor_id is None else f"{self.vendor_id:04x}:{self.product_id or 0:04x}"


def list_ports() -> list[Port]:
    """All serial ports, in the order of their names."""
    from serial.tools import list_ports as pyserial

    return [_port(found) for found in sorted(pyserial.comports(include_links=False))]


def port_names() -> dict[str, str]:
    """Paths of all serial ports with their texts; fast, because nobody is asked who has them open."""
    from serial.tools import list_ports as pyserial

    return {str(found.device): _text(found) for found in sorted(pyserial.comports(include_links=False))}


def _text(found: object) -> str:
    maker, product = getattr(found, "manufacturer", None), getattr(found, "product", None)
    text = " ".join(part for part in (maker, product) if part) or str(getattr(found, "description", None) or "")
    return "" if text == "n/a" else text


def _port(found: object) -> Port:
    path = str(getattr(found, "device", ""))
    return Port(
        path=path,
        text=_text(found),
        vendor_id=getattr(found, "vid", None),
        product_id=getattr(found, "pid", None),
        serial_number=getattr(found, "serial_number", None) or "",
        latency_ms=latency_ms(path),
        holders=tuple(holders(path)),
    )


def describe_port(path: str) -> str:
    """Adapter behind a port, for the notes of a recording; empty where nobody knows it."""
    real = os.path.realpath(path)
    for port in list_ports():
        if port.path == real:
            serial = f"serial number {port.serial_number}" if port.serial_number else ""
            return ", ".join(part for part in (port.text, f"USB {port.usb_id}" if port.usb_id else "", serial) if part)
    return ""
