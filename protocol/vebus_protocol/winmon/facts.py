"""Facts that all winmon bodies share: the code in front, the direction, fill bytes.

Sources: mk3.md 7.2 to 7.4 (velib), 2.4 (vendor document).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from vebus_protocol.enums import WinmonReply, WinmonRequest
from vebus_protocol.schema import DOCUMENTED, U8, Direction, const, field

__all__ = ["FILL", "REPLY", "REQUEST", "any_reply_code", "any_request_code", "reply_code", "request_code"]

FILL: dict[str, Any] = {"rest_label": "Fill bytes", "rest_known": True}
REQUEST: dict[str, Any] = {"direction": Direction.TO_DEVICE, **FILL}
REPLY: dict[str, Any] = {"title": "Reply", "direction": Direction.FROM_DEVICE}

request_code = partial(const, label="Request code", abbrev="vebus.winmon.code", enum=WinmonRequest, evidence=DOCUMENTED)
any_request_code = partial(field, U8, "Request code", abbrev="vebus.winmon.code", display="hex", enum=WinmonRequest)
reply_code = partial(const, label="Reply code", abbrev="vebus.reply", enum=WinmonReply, evidence=DOCUMENTED)
any_reply_code = partial(field, U8, "Reply code", abbrev="vebus.reply", display="hex", enum=WinmonReply)
