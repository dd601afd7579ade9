"""One Scapy packet class for each declared message, made from its declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from scapy.base_classes import Packet_metaclass
from scapy.config import conf
from scapy.packet import Packet

from vebus_protocol.registry import MESSAGES, Unknown, UnknownSync, decode_payload
from vebus_protocol.schema import Link, Message, Space
from vebus_tools.nodes import Value
from vebus_tools.scapy_layers.fields import declared_fields, physical

if TYPE_CHECKING:
    from scapy.fields import AnyField

__all__ = ["LAYERS", "MessageLayer", "layer_of", "payload_class"]

TAKEN = frozenset(dir(Packet)) | frozenset(Packet.__slots__)
"""Names that no field can have, because every packet has them."""


class MessageLayer(Packet):
    """A declared message.  Bytes behind its fields, known or not, are its payload: another layer, or Raw."""

    MESSAGE: ClassVar[type[Message]] = Unknown
    fields_desc: ClassVar[list[AnyField]] = []

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """The body of a carrier; Raw for all else."""
        carries = self.MESSAGE.INFO.carries
        return conf.raw_layer if carries is None else payload_class(carries, payload, self._link())

    def _link(self) -> Link:
        own = self.MESSAGE.INFO.links
        return next(iter(own)) if len(own) == 1 else getattr(self.firstlayer(), "LINK", Link.RS485)

    def mysummary(self) -> str:
        """Title of the message."""
        return self.MESSAGE.INFO.title

    def declared(self) -> Message:
        """The message as ``vebus_protocol`` has it.  Raises MessageError where the bytes are none."""
        return self.MESSAGE.parse(bytes(self))

    def physical(self, name: str) -> Value | tuple[Value, ...]:
        """Value of a field, or of its bits (``"field.bit"``), with its scale, in the unit that ``show`` prints.

        None where it is not available; numbers of a list come as a tuple.  Raises KeyError for a name that is no field.
        """
        return physical(self, name)


def _made(declared: type[Message]) -> type[MessageLayer]:
    body = {
        "__doc__": declared.__doc__,
        "__module__": __package__,
        "name": declared.INFO.title,
        "MESSAGE": declared,
        "fields_desc": declared_fields(declared, TAKEN),
    }
    return cast("type[MessageLayer]", Packet_metaclass(declared.__name__, (MessageLayer,), body))


LAYERS: dict[str, type[MessageLayer]] = {
    declared.__name__: _made(declared) for declared in (*MESSAGES, Unknown, UnknownSync)
}
"""All packet classes of messages, by name."""


def layer_of(declared: type[Message]) -> type[MessageLayer]:
    """Packet class of a declared message.  Raises KeyError for parts of an envelope."""
    return LAYERS[declared.__name__]


def payload_class(space: Space, payload: bytes, link: Link) -> type[Packet]:
    """Packet class for these bytes, found as `decode_payload` finds the message; Raw where there is none."""
    chain = decode_payload(space, payload, link)
    return layer_of(type(chain[0].message)) if chain else conf.raw_layer
