"""Emulated BMS and simulated Multi on one line: no collision, every frame sound, named and labelled."""

from collections import Counter
from collections.abc import Iterator

from vebus_protocol.bms import LAB, built_in
from vebus_protocol.schema import Link
from vebus_tools.battery import Bank, uniform_sample
from vebus_tools.decoder import Decoder
from vebus_tools.emulator import EmulatedBms, Terminals
from vebus_tools.records import Chunk, Record, Severity, Stamp, TimeSource
from vebus_tools.simulator import VirtualBus, load_scenario

BANK = Bank(system_v=24, series=2)
POLL_EVERY_S = 0.001


def meet(seconds: float) -> Iterator[Record]:
    """Everything that is heard on the line while both are on it."""
    bus = VirtualBus(load_scenario("quiet-house"), seed=1)
    bms = EmulatedBms(built_in(LAB), version=1245112, cells=BANK.cells, slot_delay_s=0.002)
    bms.change(supply_v=26.0, vebus=True, battery_v=26.0, terminals=Terminals(joined=True))
    decoder, now = Decoder(Link.RS485), 0.0
    while now < seconds:
        now += POLL_EVERY_S
        for sent in bus.run(now):
            stamp = Stamp(sent.at_s, TimeSource.HOST)
            for record in decoder.feed(Chunk(data=sent.data, stamp=stamp, whole=True)):
                bms.on_record(record)
                yield record
        bms.feed(uniform_sample(BANK, now))
        for frame in bms.poll(now):
            bus.inject(frame.data, max(now, frame.earliest), "bms")
    assert bms.stopped == ""
    assert bus.counters.collisions == 0


def test_both_on_one_line() -> None:
    records = list(meet(20.0))
    assert all(record.chain for record in records if record.frame is not None and len(record.wire) > 5)
    assert not [one for record in records for one in record.findings if one.severity is Severity.ERROR]
    titles = Counter(record.chain[-1].message.INFO.title for record in records if record.chain)
    laboratory = {title: count for title, count in titles.items() if "LAB/SIMULATION PROFILE" in title}
    assert list(laboratory.values()) == [20]
    assert titles["BMS version"] == 1, "the poll of the simulated host is answered"
    assert titles["Sync"] in (1000, 1001), "one every 20 ms"
