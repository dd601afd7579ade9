"""What holds for every declared message: bytes come back unchanged, facts are complete, names lead somewhere."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vebus_protocol.errors import MessageError
from vebus_protocol.registry import ENVELOPES, MESSAGES, Unknown, UnknownSync, decode_payload, find
from vebus_protocol.schema import Evidence, Field, Link, Message, Shape, Space

DECLARED = (*MESSAGES, Unknown, UnknownSync)
EVERY: tuple[type[Message], ...] = (*DECLARED, *ENVELOPES)
SPACES = {Link.RS485: (Space.SYNC, Space.PAYLOAD), Link.MK3: (Space.ADAPTER, Space.PAYLOAD)}

every_message = pytest.mark.parametrize("declared", EVERY, ids=lambda one: one.__name__)
recognised_message = pytest.mark.parametrize("declared", DECLARED, ids=lambda one: one.__name__)


@st.composite
def payloads(draw: st.DrawFn, declared: type[Message]) -> bytes:
    """Random bytes that have the telling bytes and the length of a message, and are otherwise anything."""
    info = declared.INFO
    lengths = st.sampled_from(sorted(info.lengths)) if info.lengths else st.integers(max(declared.SIZE, 1), 40)
    size = draw(lengths)
    data = bytearray(draw(st.binary(min_size=size, max_size=size)))
    for at, values in info.match.items():
        data[at] = draw(st.sampled_from(sorted(values)))
    return bytes(data)


# --- bytes -----------------------------------------------------------------------------------------------------------
@recognised_message
@settings(max_examples=20)
@given(data=st.data())
def test_what_a_message_recognises_comes_back_unchanged(declared: type[Message], data: st.DataObject) -> None:
    payload = data.draw(payloads(declared))
    assert any(declared.INFO.recognises(payload, link) for link in declared.INFO.links)
    found = declared.parse(payload)
    assert found.build() == payload
    spans = list(found.spans(base=4))
    places = [4, *(span.start + span.size for span in spans)]
    assert [span.start for span in spans] == places[:-1], "fields follow each other without a gap"
    assert places[-1] - 4 + len(found.rest) == len(payload)


@recognised_message
@settings(max_examples=10)
@given(data=st.data())
def test_a_shorter_payload_is_read_whole_or_refused_whole(declared: type[Message], data: st.DataObject) -> None:
    payload = data.draw(payloads(declared))
    cut = payload[: data.draw(st.integers(0, len(payload)))]
    try:
        found = declared.parse(cut)
    except MessageError:
        assert len(cut) < declared.SIZE
        return
    assert found.build() == cut


@pytest.mark.parametrize(
    ("link", "space"), [(link, space) for link, spaces in SPACES.items() for space in (*spaces, Space.WINMON)]
)
@settings(max_examples=300)
@given(payload=st.binary(max_size=24))
def test_any_payload_becomes_a_chain_that_keeps_every_byte(link: Link, space: Space, payload: bytes) -> None:
    chain = decode_payload(space, payload, link)
    assert bool(chain) == bool(payload)
    at = 0
    for placed in chain:
        assert placed.start == at
        assert placed.message.build() == payload[at:]
        at = len(payload) - len(placed.message.rest)


@recognised_message
@settings(max_examples=10)
@given(data=st.data())
def test_a_recognised_message_is_found_unless_an_earlier_one_fits(declared: type[Message], data: st.DataObject) -> None:
    payload = data.draw(payloads(declared))
    for link in declared.INFO.links:
        if declared.INFO.space in (*SPACES[link], Space.WINMON) and declared in MESSAGES:
            assert declared in list(find(declared.INFO.space, payload, link))


# --- facts -----------------------------------------------------------------------------------------------------------
def _specs(declared: type[Message]) -> list[Field]:
    whole = [*declared.FIELDS, *declared.COMPUTED]
    return [*whole, *(part for spec in whole for part in spec.bits)]


@every_message
def test_a_message_says_what_it_is_and_where_that_is_known_from(declared: type[Message]) -> None:
    assert declared.INFO.title
    assert declared.INFO.source
    assert (declared.__doc__ or "").strip().endswith((".", ":"))


@every_message
def test_a_field_says_what_it_is_and_where_that_is_known_from(declared: type[Message]) -> None:
    for spec in _specs(declared):
        assert spec.label, spec.name
        assert spec.source or spec.evidence is Evidence.UNKNOWN, spec.abbrev
        assert spec.abbrev.startswith(("vebus.", "mk3.")), spec.abbrev


@every_message
def test_names_of_fields_are_their_own(declared: type[Message]) -> None:
    names = [spec.name for spec in (*declared.FIELDS, *declared.COMPUTED)]
    assert len(set(names)) == len(names)
    assert "rest" not in names
    # Codes inside a split reply repeat; a filter then matches any of them.
    abbrevs = [spec.abbrev for spec in _specs(declared) if spec.constant is None]
    assert len(set(abbrevs)) == len(abbrevs)


@every_message
def test_bits_cover_their_field_once(declared: type[Message]) -> None:
    for spec in declared.FIELDS:
        if not spec.bits:
            continue
        assert spec.layout is not None
        covered = [at for part in spec.bits for at in range(part.shift, part.shift + part.width)]
        assert sorted(covered) == list(range(spec.layout.bits)), f"{spec.abbrev}: {sorted(covered)}"


@every_message
def test_constants_are_telling_bytes(declared: type[Message]) -> None:
    for spec in declared.FIELDS:
        if spec.constant is not None:
            assert declared.INFO.match.get(spec.offset) == frozenset((spec.constant,)), spec.name


@every_message
def test_telling_bytes_lie_inside_the_message(declared: type[Message]) -> None:
    info = declared.INFO
    shortest = min(info.lengths) if info.lengths else max(declared.SIZE, 1)
    assert shortest >= declared.SIZE
    assert all(at < shortest or at in _places(declared) for at in info.match)


def _places(declared: type[Message]) -> set[int]:
    return {spec.offset for spec in declared.FIELDS}


@every_message
def test_the_summary_names_fields(declared: type[Message]) -> None:
    for name in declared.INFO.summary or ():
        whole, _, part = name.partition(".")
        spec = declared.spec(whole)
        assert not part or part in {one.name for one in spec.bits}, name


@every_message
def test_optional_fields_stand_last(declared: type[Message]) -> None:
    optional = [spec.optional for spec in declared.FIELDS]
    assert optional == sorted(optional)
    open_ended = [spec.layout.size == 0 for spec in declared.FIELDS if spec.layout]
    assert not any(open_ended[:-1])


@recognised_message
@settings(max_examples=10)
@given(data=st.data())
def test_expressions_give_numbers(declared: type[Message], data: st.DataObject) -> None:
    raws = declared.parse(data.draw(payloads(declared))).raws()
    missing = {name for name, value in raws.items() if value is None}
    for spec in declared.COMPUTED:
        used = {name for name in raws if f"'{name}'" in str(spec.expression)}
        assert used <= raws.keys(), spec.name
        if not used & missing:
            assert isinstance(spec.expression(raws), int), spec.name


def test_one_filter_name_has_one_unit_and_one_sort_of_value() -> None:
    """A list counts as numbers: a filter compares each of them."""
    found: dict[str, set[tuple[str, bool]]] = {}
    for declared in EVERY:
        for spec in declared.FIELDS:
            numbers = spec.layout is not None and spec.layout.shape in (Shape.INTEGER, Shape.LIST)
            found.setdefault(spec.abbrev, set()).add((spec.unit, numbers))
    assert not {abbrev: sorts for abbrev, sorts in found.items() if len(sorts) > 1}
