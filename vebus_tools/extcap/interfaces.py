"""The interfaces that Wireshark is offered: each serial port as bus and as adapter, any address, the simulated bus."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from vebus_protocol.errors import VEBusError

__all__ = ["SIMULATED", "Interface", "InterfaceError", "LineKind", "Source", "interface_named", "interfaces"]

_PREFIX = "vebus-"
_DEVICES = "/dev/"


class InterfaceError(VEBusError):
    """An interface that does not exist; the text says how to list those that do."""

    exit_code = 2


class LineKind(enum.Enum):
    """What is on a line.  The values are those of `Link`, which costs too much to load for an answer."""

    RS485 = "rs485"
    MK3 = "mk3"

    @property
    def rate(self) -> int:
        """Usual bit rate in bit/s."""
        return {LineKind.RS485: 256_000, LineKind.MK3: 2_400}[self]

    @property
    def text(self) -> str:
        """For people."""
        return {LineKind.RS485: "VE.Bus on RS485", LineKind.MK3: "MK2/MK3 adapter"}[self]

    @property
    def link_type(self) -> tuple[int, str]:
        """Number and name of the link type of its captures."""
        return {LineKind.RS485: (147, "USER0"), LineKind.MK3: (148, "USER1")}[self]


class Source(enum.Enum):
    """Where the bytes of an interface come from."""

    PORT = "port"
    ADDRESS = "address"
    SIMULATION = "simulation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One interface: ``value`` is the name for ``tshark -i``, ``port`` the device where the source is a port."""

    value: str
    display: str
    kind: LineKind
    source: Source
    port: str = ""


SIMULATED = Interface(
    value=f"{_PREFIX}sim", display="VE.Bus: simulated bus", kind=LineKind.RS485, source=Source.SIMULATION
)


def interfaces(ports: dict[str, str]) -> Iterator[Interface]:
    """All interfaces for these serial ports, path -> description."""
    yield SIMULATED
    for path, text in ports.items():
        for kind in LineKind:
            yield _of_port(path, kind, text)
    for kind in LineKind:
        yield _of_address(kind)


def interface_named(value: str) -> Interface:
    """The interface of this name, whether its port is there or not.  Raises InterfaceError."""
    if value == SIMULATED.value:
        return SIMULATED
    for kind in LineKind:
        if value == _of_address(kind).value:
            return _of_address(kind)
        begin = f"{_PREFIX}{kind.value}-"
        if value.startswith(begin) and len(value) > len(begin):
            return _of_port(_path(value.removeprefix(begin)), kind, "")
    raise InterfaceError(f"{value}: no such interface; `vebus extcap --extcap-interfaces` lists them")


def _of_port(path: str, kind: LineKind, text: str) -> Interface:
    short = path.removeprefix(_DEVICES)
    name = f"{text}, {short}" if text else short
    return Interface(
        value=f"{_PREFIX}{kind.value}-{short}", display=f"{kind.text}: {name}", kind=kind, source=Source.PORT, port=path
    )


def _of_address(kind: LineKind) -> Interface:
    return Interface(
        value=f"{_PREFIX}{kind.value}",
        display=f"{kind.text}: address or other port",
        kind=kind,
        source=Source.ADDRESS,
    )


def _path(short: str) -> str:
    return short if short.startswith("/") else _DEVICES + short
