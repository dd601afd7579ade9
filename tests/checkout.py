"""Where things lie in this checkout."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
"""The top of the checkout."""

PACKAGES = {"vebus_protocol": ROOT / "protocol" / "vebus_protocol", "vebus_tools": ROOT / "vebus_tools"}
"""Import name -> folder."""


def modules() -> dict[str, Path]:
    """Every module of both packages by its dotted name; a package stands under its own name."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in folder.rglob("*.py"):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return dict(sorted(found.items()))
