"""Closed loop: what the simulator wrote, decoded again, is what its model measured, within one quantisation step."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.simulated import ESS_DEVICE, Said, event, frames, plain
from vebus_protocol.enums import AcRelay
from vebus_protocol.frame import FbFrame
from vebus_protocol.info import AcInfo, DcInfo
from vebus_protocol.scaling import ScaleBook, physical, rule_of
from vebus_protocol.schema import Field, Message
from vebus_protocol.status import AcPhase, Charger, Condition
from vebus_protocol.switch import AcInputConfiguration
from vebus_protocol.sync import SyncFrame
from vebus_protocol.winmon import (
    DeviceStateReply,
    RamInfo,
    RamInfoMissing,
    RamValues,
    RamWritten,
    ReadRam,
    ReadRamInfo,
    ReadSetting,
    ReadSettingInfo,
    SettingInfo,
    SettingInfoMissing,
    SettingValue,
    VersionReply,
    WinmonFrame,
)
from vebus_tools.simulator import Scenario, VirtualBus, load_scenario
from vebus_tools.simulator.device import Device
from vebus_tools.simulator.scenario import EventKind, RandomSpec

ABSENT = 0.0


class Loop:
    """Runs a scenario and compares every message with the model of that moment."""

    def __init__(self, scenario: Scenario) -> None:
        self.bus = VirtualBus(scenario, 5)
        self.device = self.bus.installation.master
        self.book = ScaleBook(table=None)
        self.asked: dict[int, Message] = {}
        self.seen: dict[type[Message], int] = {}
        self.ticks: list[tuple[float, int]] = []

    def run(self, until_s: float) -> None:
        for said in frames(self.bus, until_s):
            self._compare(said)
            self.seen[type(said.last)] = self.seen.get(type(said.last), 0) + 1

    def close(self, message: Message, name: str, value: float, *, variable: int | None = None) -> None:
        """The field holds the value within one step of its scale."""
        spec = message.spec(name)
        raw = getattr(message, name, None)
        if not isinstance(raw, int):
            assert spec.expression is not None
            raw = spec.expression(message.raws())
        self.near(spec, raw, message.raws(), value, variable=variable)

    def near(self, spec: Field, raw: int, raws: dict[str, Any], value: float, *, variable: int | None = None) -> None:
        found = physical(spec, raw, raws, self.book, variable=variable)
        rule = rule_of(spec, raws, self.book, variable=variable)
        if found.value is None:
            assert value == ABSENT, f"{spec.abbrev}: {found.reason}, model has {value}"
            return
        is_frequency = rule.over is not None  # then it is one step of the period
        step = abs((rule.value(raw + 1) or 0) - found.value) if is_frequency else rule.multiply / rule.divide
        assert found.value == pytest.approx(value, abs=step), spec.abbrev

    def _compare(self, said: Said) -> None:
        message = said.last
        check = CHECKS.get(type(message))
        if isinstance(said.messages[0], WinmonFrame):
            tid = said.messages[0].tid
            if said.sent.sender == "host":
                self.asked[tid] = message
            elif check is None:
                REPLIES[type(message)](self, self.asked[tid], message)
        if check is not None:
            check(self, self.device, message)
        elif isinstance(message, SyncFrame):
            self.ticks.append((said.sent.at_s, message.status | message.time << 8))


def _phase(loop: Loop, device: Device, message: AcPhase) -> None:
    now = device.converter
    loop.close(message, "frequency", now.output_hz)
    voltage = message.spec("dc").bits[0]
    loop.near(voltage, voltage.pick(message.dc), message.raws(), now.battery_v)
    expected = now.inverter_w / (now.inverter_w**2 + 120.0**2) ** 0.5
    loop.close(message, "power_factor", expected)


def _condition(loop: Loop, device: Device, message: Condition) -> None:
    now = device.converter
    loop.close(message, "dc_current", now.dc_a)
    if message.mux == 0x30:
        loop.close(message, "temperature_c", device.battery.temperature_c)
    assert message.relay == (AcRelay.MAINS if now.connected else AcRelay.ISLAND)
    assert message.status == now.condition()


def _charger(loop: Loop, device: Device, message: Charger) -> None:
    volts, amps = device.charge_set_point()
    loop.close(message, "voltage", volts)
    loop.close(message, "current", amps)
    assert message.capacity == int(device.battery.charged_as / 3600)


def _configuration(loop: Loop, device: Device, message: AcInputConfiguration) -> None:
    assert (message.led_on, message.led_blink) == device.leds()
    assert message.register == device.switch_register()
    for name, amps in zip(("minimum", "maximum", "actual"), device.limits(), strict=True):
        loop.close(message, name, amps)


def _dc(loop: Loop, device: Device, message: DcInfo) -> None:
    if loop.book.ram(5) is None:
        return
    loop.close(message, "voltage", device.converter.battery_v)
    loop.close(message, "battery_current", device.converter.dc_a)
    loop.close(message, "inverter_frequency", device.converter.output_hz)
    assert not (message.inverter_current and message.charger_current)


def _ac(loop: Loop, device: Device, message: AcInfo) -> None:
    now = device.converter
    assert message.state == now.state()
    if loop.book.ram(8) is None:
        return
    loop.close(message, "mains_voltage", now.mains_v)
    loop.close(message, "mains_current", now.mains_a)
    loop.close(message, "inverter_voltage", now.output_v)
    loop.close(message, "inverter_current", now.output_a)
    loop.close(message, "mains_frequency", now.mains_hz)


def _ram(loop: Loop, asked: Message, message: Message) -> None:
    assert isinstance(asked, ReadRam)
    assert isinstance(message, RamValues)
    assert len(asked.ids) == len(message.values)
    for variable, raw in zip(asked.ids, message.values, strict=True):
        if variable in loop.device.ram.words:
            assert raw == loop.device.ram.raw(variable)
        else:
            value = loop.device.ram.value(variable)
            loop.near(message.spec("values"), raw, message.raws(), value, variable=variable)


def _ram_info(loop: Loop, asked: Message, message: Message) -> None:
    assert isinstance(asked, ReadRamInfo)
    assert isinstance(message, RamInfo)
    scale = loop.device.ram.scales[asked.id]
    assert (message.scale, message.offset) == (scale.scale, scale.offset & 0xFFFF)
    loop.book = loop.book.with_ram(asked.id, scale)


def _setting(loop: Loop, asked: Message, message: Message) -> None:
    assert isinstance(asked, ReadSetting)
    assert isinstance(message, SettingValue)
    loop.close(message, "value", loop.device.settings.value(asked.id), variable=asked.id)


def _setting_info(loop: Loop, asked: Message, message: Message) -> None:
    assert isinstance(asked, ReadSettingInfo)
    assert isinstance(message, SettingInfo)
    row = loop.device.settings.rows[asked.id]
    assert (message.default, message.minimum, message.maximum) == (row.default, row.minimum, row.maximum)
    loop.book = loop.book.with_setting(asked.id, row.scale)


def _state(loop: Loop, _: Message, message: Message) -> None:
    assert isinstance(message, DeviceStateReply)
    now = loop.device.converter
    assert (message.state, message.sub_state) == (now.state(), now.sub_state())


def _version(loop: Loop, _: Message, message: Message) -> None:
    assert isinstance(message, VersionReply)
    assert message.version == loop.device.version


def _ram_absent(loop: Loop, asked: Message, _: Message) -> None:
    assert isinstance(asked, ReadRamInfo)
    assert asked.id not in loop.device.ram.scales


def _setting_absent(loop: Loop, asked: Message, _: Message) -> None:
    assert isinstance(asked, ReadSettingInfo)
    assert asked.id not in loop.device.settings.rows


def _written(loop: Loop, asked: Message, _: Message) -> None:
    assert loop.device.converter.set_point_w == pytest.approx(getattr(asked, "value", 0), abs=0.5)


CHECKS: dict[type[Message], Any] = {
    AcPhase: _phase,
    Condition: _condition,
    Charger: _charger,
    AcInputConfiguration: _configuration,
    DcInfo: _dc,
    AcInfo: _ac,
}
REPLIES: dict[type[Message], Any] = {
    RamValues: _ram,
    RamInfo: _ram_info,
    RamInfoMissing: _ram_absent,
    SettingValue: _setting,
    SettingInfo: _setting_info,
    SettingInfoMissing: _setting_absent,
    DeviceStateReply: _state,
    VersionReply: _version,
    RamWritten: _written,
}
STORY = (
    event(30.0, EventKind.LOAD, value=2500.0),
    event(40.0, EventKind.AC_LOST),
    event(55.0, EventKind.AC_BACK),
    event(70.0, EventKind.SET_POINT, value=700.0),
    event(90.0, EventKind.SET_POINT, text="stop"),
)


@pytest.mark.parametrize("model", ["MultiPlus-II 12/3000", "MultiPlus-II 48/5000"])
def test_every_message_gives_back_the_model(model: str) -> None:
    device = replace(ESS_DEVICE, model=model, load_wave_w=30.0)
    loop = Loop(plain(devices=(device,), random=RandomSpec(measurement=1.0, latency=True), events=STORY))
    loop.run(120.0)
    assert set(CHECKS) | set(REPLIES) <= set(loop.seen)


def test_the_counter_of_sync_frames_follows_the_clock() -> None:
    loop = Loop(load_scenario("quiet-house"))
    loop.run(30.0)
    for (before, first), (after, second) in pairwise(loop.ticks[1:]):
        assert (second - first) % (1 << 24) == pytest.approx((after - before) / 0.4e-6, abs=1)


def test_fb_frames_are_what_the_declaration_builds() -> None:
    (first, *_) = VirtualBus(plain()).run(0.001)
    assert FbFrame.parse(first.data).complement_ok
