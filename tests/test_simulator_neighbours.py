"""What stands around BMS and Multi: load switch, charge relay, panels, GX device, DVCC, the check before an update."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bms_on_bus import LOW, NORMAL, REMOTE_OFF, BmsSpeaker, Repeater, bus_with, hear, run
from tests.simulated import Client, plain
from tests.traceability import covers
from vebus_protocol.enums import SwitchPosition
from vebus_tools.emulator import outputs_of
from vebus_tools.simulator import VirtualBus
from vebus_tools.simulator.bms_update import update_obstacles
from vebus_tools.simulator.dvcc import ChargerOrders, GxSystem, charger_orders, dvcc_fault, gx_values
from vebus_tools.simulator.neighbours import BatteryProtect, charge_relay_closed
from vebus_tools.simulator.panels import BmsModel, Panel, bms_model, may_switch
from vebus_tools.simulator.scenario import AccessorySpec, HostSpec

V1, V2 = BmsModel.V1, BmsModel.V2
VOLTS = st.floats(0, 70)


# --- load switch and charge relay ------------------------------------------------------------------------------------
@covers("B-34", "B-35")
@pytest.mark.parametrize(
    ("volts", "high", "closed"), [(12.8, True, True), (10.5, True, True), (10.49, True, False), (12.8, False, False)]
)
def test_battery_protect_opens_on_low_voltage_and_on_a_floating_h(volts: float, *, high: bool, closed: bool) -> None:
    assert BatteryProtect(preset_v=10.5).closed(input_v=volts, remote_high=high) is closed


@covers("B-35")
def test_load_disconnect_of_an_emulated_bms_opens_a_battery_protect() -> None:
    bms = BmsSpeaker()
    switch = BatteryProtect(preset_v=40.0)

    def let_pass(begin_s: int, end_s: int) -> None:
        for tenth in range(10 * begin_s, 10 * end_s):
            bms.poll(tenth / 10)

    def closed() -> bool:
        return switch.closed(input_v=52.0, remote_high=outputs_of(bms.bms.state, bms.bms.inputs).load_disconnect.high)

    let_pass(0, 6)
    assert closed()
    bms.cell_v = 2.6
    let_pass(6, 30)
    assert closed(), "30 s have to pass"
    let_pass(30, 40)
    assert not closed()


@covers("B-46")
@given(VOLTS, VOLTS, st.booleans())
def test_the_charge_relay_never_lets_the_battery_feed_the_charger(
    charger_v: float,
    battery_v: float,
    control: bool,  # noqa: FBT001  (hypothesis)
) -> None:
    closed = charge_relay_closed(charger_v=charger_v, battery_v=battery_v, control_high=control)
    assert closed is (control and charger_v > battery_v)


# --- panels ----------------------------------------------------------------------------------------------------------
@covers("B-99", "B-100", "B-101", "B-184")
@pytest.mark.parametrize(
    ("model", "dmc", "obeyed"),
    [
        (V2, False, {Panel.GX, Panel.VRM, Panel.DONGLE}),
        (V2, True, {Panel.DMC}),
        (V1, True, {Panel.DMC}),
        (V1, False, set()),
    ],
)
def test_who_may_switch(model: BmsModel, obeyed: set[Panel], *, dmc: bool) -> None:
    assert {panel for panel in Panel if may_switch(panel, model, dmc=dmc)} == obeyed


@pytest.mark.parametrize(("version", "model"), [(1145100, V1), (1146099, V1), (1146100, V2), (1245112, V2)])
def test_generation_by_version(version: int, model: BmsModel) -> None:
    assert bms_model(version) is model


@covers("B-99", "B-100", "B-101", "B-184")
@pytest.mark.parametrize(
    ("accessory", "heard", "obeyed"),
    [
        (AccessorySpec(), False, True),
        (AccessorySpec(dmc_version=1), False, True),
        (AccessorySpec(), True, True),
        (AccessorySpec(bms_version=1245112), True, True),
        (AccessorySpec(dmc_version=1), True, False),
        (AccessorySpec(bms_version=1145100), True, False),
    ],
)
def test_a_host_is_obeyed_unless_a_dmc_or_a_v1_rules(accessory: AccessorySpec, *, heard: bool, obeyed: bool) -> None:
    client = Client(plain(accessory=accessory, host=HostSpec(present=False)))
    if heard:
        hear(client.installation, NORMAL, 0.0)
    master = client.installation.master.converter
    client.send(0xFF, ord("S"), SwitchPosition.CHARGER_ONLY, 0, 0x80, 0x01, 0x80)
    client.wait(0.2)
    assert (master.switch is SwitchPosition.CHARGER_ONLY) is obeyed
    master.switch = SwitchPosition.ON
    bus = VirtualBus(client.installation.scenario, 0, client.installation)
    bus.pass_on(bytes((0x3F, 5, 0, 0, 0)))
    run(bus, client.now + 0.2)
    assert (master.switch is SwitchPosition.CHARGER_ONLY) is obeyed


# --- GX device and DVCC ----------------------------------------------------------------------------------------------
@covers("B-183")
def test_what_a_gx_device_shows_of_a_v2() -> None:
    bms = BmsSpeaker()
    bus = bus_with(bms, plain())
    run(bus, 6.0)

    def shown(model: BmsModel = V2) -> dict[str, int | None]:
        return dict(gx_values(bus.installation.bms, bus.reactions()[0], bus.now_s, model))

    assert shown() == {
        "/Bms/AllowToCharge": 1,
        "/Bms/AllowToDischarge": 1,
        "/Bms/BmsExpected": 1,
        "/Bms/BmsType": 2,
        "/Bms/Error": 0,
        "/Bms/PreAlarm": 0,
        "/Alarms/BmsConnectionLost": 0,
        "/Devices/Bms/Version": 1245112,
        "/VebusError": 0,
    }
    assert {shown(V1)[f"/Bms/{name}"] for name in ("AllowToCharge", "AllowToDischarge", "Error", "PreAlarm")} == {None}
    bus.detach(bms)
    run(bus, 14.0)
    assert (shown()["/Bms/AllowToCharge"], shown()["/Alarms/BmsConnectionLost"]) == (None, 2)
    bus.attach(Repeater(REMOTE_OFF))
    run(bus, 16.0)
    assert (shown()["/Bms/AllowToDischarge"], shown()["/Devices/Bms/Version"]) == (0, None)
    assert dict(gx_values(bus.installation.bms, bus.reactions()[0], bus.now_s, V2))["/Bms/Error"] == 0
    bus = bus_with(Repeater(LOW), plain())
    run(bus, 3.0)
    assert (shown()["/Bms/AllowToCharge"], shown()["/Bms/AllowToDischarge"], shown()["/Bms/PreAlarm"]) == (1, 0, 1)


SYSTEM = GxSystem(dvcc=True, ess=False, model=V2, multi_charge_v=56.8, battery_v=52.0)


@covers("B-107")
def test_dvcc_has_to_be_on_for_a_v2() -> None:
    off = replace(SYSTEM, dvcc=False)
    assert dvcc_fault(SYSTEM) == ""
    assert "B-107" in dvcc_fault(off)
    assert dvcc_fault(replace(off, model=V1)) == ""
    assert charger_orders(off, allow_charge=False) is None


@covers("B-16", "B-108", "B-109", "B-110", "B-183")
@pytest.mark.parametrize(
    ("changes", "allowed", "orders"),
    [
        ({}, True, ChargerOrders(max_charge_a=None, charge_v=None, network_mode=13)),
        ({}, False, ChargerOrders(max_charge_a=0.0, charge_v=None, network_mode=13)),
        ({"user_limit_a": 40.0}, True, ChargerOrders(max_charge_a=40.0, charge_v=None, network_mode=13)),
        ({"user_limit_a": 40.0}, False, ChargerOrders(max_charge_a=0.0, charge_v=None, network_mode=13)),
        ({"ess": True}, True, ChargerOrders(max_charge_a=None, charge_v=56.8, network_mode=13)),
        ({"ess": True}, False, ChargerOrders(max_charge_a=0.0, charge_v=51.0, network_mode=13)),
        ({"model": V1}, False, ChargerOrders(max_charge_a=0.0, charge_v=None, network_mode=5)),
        ({"mk3": False}, True, ChargerOrders(max_charge_a=None, charge_v=None, network_mode=5)),
    ],
)
def test_orders_to_the_chargers(changes: dict[str, object], orders: ChargerOrders, *, allowed: bool) -> None:
    assert charger_orders(replace(SYSTEM, **changes), allow_charge=allowed) == orders  # type: ignore[arg-type]


# --- update ----------------------------------------------------------------------------------------------------------
@covers("B-166", "B-167")
@pytest.mark.parametrize(
    ("dmc", "fed", "named"),
    [
        (False, False, []),
        (True, False, ["B-166"]),
        (False, True, ["B-167"]),
        (True, True, ["B-166", "B-167"]),
        (None, None, ["B-166", "B-167"]),
    ],
)
def test_what_forbids_an_update_of_the_bms(dmc: bool | None, fed: bool | None, named: list[str]) -> None:  # noqa: FBT001
    obstacles = update_obstacles(dmc=dmc, gx_fed_by_inverter=fed)
    assert [one[-6:-1] for one in obstacles] == named
