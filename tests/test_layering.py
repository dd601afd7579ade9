"""Who may import whom: the order of the layers, held in one list.

A module may import what stands above it in LAYERS, never what stands beside or below it. The imports are read with
`ast`, so an import inside a function or under `TYPE_CHECKING` counts like any other.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from textwrap import dedent

import pytest

from tests.checkout import PACKAGES, modules


@dataclass(frozen=True, slots=True)
class Layer:
    """One module, or one package with all its submodules (which may import each other)."""

    name: str
    third_party: frozenset[str] = frozenset()


def layer(name: str, *third_party: str) -> Layer:
    return Layer(name, frozenset(third_party))


LAYERS = (
    # --- the protocol: standard library only; the untyped world of construct ends in structs ---
    layer("vebus_protocol.face"),
    layer("vebus_protocol.errors"),
    layer("vebus_protocol.expressions"),
    layer("vebus_protocol.structs", "construct"),
    layer("vebus_protocol.schema"),
    layer("vebus_protocol.enums"),
    layer("vebus_protocol.variables"),
    layer("vebus_protocol.scaling"),
    layer("vebus_protocol.version"),
    layer("vebus_protocol.frame"),
    layer("vebus_protocol.mk3"),
    layer("vebus_protocol.sync"),
    layer("vebus_protocol.status"),
    layer("vebus_protocol.info"),
    layer("vebus_protocol.switch"),
    layer("vebus_protocol.winmon"),
    layer("vebus_protocol.adapter"),
    layer("vebus_protocol.bms"),
    layer("vebus_protocol.registry"),
    layer("vebus_protocol"),
    layer("vebus_protocol.reference"),
    # --- the toolkit: what we do with it ---
    layer("vebus_tools.records"),
    layer("vebus_tools.names"),
    layer("vebus_tools.times"),
    layer("vebus_tools.timebase"),
    layer("vebus_tools.framing"),
    layer("vebus_tools.decoder"),
    layer("vebus_tools.exchanges"),
    layer("vebus_tools.assistants"),
    layer("vebus_tools.session"),
    layer("vebus_tools.tally"),
    layer("vebus_tools.nodes"),
    layer("vebus_tools.frame_fields"),
    layer("vebus_tools.field_nodes"),
    layer("vebus_tools.dissection"),
    layer("vebus_tools.kinds"),
    layer("vebus_tools.glossary"),
    layer("vebus_tools.filter_syntax"),
    layer("vebus_tools.filter_values"),
    layer("vebus_tools.filters"),
    layer("vebus_tools.generated"),
    layer("vebus_tools.portrait"),
    layer("vebus_tools.differences"),
    layer("vebus_tools.plotting", "matplotlib"),
    layer("vebus_tools.bulk", "numpy", "pyarrow", "duckdb"),
    layer("vebus_tools.statistics"),
    layer("vebus_tools.statistics.stream_columns", "numpy"),
    layer("vebus_tools.battery"),
    layer("vebus_tools.firmware"),
    layer("vebus_tools.emulator"),
    layer("vebus_tools.interlocks"),
    layer("vebus_tools.simulator"),
    layer("vebus_tools.rehearsal"),
    layer("vebus_tools.link", "serial"),
    layer("vebus_tools.capture", "scapy"),
    layer("vebus_tools.wireshark"),
    layer("vebus_tools.scapy_layers", "scapy"),
    layer("vebus_tools.sinks", "rich"),
    layer("vebus_tools.bulk_text", "numpy"),
    layer("vebus_tools.view.model"),
    layer("vebus_tools.view.keys"),
    layer("vebus_tools.view.update"),
    layer("vebus_tools.view.controls"),
    layer("vebus_tools.view.screen", "rich"),
    layer("vebus_tools.view", "rich"),
    layer("vebus_tools.panel.model"),
    layer("vebus_tools.panel.entry"),
    layer("vebus_tools.panel.screen", "rich"),
    layer("vebus_tools.panel", "rich"),
    layer("vebus_tools.live"),
    layer("vebus_tools.transmitter"),
    layer("vebus_tools.extcap"),
    layer("vebus_tools.player"),
    layer("vebus_tools.runner"),
    layer("vebus_tools.export.schema"),
    layer("vebus_tools.export.tables"),
    layer("vebus_tools.export.rows"),
    layer("vebus_tools.export.wide", "numpy"),
    layer("vebus_tools.export.arrow_files", "numpy", "pyarrow"),
    layer("vebus_tools.export", "duckdb"),
    layer("vebus_tools"),
    layer("vebus_tools.cli", "typer", "rich"),
)

# The public face of a package: its entry stands for its __init__ alone, not for the submodules.
FACES = frozenset(PACKAGES)

# Modules of one group know nothing of each other, whatever their order above.
STRANGERS = (
    tuple(f"vebus_protocol.{name}" for name in ("sync", "status", "info", "switch", "winmon", "adapter", "bms")),
    ("vebus_tools.emulator", "vebus_tools.simulator"),  # they meet on a wire in a test
    (
        "vebus_tools.sinks",
        "vebus_tools.live",
        "vebus_tools.runner",
    ),  # both know the Sink protocol of records, that is enough
    ("vebus_tools.link", "vebus_tools.capture"),  # the two byte edges
)

# A pure policy: a function of numbers, to be reviewed without knowing any of the rest.
STANDALONE = frozenset({"vebus_protocol.errors", "vebus_tools.battery"})

# Slow to import, so only inside the function that needs it, except where the whole module is about it.
SLOW = frozenset({"duckdb", "matplotlib", "numpy", "pyarrow", "rich", "scapy"})
ABOUT_SLOW = frozenset(
    {
        "vebus_tools.bulk",
        "vebus_tools.bulk_text",
        "vebus_tools.export.arrow_files",
        "vebus_tools.export.wide",
        "vebus_tools.scapy_layers",
        "vebus_tools.statistics.stream_columns",
    }
)

# No I/O, clock or thread in the core: time and bytes come in as arguments.
CORE_NEVER = frozenset(
    {"asyncio", "logging", "multiprocessing", "select", "selectors", "socket", "subprocess", "threading", "time", "tty"}
)
EDGES = frozenset(
    {
        f"vebus_tools.{name}"
        for name in (
            "link",
            "capture",
            "wireshark",
            "scapy_layers",
            "sinks",
            "view",
            "panel",
            "live",
            "transmitter",
            "extcap",
            "player",
            "runner",
            "cli",
        )
    }
    | {"vebus_protocol.reference"}
)


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, by its absolute dotted name."""

    name: str
    line: int
    lazy: bool
    """Inside a function, or for the type checker only: costs nothing when the module is loaded."""

    @property
    def root(self) -> str:
        return self.name.partition(".")[0]


