"""What forbids an update of the firmware of a BMS V2.  Source: its specification, B-166 and B-167."""

from __future__ import annotations

__all__ = ["update_obstacles"]


def update_obstacles(*, dmc: bool | None, gx_fed_by_inverter: bool | None) -> tuple[str, ...]:
    """Why the BMS may not be updated now, one line each; empty when it may.  None is not known, and counts as true."""
    found = []
    if dmc is not False:
        known = "is" if dmc else "may be"
        found.append(f"a Digital Multi Control {known} on the VE.Bus network: disconnect it (B-166)")
    if gx_fed_by_inverter is not False:
        known = "is" if gx_fed_by_inverter else "may be"
        found.append(
            f"the GX device {known} fed by the inverter/charger, which goes off for a moment during the update:"
            " feed it from somewhere else (B-167)"
        )
    return tuple(found)
