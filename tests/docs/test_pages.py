"""The pages say what the code says: hooks, codes, settings, commands and tables are all there."""

import ast
import base64
import hashlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pluggy
import pytest
from generators import GENERATORS, filled_in
from generators.codes import LATCH_CODES, ORDER_CODES
from generators.commands import commands
from generators.hooks import hooks

import liveexec
from liveexec.assembly import assembled
from liveexec.composition import plugins_of
from liveexec.config.loading import load_config
from liveexec.config.sections import RiskSection
from liveexec.domain.order_state import TRANSITIONS, Derived, OrderStatus
from liveexec.engine import rules
from liveexec.plugins import hookspecs
from liveexec.runtime.metrics import Metrics
from liveexec.storage.schema import metadata

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = ROOT / "packages" / "liveexec-core" / "src" / "liveexec"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
#: Documents on the pages that are configurations.
CONFIGURATIONS = [
    pytest.param(text, id=f"{path.relative_to(ROOT)}-{number}")
    for path in [ROOT / "README.md", *PAGES]
    for number, text in enumerate(re.findall(r"^```json\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL))
    # That of the guide to adapters is about a package that its own test installs.
    if '"mode"' in text and path.name != "write-an-adapter.md"
]

#: So many characters of a line of code fit into a page beside its navigation, 1280 pixels wide.
SEEN = 92

#: What is given codes, by its name (refuse, VenueRejected, change_refused, Finish, LatchSet …), and what holds them.
TAKES_CODES = re.compile(r"refus|reject|finish|latchset", re.IGNORECASE)
NAMED = {
    "ALGORITHM_FAILED",
    "CHILD_REJECTS",
    "OVERFILL",
    "BAD_SETTLEMENT",
    "ADOPTED_TWICE",
    "REPEATED_EXECUTION",
    "RULE_FAILED",
    "code",
}


def page(name: str) -> str:
    """A page as it is built."""
    return filled_in(name, (DOCS / f"{name}.md").read_text(encoding="utf-8"))


def test_every_generator_is_asked_for_and_writes_something() -> None:
    asked = {name for path in PAGES for name in re.findall(r"<!-- generated: (\S+) -->", path.read_text("utf-8"))}
    assert asked == set(GENERATORS)
    assert not [name for name, generator in GENERATORS.items() if not generator().strip()]


def test_a_page_that_asks_for_what_nobody_writes_is_an_error() -> None:
    with pytest.raises(LookupError, match="nowhere"):
        filled_in("page", "<!-- generated: nowhere -->")


def test_every_hook_is_documented_with_its_exact_signature() -> None:
    manager = pluggy.PluginManager("liveexec")
    manager.add_hookspecs(hookspecs)
    specified = {name: getattr(manager.hook, name).spec for name in vars(manager.hook) if name.startswith("liveexec_")}
    assert specified
    documented = {
        definition.name: definition
        for block in re.findall(r"^```py\n(.*?)^```", page("reference/hooks"), re.MULTILINE | re.DOTALL)
        for definition in ast.parse(block).body
        if isinstance(definition, ast.FunctionDef)
    }
    assert documented.keys() == specified.keys() == {hook.__name__ for hook in hooks()}
    for name, spec in specified.items():
        assert tuple(each.arg for each in documented[name].args.args) == spec.argnames
        # Letter by letter as the specification has it, annotations included.
        written = ast.unparse(documented[name]).removeprefix("@hookimpl\n").removesuffix("\n    ...")
        assert f"{written}\n" in inspect.getsource(spec.function)


def test_every_public_name_is_documented() -> None:
    names = re.findall(r"^## (\w+)\n\n(\S.*)", page("reference/names"), re.MULTILINE)
    assert [name for name, _ in names] == sorted(liveexec.__all__)
    assert len(names) <= 40


def test_every_rule_is_documented_with_its_code_in_the_order_of_precedence() -> None:
    listed = re.findall(r"^\| \d+ \| \[`([A-Z_]+)`\]\(#(\w+)\)", page("concepts/risk"), re.MULTILINE)
    assert [anchor for _, anchor in listed] == list(rules.BUILT_IN_RULES)
    assert [code.lower() for code, _ in listed] == list(rules.BUILT_IN_RULES)


def test_every_limit_of_the_configuration_belongs_to_a_rule_or_is_explained_there() -> None:
    said = page("concepts/risk")
    # These configure how all rules are run, and what values are worked out from.
    general = {"enabled", "custom", "rule_budget_us", "max_mark_age_ms", "max_rate_age_ms"}
    names = {attribute.name for attribute in attrs.fields(RiskSection)} - general
    assert not [name for name in names if f"`{name}`" not in said]


def test_every_code_that_the_engine_and_the_runtime_use_is_documented() -> None:
    used = {code for folder in ("engine", "runtime", "domain") for code in _codes_in(SOURCES / folder)}
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", page("reference/errors-and-codes"), re.MULTILINE))
    assert used
    assert used <= documented
    assert {*ORDER_CODES, *LATCH_CODES} <= used


def test_every_transition_is_documented() -> None:
    rows = re.findall(r"^\| (.*?) \| (.+?) \| (.+) \|$", GENERATORS["transition-table"](), re.MULTILINE)[2:]
    status, found = "", set()
    for first, result, events in rows:
        status = first.strip("`") or status
        found |= {(status, result.strip("`*"), event.strip("` ")) for event in events.split(",")}
    assert found == {
        (str(status or "(new)"), "stays" if result is Derived.KEEP else str(result), event.__name__)
        for status, events_of in TRANSITIONS.items()
        for event, result in events_of.items()
    }
    explained = page("concepts/order-states")
    assert not [each for each in Derived if each is not Derived.KEEP and f"| *{each}* |" not in explained]
    assert not [each for each in OrderStatus if f"`{each}`" not in explained]


def test_every_diagram_and_every_signature_is_seen_whole() -> None:
    blocks = [
        block
        for path in PAGES
        for block in re.findall(
            r"^```text\n(.*?)^```$", page(str(path.relative_to(DOCS).with_suffix(""))), re.MULTILINE | re.DOTALL
        )
    ]
    assert any("▼" in block for block in blocks)
    assert any("LiveExecutionOrchestrator" in block for block in blocks)
    assert not [line for block in blocks for line in block.splitlines() if len(line) > SEEN]


def test_every_command_every_table_and_every_metric_has_its_place() -> None:
    command_page, schema_page, metrics_page = page("reference/cli"), page("reference/schema"), page("reference/metrics")
    assert ("config", "check") in commands()
    assert not [path for path in commands() if f"\n## {' '.join(('liveexec', *path))}\n" not in command_page]
    assert not [name for name in metadata.tables if f"\n### {name}\n" not in schema_page]
    served = {metric.name for metric in Metrics().registry.collect()}
    assert not [name for name in served if not re.search(rf"^\| `{name}(_total)?` \|", metrics_page, re.MULTILINE)]


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_a_configuration_on_a_page_is_good(text: str) -> None:
    # The readers' own keys: the form of an Ed25519 key (RFC 8410), which some venues ask for.
    key = base64.b64encode(
        bytes.fromhex("302e020100300506032b657004220420") + hashlib.sha256(b"a reader").digest()
    ).decode()
    named = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), key)
    config = load_config(json.loads(text), named | {"DATABASE_URL": "postgresql://user@host/name"})
    assembled(config, plugins_of(config))