def imports_of(source: str, module: str, *, is_package: bool, known: frozenset[str]) -> Iterator[Import]:
    """Every import statement of a source text; `from package import x` names package.x where that is a module."""
    package = module if is_package else module.rpartition(".")[0]
    for node, lazy in _statements(ast.parse(source), lazy=False):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            names = {name if (name := f"{origin}.{alias.name}") in known else origin for alias in node.names}
            yield from (Import(name, node.lineno, lazy) for name in sorted(names))


def _statements(node: ast.AST, *, lazy: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        yield child, lazy
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(child, ast.If) and ast.unparse(child.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        )
        yield from _statements(child, lazy=lazy or inside)


MODULES = modules()
RANK = {entry.name: rank for rank, entry in enumerate(LAYERS)}


def layer_of(module: str) -> Layer | None:
    """The entry that covers a module: its own, or that of a package around it."""
    name = module
    while name and name not in RANK:
        name = name.rpartition(".")[0]
    if not name or (name in FACES and name != module):
        return None
    return LAYERS[RANK[name]]


def _read(module: str) -> list[Import]:
    path = MODULES[module]
    source = path.read_text(encoding="utf-8")
    return list(imports_of(source, module, is_package=path.name == "__init__.py", known=frozenset(MODULES)))


def _wrong_directions(module: str, imports: list[Import]) -> list[str]:
    own = layer_of(module)
    assert own is not None, f"{module} is not in LAYERS"
    wrong = []
    for found in imports:
        if found.root not in PACKAGES:
            continue
        other = layer_of(found.name)
        if other is None:
            wrong.append(f"line {found.line}: {found.name} is not in LAYERS")
        elif other is not own and RANK[other.name] >= RANK[own.name]:
            wrong.append(f"line {found.line}: {found.name} stands below {own.name}")
        elif other is not own and any({own.name, other.name} <= set(group) for group in STRANGERS):
            wrong.append(f"line {found.line}: {own.name} and {other.name} may not know each other")
        elif own.name in STANDALONE and other is not own:
            wrong.append(f"line {found.line}: {own.name} stands alone and may not import {found.name}")
    return wrong


@pytest.fixture(params=list(MODULES))
def module(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_both_packages_are_there() -> None:
    assert {name.partition(".")[0] for name in MODULES} == set(PACKAGES)


def test_every_module_has_a_layer() -> None:
    unlisted = [name for name in MODULES if layer_of(name) is None]
    assert not unlisted, (
        f"not in LAYERS of {Path(__file__).name}: {', '.join(unlisted)}. "
        "Decide what they may import and give them a place in the list."
    )


def test_no_name_is_listed_twice() -> None:
    assert len(RANK) == len(LAYERS)
    assert {name for group in STRANGERS for name in group} | STANDALONE | ABOUT_SLOW | EDGES <= set(RANK)


def test_module_imports_only_what_stands_above_it(module: str) -> None:
    assert _wrong_directions(module, _read(module)) == []


def test_the_protocol_never_imports_the_toolkit() -> None:
    protocol = [name for name in MODULES if name.partition(".")[0] == "vebus_protocol"]
    wrong = {name: found for name in protocol for found in _read(name) if found.root == "vebus_tools"}
    assert wrong == {}


def test_module_uses_only_the_third_party_packages_of_its_layer(module: str) -> None:
    own = layer_of(module)
    assert own is not None
    allowed = sys.stdlib_module_names | own.third_party | set(PACKAGES)
    assert [found for found in _read(module) if found.root not in allowed] == []


def test_slow_packages_are_imported_only_where_needed(module: str) -> None:
    own = layer_of(module)
    assert own is not None
    early = [found for found in _read(module) if found.root in SLOW and not found.lazy]
    assert own.name in ABOUT_SLOW or early == []


def test_the_core_has_no_io_clock_or_thread(module: str) -> None:
    own = layer_of(module)
    assert own is not None
    wrong = [found for found in _read(module) if found.root in CORE_NEVER]
    assert own.name in EDGES or wrong == []


# --- the reader itself -----------------------------------------------------------------------------------------------
KNOWN = frozenset({"vebus_tools", "vebus_tools.records", "vebus_tools.sinks", "vebus_tools.sinks.text"})


@pytest.mark.parametrize(
    ("source", "module", "expected"),
    [
        ("import a.b, c", "vebus_tools.session", ["a.b", "c"]),
        ("from vebus_tools import records", "vebus_tools.session", ["vebus_tools.records"]),
        ("from vebus_tools import Record", "vebus_tools.session", ["vebus_tools"]),
        ("from vebus_tools.records import Record", "vebus_tools.session", ["vebus_tools.records"]),
        ("from . import records", "vebus_tools.session", ["vebus_tools.records"]),
        ("from .records import Record", "vebus_tools.session", ["vebus_tools.records"]),
        ("from .records import Record", "vebus_tools", ["vebus_tools.records"]),
        ("from .text import line", "vebus_tools.sinks", ["vebus_tools.sinks.text"]),
        ("from .text import line", "vebus_tools.sinks.tree", ["vebus_tools.sinks.text"]),
        ("from ..records import Record", "vebus_tools.sinks.text", ["vebus_tools.records"]),
        ("from .. import records, Record", "vebus_tools.sinks.text", ["vebus_tools", "vebus_tools.records"]),
    ],
)
def test_reader_resolves_names(source: str, module: str, expected: list[str]) -> None:
    found = imports_of(source, module, is_package=module in {"vebus_tools", "vebus_tools.sinks"}, known=KNOWN)
    assert [entry.name for entry in found] == expected


def test_reader_tells_early_imports_from_lazy_ones() -> None:
    source = dedent("""
        import early
        if TYPE_CHECKING:
            import typed
        class A:
            import in_class
            def method(self):
                if self:
                    import late
    """)
    found = imports_of(source, "vebus_tools.session", is_package=False, known=KNOWN)
    assert [(entry.name, entry.lazy) for entry in found] == [
        ("early", False),
        ("typed", True),
        ("in_class", False),
        ("late", True),
    ]


@pytest.mark.parametrize(
    ("module", "imported", "complaint"),
    [
        ("vebus_protocol.sync", "vebus_protocol.winmon", "stands below"),
        ("vebus_protocol.winmon", "vebus_protocol.sync", "may not know each other"),
        ("vebus_protocol.frame", "vebus_tools.records", "stands below"),
        ("vebus_tools.records", "vebus_tools.decoder", "stands below"),
        ("vebus_tools.decoder", "vebus_tools", "stands below"),
        ("vebus_tools.runner", "vebus_tools.sinks.text", "may not know each other"),
        ("vebus_tools.battery", "vebus_tools.records", "stands alone"),
        ("vebus_tools.session", "vebus_tools.helpers", "not in LAYERS"),
    ],
)
def test_wrong_direction_is_seen(module: str, imported: str, complaint: str) -> None:
    (message,) = _wrong_directions(module, [Import(imported, 1, lazy=False)])
    assert complaint in message


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("vebus_protocol.winmon", "vebus_protocol.schema"),
        ("vebus_protocol", "vebus_protocol.registry"),
        ("vebus_tools.records", "vebus_protocol"),
        ("vebus_tools.capture.raw", "vebus_tools.capture.detect"),
        ("vebus_tools.cli.decode", "vebus_tools.sinks.text"),
    ],
)
def test_right_direction_is_accepted(module: str, imported: str) -> None:
    assert _wrong_directions(module, [Import(imported, 1, lazy=False)]) == []


def test_strangers_stay_apart_in_either_order() -> None:
    for group in STRANGERS:
        for first, second in combinations(group, 2):
            assert _wrong_directions(first, [Import(second, 1, lazy=False)]) != []
            assert _wrong_directions(second, [Import(first, 1, lazy=False)]) != []
