"""Public faces whose names are loaded on first use, so that importing a package costs nothing else."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_face"]


def lazy_face(
    package: str, namespace: dict[str, Any], homes: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package whose names live in its modules: ``homes`` is module -> names.

    ``namespace`` is the globals() of the package; what was loaded is kept there.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def load(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        namespace[name] = getattr(import_module(f"{package}.{home_of[name]}"), name)
        return namespace[name]

    def names() -> list[str]:
        return sorted({*namespace, *home_of})

    return load, names