def test_every_command_on_a_page_is_one() -> None:
    said = {
        tuple(line.removeprefix("$ ").removeprefix("uv run ").split("#")[0].split()[1:])
        for path in [ROOT / "README.md", *PAGES]
        for block in re.findall(r"^```console\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if line.startswith(("$ liveexec ", "$ uv run liveexec "))
    }
    known = {" ".join(path) for path in commands()}
    assert said
    assert not [words for words in said if not {words[0], " ".join(words[:2])} & (known - {"", "db", "config"})]


def test_every_session_of_nox_is_explained_with_whether_it_runs_by_default() -> None:
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    (line,) = re.findall(r"^nox\.options\.sessions = (\[.*\])$", source, re.MULTILINE)
    sessions = {
        given or defined: defined in ast.literal_eval(line)
        for given, defined in re.findall(r'^@nox\.session\((?:name="([^"]+)")?.*\ndef (\w+)', source, re.MULTILINE)
    }
    explained = re.findall(
        r"^\| `([\w-]+)` \| .* \| (yes|no) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )
    assert {name: said == "yes" for name, said in explained} == sessions


def test_the_help_of_the_program_is_that_of_the_page() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "liveexec", "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    names = re.findall(r"^│ ([a-z]+) ", run.stdout, re.MULTILINE)
    assert names
    assert not [name for name in names if f"\n## liveexec {name}\n" not in page("reference/cli")]


def _codes_in(folder: Path) -> Iterator[str]:
    """What stands where a code does: given to what refuses or ends an order, or named as a code."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and TAKES_CODES.search(_name_of(node.func)):
                yield from (text for given in node.args for text in _constants(given))
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(_name_of(each) in NAMED for target in targets for each in ast.walk(target)):
                    yield from _constants(node.value)


def _constants(given: ast.expr) -> Iterator[str]:
    for node in ast.walk(given):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"[A-Z][A-Z_]{2,}", node.value)
        ):
            yield node.value


def _name_of(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
