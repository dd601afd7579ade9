"""The peer cantools: a database with the fields of our frequent messages, made from the declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.benchmarks.programs import Unavailable
from vebus_protocol.frame import ReceivedFrame
from vebus_protocol.schema import Field, Linear, Message
from vebus_protocol.status import AcPhase, Condition
from vebus_protocol.sync import SyncFrame
from vebus_tools.framing import Rs485Splitter
from vebus_tools.generated import Slot, plan_of, reader_of
from vebus_tools.session import NO_CONTEXT

if TYPE_CHECKING:
    from cantools.database.can import Message as CanMessage
    from cantools.database.can import Signal

__all__ = ["Payloads", "both_sides", "payloads_of"]

Payloads = dict[type[Message], list[bytes]]
_FREQUENT: tuple[type[Message], ...] = (SyncFrame, AcPhase, Condition)
_CLOSE = 1e-12


def payloads_of(data: bytes) -> Payloads:
    """Payloads of the frequent messages in a capture, each of the declared length."""
    found: Payloads = {declared: [] for declared in _FREQUENT}
    first: dict[int, type[Message]] = {0x55: SyncFrame, 0xE4: AcPhase, 0x80: Condition}
    for piece in Rs485Splitter().feed(data):
        payload = piece.frame.payload if isinstance(piece.frame, ReceivedFrame) and piece.frame.good else b""
        declared = first.get(payload[0]) if payload else None
        if declared is not None and len(payload) == declared.SIZE:
            found[declared].append(payload)
    return found


def both_sides(payloads: Payloads) -> tuple[Callable[[], None], Callable[[], None]]:
    """Decode all payloads, by ours and by cantools; every signal was compared.  Raises Unavailable."""
    pairs = [(reader_of(one, one.SIZE).values, _can_message(one), own) for one, own in payloads.items()]  # type: ignore[arg-type]  # mypy asks the instances for a hash
    for values, message, own in pairs:
        for payload in own:
            _compare(values(payload, NO_CONTEXT), message.decode(payload, decode_choices=False))

    def ours() -> None:
        for values, _, own in pairs:
            for payload in own:
                values(payload, NO_CONTEXT)

    def theirs() -> None:
        for _, message, own in pairs:
            for payload in own:
                message.decode(payload, decode_choices=False)

    return ours, theirs


def _compare(ours: Mapping[str, Any], theirs: Any) -> None:  # noqa: ANN401  (cantools gives containers another type)
    for abbrev, value in theirs.items():
        own = ours[abbrev]
        if own is None:  # cantools has no word for "not available"
            continue
        if not isinstance(own, int | float) or abs(own - value) > _CLOSE * max(1.0, abs(value)):
            raise AssertionError(f"{abbrev}: {own} and {value}")


def _can_message(declared: type[Message]) -> CanMessage:
    """A message with a signal for each number, or for each of its bit fields."""
    try:
        from cantools.database.can import Message as CanMessage
    except ImportError as problem:
        raise Unavailable("cantools is not installed (pip install cantools)") from problem
    plan = plan_of(declared, declared.SIZE)  # type: ignore[arg-type]  # see above
    signals = [signal for slot in plan.slots if slot.is_number for signal in _signals(slot)]
    return CanMessage(frame_id=1, name=declared.__name__, length=declared.SIZE, signals=signals, is_fd=True)


def _signals(slot: Slot) -> list[Signal]:
    bits = 8 * slot.offset
    if slot.spec.bits:
        return [_signal(part, bits + part.shift, part.width, signed=False) for part in slot.spec.bits]
    return [_signal(slot.spec, bits, 8 * slot.size, signed=slot.signed)]


def _signal(spec: Field, start: int, width: int, *, signed: bool) -> Signal:
    from cantools.database.can import Signal
    from cantools.database.conversion import BaseConversion

    scale = spec.scale if isinstance(spec.scale, Linear) else Linear()
    conversion = BaseConversion.factory(scale=scale.multiply / scale.divide, offset=0)
    return Signal(spec.abbrev, start, width, is_signed=signed, conversion=conversion, unit=spec.unit or None)
