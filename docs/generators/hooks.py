"""The hooks, from :mod:`liveexec.plugins.hookspecs`."""

import ast
import inspect
import re
from collections.abc import Callable
from typing import Any, Final

from generators.markdown import called, prose
from liveexec.plugins import hookspecs

__all__ = ["hook_sections", "hooks", "signature_of"]

_ADDED: Final = re.compile(r"\.\. versionadded:: (\S+)")


def hook_sections() -> str:
    """A section for each hook: its signature as it stands, since when it is there, and what it is for."""
    return "\n\n".join(_section(hook) for hook in hooks())


def hooks() -> list[Callable[..., Any]]:
    """Every hook specification, by name."""
    return [
        function
        for name, function in sorted(vars(hookspecs).items())
        if inspect.isfunction(function) and hasattr(function, "liveexec_spec")
    ]


def signature_of(hook: Callable[..., Any]) -> str:
    """The hook without its docstring, as its specification writes it."""
    (definition,) = ast.parse(inspect.getsource(hook)).body
    assert isinstance(definition, ast.FunctionDef)
    assert definition.returns is not None
    arguments = [ast.unparse(each) for each in definition.args.args]
    return called(f"def {definition.name}", arguments, f"{ast.unparse(definition.returns)}: ...")


def _section(hook: Callable[..., Any]) -> str:
    added = _ADDED.search(inspect.getdoc(hook) or "")
    if added is None:
        raise LookupError(f"{hook.__name__} does not say since when it is there")
    return "\n\n".join(
        (
            f"### {hook.__name__}",
            f"```py\n@hookimpl\n{signature_of(hook)}\n```",
            prose(hook.__doc__),
            f"Since version {added.group(1)} of the plugin API.",
        )
    )
