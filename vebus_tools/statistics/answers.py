"""Requests that wait for their replies, as far as the session finds that they belong together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from vebus_protocol.schema import Direction
from vebus_tools.exchanges import Role, exchange_of
from vebus_tools.session import REPLY_WINDOW_S
from vebus_tools.statistics.seen import Kind, Seen
from vebus_tools.statistics.tap import Detail

__all__ = ["Asked", "Questions"]

_WINDOW_NS = round(REPLY_WINDOW_S * 1e9)


@dataclass(slots=True, eq=False)
class Asked:
    """A request; ``answered`` once its first reply has come, ``needed`` where a reply is expected."""

    number: int
    kind: Kind
    at_ns: int
    size: int
    cycle: int
    needed: bool
    answered: bool = False


class Questions:
    """Keeps requests for as long as a reply to them would be believed."""

    def __init__(self) -> None:
        """Start without requests."""
        self._asked: dict[int, Asked] = {}
        self._order: deque[Asked] = deque()

    def take(self, seen: Seen, detail: Detail) -> tuple[Asked | None, Asked | None]:
        """The request that this record is, and the one that it answers; each None where it is or does not."""
        if not seen.good:
            return None, None
        answered = self._asked.get(detail.context.response_to or 0)
        if answered is not None:
            return None, answered
        asked = self._request(seen, detail)
        if asked is not None:
            self._asked[asked.number] = asked
            self._order.append(asked)
        return asked, None

    def given_up(self, now_ns: int) -> Iterator[Asked]:
        """Requests that nothing will answer any more; each once, and answered ones too."""
        while self._order and now_ns - self._order[0].at_ns > _WINDOW_NS:
            asked = self._order.popleft()
            del self._asked[asked.number]
            yield asked

    def waiting(self) -> Iterator[Asked]:
        """Requests that a reply could still come for."""
        return (asked for asked in self._order if not asked.answered)

    @staticmethod
    def _request(seen: Seen, detail: Detail) -> Asked | None:
        exchange = exchange_of(detail.record)
        if exchange is None:
            return None
        asks = exchange.role is Role.REQUEST
        if exchange.role is Role.EITHER:
            asks = detail.context.direction is Direction.TO_DEVICE
        if not asks:
            return None
        return Asked(detail.record.number, seen.kind, seen.at_ns, seen.size, seen.cycle, exchange.expects_reply)
