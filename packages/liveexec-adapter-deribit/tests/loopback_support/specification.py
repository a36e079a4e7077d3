"""The venue's OpenAPI document as schemas, and what it gets wrong about the venue's own traffic."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT7

#: Beside the checkout, where there is one.
FOLDER = Path(__file__).parents[5] / "shared" / "data" / "deribit"
_URN = "urn:deribit"


@attrs.frozen
class Fault:
    """One place where a message does not fit the specification: its path (list indexes as ``*``) and why."""

    method: str
    path: str
    rule: str
    message: str


@cache
def document(name: str) -> dict[str, Any]:
    """One of the venue's documents; skips the test where they are not here."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"the venue's specification is not here ({path})")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def recorded(name: str) -> dict[str, Any]:
    """A message recorded at the venue."""
    return document(f"recorded/{name}.json")


def faults_of_answer(method: str, answer: Mapping[str, Any]) -> Iterator[Fault]:
    """What of an answer does not fit the method's 200 response."""
    responses = document("deribit_openapi.json")["paths"][f"/{method}"]["get"]["responses"]
    reference = responses["200"].get("$ref")
    if reference is None:
        return
    name = reference.rpartition("/")[2]
    schema = {"$ref": f"{_URN}#/components/responses/{name}/content/application~1json/schema"}
    yield from _faults(method, schema, answer)


def faults_of(name: str, value: object) -> Iterator[Fault]:
    """What of a value does not fit a named schema."""
    yield from _faults(name, {"$ref": f"{_URN}#/components/schemas/{name}"}, value)


def _faults(method: str, schema: Mapping[str, Any], value: object) -> Iterator[Fault]:
    validator = jsonschema.Draft7Validator(schema, registry=_registry())
    for error in validator.iter_errors(value):
        path = ".".join("*" if isinstance(step, int) else str(step) for step in error.absolute_path)
        yield Fault(method, path, str(error.validator), error.message[:200])


@cache
def _registry() -> Registry[Any]:
    contents = json.loads(json.dumps(document("deribit_openapi.json")))
    # Two references lead nowhere. What they name is in the examples: a price, or "market_price" for a stop.
    contents["components"]["schemas"].setdefault("open_order_price", {"type": ["number", "string"]})
    registry: Registry[Any] = Registry().with_resource(_URN, DRAFT7.create_resource(_with_null(contents)))
    return registry


def _with_null(schema: Any) -> Any:
    """OpenAPI's ``nullable`` in the words of JSON Schema."""
    if isinstance(schema, list):
        return [_with_null(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    widened = {name: _with_null(each) for name, each in schema.items()}
    if schema.get("nullable") is True and isinstance(schema.get("type"), str):
        widened["type"] = [schema["type"], "null"]
    return widened
