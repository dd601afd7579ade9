"""Libraries that only some work needs: whether they are there, and the line that says how to get them."""

from importlib.util import find_spec

from vebus_protocol.errors import VEBusError
from vebus_tools.cli.failures import FAILED

__all__ = ["MissingExtraError", "has", "require"]


class MissingExtraError(VEBusError):
    """Work was asked for that needs a library which is not installed; nothing was read or written yet."""

    exit_code = FAILED


def has(*modules: str) -> bool:
    """Whether all these modules are installed; none of them is loaded."""
    return all(find_spec(module) is not None for module in modules)


def require(what: str, *modules: str, extra: str) -> None:
    """Make sure that modules are installed, without loading them.

    Args:
        what: What needs them, as the beginning of the line: ``Parquet``, ``A chart as PNG``.
        modules: Names as they are imported, which are also those of the packages.
        extra: The extra of this package that brings them.

    Raises:
        MissingExtraError: ``Parquet needs pyarrow; install it with: pip install 'vebus-tools[export]'``.
    """
    missing = [module for module in modules if not has(module)]
    if missing:
        them = "it" if len(missing) == 1 else "them"
        named = " and ".join(missing)
        raise MissingExtraError(f"{what} needs {named}; install {them} with: pip install 'vebus-tools[{extra}]'")
