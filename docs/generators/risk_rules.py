"""The built-in risk rules, from :mod:`liveexec.engine.rules`."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from generators.markdown import code, prose, table
from liveexec.config.sections import RiskSection
from liveexec.domain.order_event import RiskStage
from liveexec.engine.rules import BUILT_IN_RULES

__all__ = ["codes_by_rule", "risk_rule_sections", "risk_rule_table"]

_SECTION: Final = frozenset(attribute.name for attribute in attrs.fields(RiskSection))
_STAGES: Final[Mapping[frozenset[RiskStage], str]] = {
    frozenset({RiskStage.PARENT}): "parent",
    frozenset({RiskStage.LEG}): "leg",
    frozenset(RiskStage): "parent, leg",
}
_WORD: Final = re.compile(r"`(\w+)`")


def risk_rule_table() -> str:
    """Every rule in its precedence: code, stages and what configures it."""
    rows = [
        (
            str(number),
            f"[{code(rule.code)}](#{rule.code.lower()})",
            _STAGES[rule.stages],
            ", ".join(code(each) for each in _settings(name, rule)) or "always on",
        )
        for number, (name, rule) in enumerate(_rules(), 1)
    ]
    return table(("", "code", "stages", "configured by (`risk_engine`)"), rows)


def risk_rule_sections() -> str:
    """A section for each rule: what it compares with what."""
    return "\n\n".join(f"### {rule.code}\n\n{_said(rule)}" for _, rule in _rules())


def codes_by_rule() -> dict[str, str]:
    """The code of each rule's refusals, in the rules' precedence."""
    return {name: rule.code for name, rule in _rules()}


def _rules() -> Iterator[tuple[str, Any]]:
    """Each rule's name and class: the one in its factory's module that bears the name."""
    for name, factory in BUILT_IN_RULES.items():
        module = sys.modules[factory.__module__]
        classes = [
            each
            for each in vars(module).values()
            if inspect.isclass(each) and each.__module__ == module.__name__ and getattr(each, "name", None) == name
        ]
        if len(classes) != 1:
            raise LookupError(f"{module.__name__} has {len(classes)} classes of the name {name}")
        yield name, classes[0]


def _settings(name: str, rule: Any) -> list[str]:
    """What the rule's factory reads of the configuration, and what else its class names of it."""
    tree = ast.parse(inspect.getsource(BUILT_IN_RULES[name]))
    read = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "config"
    ]
    named = [each for each in _WORD.findall(prose(rule.__doc__)) if _setting(each) in _SECTION]
    return list(dict.fromkeys(_setting(each) for each in (*read, *named)))


def _setting(name: str) -> str:
    """A setting of the engine by the name that a configuration gives it."""
    if name == "live":
        return "mode"
    in_ms = f"{name.removesuffix('_ns')}_ms"
    return in_ms if in_ms in _SECTION else name


def _said(rule: Any) -> str:
    return _WORD.sub(lambda found: code(_setting(found.group(1))), prose(rule.__doc__))
