"""What each order does to a rehearsal: one function a verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from vebus_protocol.bms import Profile, encode
from vebus_protocol.enums import SwitchPosition
from vebus_tools.emulator import Terminals
from vebus_tools.emulator.content import Content, information_frame, values_for
from vebus_tools.rehearsal.cells import CellModel
from vebus_tools.rehearsal.orders import VERBS, Order, OrderError
from vebus_tools.simulator import VirtualBus

__all__ = ["Stage", "can_do", "do"]

_SWITCHES = {
    "on": SwitchPosition.ON,
    "off": SwitchPosition.OFF,
    "charger-only": SwitchPosition.CHARGER_ONLY,
    "inverter-only": SwitchPosition.INVERTER_ONLY,
}
_INTRUDER = 0x4C43
"""Sender id of the second BMS: one beside that of the laboratory profile."""
_CYCLE_S, _INTRUSIONS = 0.02, 3


class Inputs(Protocol):
    """Where the inputs of the BMS are set by their names."""

    profile: Profile

    def change(self, **inputs: Any) -> None:  # noqa: ANN401  (the attributes of the inputs)
        """Set inputs."""


class Emulated(Protocol):
    """The emulated BMS: here, or in another process."""

    supply_v: float | None
    """Voltage at Battery + that somebody set; None while it is that of the battery."""

    @property
    def bms(self) -> Inputs:
        """Its inputs."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """Everything that an order can change; ``bus`` is None in a dry run, ``cells`` where values come from a file."""

    bms: Emulated
    cells: CellModel | None
    bus: VirtualBus | None


def do(order: Order, stage: Stage, now: float) -> str:
    """Carry out an order at a time in s; returns what was done.  Raises OrderError, CellError."""
    if order.verb not in _ACTIONS:
        raise OrderError(f"{order.verb} is for the keyboard")
    return _ACTIONS[order.verb](order, stage, now)


# --- battery ---------------------------------------------------------------------------------------------------------
def _model(stage: Stage) -> CellModel:
    if stage.cells is None:
        raise OrderError("the cell values come from a file: they cannot be changed here")
    return stage.cells


def _cells(order: Order, stage: Stage, now: float) -> str:
    return _set(order, _model(stage), now, volts=True)


def _temperature(order: Order, stage: Stage, now: float) -> str:
    return _set(order, _model(stage), now, volts=False)


def _set(order: Order, model: CellModel, now: float, *, volts: bool) -> str:
    count, unit = model.bank.cells, "V" if volts else "degC"
    indices = [order.cell - 1] if order.cell else list(range(count))
    what = f"cell {order.cell}" if order.cell else "all cells"
    if order.numbers == (None,):
        model.release(indices)
        return f"{what} as the battery model says"
    values = [one for one in order.numbers if one is not None]
    if len(values) not in (1, len(indices)):
        raise OrderError(f"{len(values)} values for {count} cells: give one for all, or one for each")
    put = model.set_voltage if volts else model.set_temperature
    each = values * len(indices) if len(values) == 1 else values
    for index, value in zip(indices, each, strict=True):
        put([index], value, now, order.over_s)
    shown = f"{values[0]:g}" if len(values) == 1 else ", ".join(f"{value:g}" for value in values)
    slowly = f" within {order.over_s:g} s" if order.over_s else ""
    return f"{what} to {shown} {unit}{slowly}"


def _data(order: Order, stage: Stage, _now: float) -> str:
    _model(stage).talking = order.word == "on"
    return "the battery gives data" if order.word == "on" else "the battery gives no data any more"


# --- BMS -------------------------------------------------------------------------------------------------------------
def _remote(order: Order, stage: Stage, _now: float) -> str:
    stage.bms.bms.change(terminals=Terminals(joined=order.word == "on"))
    return "remote terminals joined" if order.word == "on" else "remote terminals open"


def _terminals(order: Order, stage: Stage, _now: float) -> str:
    if order.word:
        stage.bms.bms.change(terminals=Terminals(joined=True))
        return "remote terminals joined"
    low, high = order.numbers
    stage.bms.bms.change(terminals=Terminals(low_v=low, high_v=high))
    texts = ["open" if one is None else f"{one:g} V" for one in (low, high)]
    return f"remote terminals: L {texts[0]}, H {texts[1]}"


def _unplug(_order: Order, stage: Stage, _now: float) -> str:
    stage.bms.bms.change(vebus=False)
    return "the VE.Bus cable of the BMS is pulled out"


def _plug(_order: Order, stage: Stage, _now: float) -> str:
    stage.bms.bms.change(vebus=True)
    return "the VE.Bus cable of the BMS is in again"


def _supply(order: Order, stage: Stage, _now: float) -> str:
    stage.bms.supply_v = order.numbers[0]
    return "Battery + follows the battery" if order.numbers[0] is None else f"Battery + at {order.numbers[0]:g} V"


def _aux(order: Order, stage: Stage, _now: float) -> str:
    stage.bms.bms.change(aux_v=order.numbers[0])
    return f"Aux-In at {order.numbers[0]:g} V"


def _bootloader(order: Order, stage: Stage, _now: float) -> str:
    stage.bms.bms.change(app_ok=order.word == "off")
    return "firmware update interrupted" if order.word == "on" else "firmware update completed"


def _multi(order: Order, stage: Stage, _now: float) -> str:
    if stage.bus is not None:
        raise OrderError("here the simulated Multi says whether it runs; switch it with: switch on, switch off")
    stage.bms.bms.change(multi_on=order.word == "on")
    return f"the Multi is taken to be {order.word}"


# --- installation ----------------------------------------------------------------------------------------------------
def _bus(stage: Stage, order: Order) -> VirtualBus:
    if stage.bus is None:
        raise OrderError(f"{order.verb} needs the simulated Multi (--simulate)")
    return stage.bus


def _mains(order: Order, stage: Stage, _now: float) -> str:
    mains = _bus(stage, order).installation.mains
    (mains.bring_back if order.word == "on" else mains.lose)(0)
    return f"AC input {order.word}"


def _load(order: Order, stage: Stage, _now: float) -> str:
    watts = order.numbers[0] or 0.0
    for device in _bus(stage, order).installation.devices:
        device.converter.load_w = watts
    return f"AC load {watts:g} W"


def _soc(order: Order, stage: Stage, _now: float) -> str:
    percent = order.numbers[0] or 0.0
    _bus(stage, order).installation.battery.charge = percent / 100.0
    return f"state of charge {percent:g} %"


def _switch(order: Order, stage: Stage, _now: float) -> str:
    for device in _bus(stage, order).installation.devices:
        device.converter.switch = _SWITCHES[order.word]
    return f"front switch of the Multi: {order.word}"


def _second_bms(order: Order, stage: Stage, now: float) -> str:
    bus, profile = _bus(stage, order), stage.bms.bms.profile
    spec = information_frame(profile)
    if spec is None:
        raise OrderError(f"{profile.id} has no information frame that another BMS could send")
    content = Content(**dict.fromkeys(Content.__slots__, False))
    for turn in range(1, _INTRUSIONS + 1):  # one of them may meet another frame and be damaged
        number = (bus.number + turn) & 0x7F
        wire = encode(profile, spec.name, values_for(spec, content, turn), number=number, sender=_INTRUDER)
        bus.inject(wire, now + turn * _CYCLE_S * 1.37, "second bms")
    return "another BMS speaks on the bus"


_ACTIONS: Mapping[str, Callable[[Order, Stage, float], str]] = {
    "cell": _cells,
    "cells": _cells,
    "temperature": _temperature,
    "data": _data,
    "remote": _remote,
    "terminals": _terminals,
    "unplug": _unplug,
    "plug": _plug,
    "supply": _supply,
    "aux": _aux,
    "bootloader": _bootloader,
    "multi": _multi,
    "mains": _mains,
    "load": _load,
    "soc": _soc,
    "switch": _switch,
    "second-bms": _second_bms,
}


def can_do(order: Order, *, simulated: bool) -> str:
    """Why an order cannot be part of a scenario; empty when it can.  ``simulated`` is whether there is a Multi."""
    if order.verb not in _ACTIONS:
        return f"{order.verb} is for the keyboard"
    if VERBS[order.verb].simulated and not simulated:
        return f"{order.verb} needs the simulated Multi"
    return ""
