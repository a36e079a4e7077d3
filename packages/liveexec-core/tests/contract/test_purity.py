"""domain and engine decide by their inputs alone: a scan of their source for what would let anything else in.

import-linter holds who imports whom; this looks at what is called and what is iterated. It sees syntax, not types: a
set is known by its literal, its call, its annotation, or by a name that some pure module says is a set and none says
is anything else.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import liveexec

ROOT = Path(liveexec.__file__).parent
PURE = sorted(path for room in ("domain", "engine") for path in (ROOT / room).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in PURE]

BANNED_MODULES = frozenset(
    {
        "anyio",
        "asyncio",
        "asyncpg",
        "random",
        "secrets",
        "socket",
        "sqlalchemy",
        "subprocess",
        "threading",
        "time",
        "uuid",
    }
)
#: Calls that read a clock, make chance or ask the process: the last part of a dotted name is enough to know them.
BANNED_METHODS = frozenset(
    {"now", "utcnow", "today", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "uuid1", "uuid4", "uuid7",
     "urandom", "getpid", "token_bytes", "token_hex", "randbits"}
)  # fmt: skip
#: Built-ins whose result depends on addresses, hash seeds or the outside world.
BANNED_BUILTINS = frozenset({"id", "hash", "input", "open", "print", "eval", "exec", "globals", "__import__"})
SET_TYPES = frozenset({"set", "frozenset", "Set", "AbstractSet", "MutableSet"})
#: Calls that take an iterable and don't depend on its order, so that a set may go in.
ORDER_FREE = frozenset({"all", "any", "len", "max", "min", "sorted", "sum", "set", "frozenset"})

Finding = tuple[int, str]


def findings(source: str, set_names: frozenset[str] = frozenset()) -> list[Finding]:
    """Everything in a module that breaks the rules, as (line, what)."""
    tree = ast.parse(source)
    known = set_names | set_attributes(tree)
    return sorted({*_imports(tree), *_calls(tree), *_iterations(tree, known)})


def set_attributes(tree: ast.AST) -> frozenset[str]:
    """Names that a module says are sets, by annotation or by what is assigned to them."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), annotation=annotation, value=value):
                if _is_set_type(annotation) or (value is not None and _makes_set(value)):
                    names.add(name)
            case ast.Assign(targets=targets, value=value) if _makes_set(value):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.arg(arg=name, annotation=annotation) if annotation is not None and _is_set_type(annotation):
                names.add(name)
    return frozenset(names)


def _imports(tree: ast.AST) -> Iterator[Finding]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module=module):
                modules = [module or ""]
            case _:
                continue
        for module in modules:
            if module.split(".")[0] in BANNED_MODULES:
                yield node.lineno, f"imports {module}"


def _calls(tree: ast.AST) -> Iterator[Finding]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in BANNED_METHODS:
                yield node.lineno, f"calls .{name}()"
            case ast.Call(func=ast.Name(id=name)) if name in BANNED_BUILTINS | BANNED_METHODS:
                yield node.lineno, f"calls {name}()"
            case ast.keyword(arg="key", value=ast.Name(id="id" | "hash")):
                yield node.value.lineno, "orders by id() or hash()"


def _iterations(tree: ast.AST, known: frozenset[str]) -> Iterator[Finding]:
    free = set()
    for node in ast.walk(tree):
        # What is sorted, counted or searched whole may come from a set.
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ORDER_FREE:
            free |= {id(argument) for argument in node.args}
    for node in ast.walk(tree):
        match node:
            case ast.For(iter=iterated) | ast.AsyncFor(iter=iterated):
                sources = [iterated]
            case (
                ast.ListComp(generators=generators)
                | ast.DictComp(generators=generators)
                | ast.GeneratorExp(generators=generators)
            ):
                sources = [] if id(node) in free else [generator.iter for generator in generators]
            case ast.Call(
                func=ast.Name(id="list" | "tuple" | "enumerate" | "iter" | "next" | "zip" | "map"), args=sources
            ):
                pass
            case ast.Starred(value=value):
                sources = [value]
            case ast.Call(func=ast.Attribute(attr="join" | "extend"), args=sources):
                pass
            case _:
                continue
        for source in sources:
            if _is_set(source, known):
                yield source.lineno, f"iterates a set: {ast.unparse(source)}"


def _is_set(node: ast.expr, known: frozenset[str]) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in known
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right):
            return _is_set(left, known) or _is_set(right, known)
        case ast.BoolOp(values=values):
            return any(_is_set(value, known) for value in values)
        case ast.IfExp(body=body, orelse=orelse):
            return _is_set(body, known) or _is_set(orelse, known)
        case _:
            return _makes_set(node)


