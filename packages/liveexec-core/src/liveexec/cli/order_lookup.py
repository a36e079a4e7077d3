"""Which order somebody means: by its id, by a part of it, or by the operation id that its caller gave.

An id may be cut: at its end, as people copy it, or at its beginning, as narrow tables show it (``…3XRZP16B``).
"""

from typing import Final

from liveexec.domain.ids import OrderId, is_order_id
from liveexec.errors import Fault, InvalidInput, NotFound
from liveexec.storage.database import Database

__all__ = ["find_order"]

#: Ids compare by their bytes, and none of their characters lies above the tilde: all that begin with $1.
_BY_BEGINNING: Final = """
SELECT order_id FROM unified_orders WHERE order_id >= $1 AND order_id < $1 || '~' ORDER BY order_id LIMIT $2
"""
_BY_OPERATION: Final = """
SELECT DISTINCT order_id FROM operations WHERE operation_id = $1 ORDER BY order_id LIMIT $2
"""
#: Walks the whole index of ids, so it comes last.
_BY_END: Final = """
SELECT order_id FROM unified_orders WHERE right(order_id, length($1)) = $1 ORDER BY order_id LIMIT $2
"""
_HEAD: Final = "ORD-"
#: Fewer characters of an id would name an order by chance.
_LEAST: Final = 4
_SHOWN: Final = 5


async def find_order(database: Database, text: str) -> OrderId:
    """The one order that the text names.

    Raises:
        NotFound: it names none.
        InvalidInput: it names several.
    """
    asked = text.strip()
    for statement, argument in _ways(asked):
        async with database.read("looking for the order") as connection:
            rows = await connection.fetch(statement, argument, _SHOWN + 1)
        if rows:
            return _only([OrderId(row["order_id"]) for row in rows], asked)
    raise NotFound(f"there is no order {asked[:80]!r} here: give an order id, a part of one, or an operation id")


def _ways(asked: str) -> list[tuple[str, str]]:
    """What to ask for, the surest first: (statement, argument)."""
    part = asked.lstrip("…").upper()
    names_an_id = part.startswith(_HEAD)
    digits = part.removeprefix(_HEAD)
    operation = (_BY_OPERATION, asked)
    if not digits.isascii() or not digits.isalnum() or (len(digits) < _LEAST and not names_an_id):
        return [operation]
    beginning = (_BY_BEGINNING, _HEAD + digits)
    if is_order_id(part):
        return [beginning, operation]
    return [operation, beginning] if names_an_id else [operation, beginning, (_BY_END, digits)]


def _only(found: list[OrderId], asked: str) -> OrderId:
    if len(found) == 1:
        return found[0]
    listed = ", ".join(found[:_SHOWN]) + (" and more" if len(found) > _SHOWN else "")
    raise InvalidInput("ID", [Fault("", f"{asked[:80]!r} names several orders, give more of it: {listed}")])