def _makes_set(node: ast.expr) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.Call(func=ast.Attribute(attr="union" | "intersection" | "difference" | "symmetric_difference")):
            return True
        case ast.Call(func=ast.Name(id="field"), keywords=keywords):
            return any(
                keyword.arg == "factory" and isinstance(keyword.value, ast.Name) and keyword.value.id in SET_TYPES
                for keyword in keywords
            )
        case _:
            return False


def _is_set_type(annotation: ast.expr) -> bool:
    match annotation:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in SET_TYPES
        case ast.Subscript(value=ast.Name(id="Final"), slice=inner):
            return _is_set_type(inner)
        case ast.Subscript(value=value):
            return _is_set_type(value)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_set_type(left) or _is_set_type(right)
        case _:
            return False


def shared_sets() -> frozenset[str]:
    """Names that are sets wherever domain and engine annotate them: fields and constants used across modules."""
    sets: set[str] = set()
    others: set[str] = set()
    for path in PURE:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        sets |= set_attributes(tree)
        others |= _names_of_other_types(tree)
    return frozenset(sets - others)


def _names_of_other_types(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), annotation=annotation, value=value):
                is_final = isinstance(annotation, ast.Name) and annotation.id == "Final"
                if not is_final and not _is_set_type(annotation) and not (value is not None and _makes_set(value)):
                    names.add(name)
            case ast.arg(arg=name, annotation=annotation) if annotation is not None and not _is_set_type(annotation):
                names.add(name)
    return names


SHARED_SETS = shared_sets()


def test_there_is_something_to_scan() -> None:
    assert len(PURE) > 30
    assert {"domain/order.py", "engine/engine.py"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_pure_module_lets_nothing_in_but_its_inputs(name: str) -> None:
    found = findings((ROOT / name).read_text(encoding="utf-8"), SHARED_SETS)
    assert not found, "\n".join(f"{name}:{line}: {what}" for line, what in found)


def test_the_domains_own_sets_are_known_by_name() -> None:
    assert {"OPEN_STATUSES", "pegged_assets", "sides", "undone_fills"} <= SHARED_SETS


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import time", "imports time"),
        ("from random import choice", "imports random"),
        ("import asyncio.tasks as t", "imports asyncio.tasks"),
        ("from datetime import datetime\nx = datetime.now()", "calls .now()"),
        ("def f(clock):\n    return clock.monotonic()", "calls .monotonic()"),
        ("from uuid import uuid4\nx = uuid4()", "calls uuid4()"),
        ("def f(x):\n    return id(x)", "calls id()"),
        ("def f(x):\n    return sorted(x, key=id)", "orders by id() or hash()"),
        ("for x in {1, 2}:\n    pass", "iterates a set: {1, 2}"),
        ("for x in set(a):\n    pass", "iterates a set: set(a)"),
        ("x = [y for y in {z for z in a}]", "iterates a set: {z for z in a}"),
        ("A = frozenset({1})\nfor x in A:\n    pass", "iterates a set: A"),
        ("A: Final = {1, 2}\nx = list(A)", "iterates a set: A"),
        ("class C:\n    a: set[int]\ndef f(c):\n    return tuple(c.a)", "iterates a set: c.a"),
        ("class C:\n    a: set[int] | None\ndef f(c):\n    return [x for x in c.a or ()]", "iterates a set: c.a or ()"),
        ("def f(a: set[int], b):\n    for x in a - b:\n        pass", "iterates a set: a - b"),
        ("def f(a: set[str]):\n    return ', '.join(a)", "iterates a set: a"),
        ("def f(a: set[str]):\n    return [*a]", "iterates a set: a"),
        ("def f(order):\n    return list(order.undone_fills)", "iterates a set: order.undone_fills"),
    ],
)  # fmt: skip
def test_the_scan_finds_what_it_is_for(source: str, what: str) -> None:
    assert what in [found for _, found in findings(source, SHARED_SETS)]


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\ndef f(at_ns):\n    return datetime.fromtimestamp(at_ns)",
        "def f(a: set[int]):\n    return sorted(a)",
        "def f(a: set[int]):\n    return any(x > 1 for x in a)",
        "def f(a: set[int]):\n    return {x + 1 for x in a}",
        "def f(a: set[int], x):\n    return x in a and len(a) > 1",
        "def f(a: dict[str, int]):\n    return [x for x in a]",
        "def f(a: list[int]):\n    for x in a:\n        pass",
        "class C:\n    timer: int\ndef f(c):\n    return c.timer",
    ],
)
def test_the_scan_leaves_alone_what_is_sound(source: str) -> None:
    assert findings(source, SHARED_SETS) == []
