"""When dated contracts are delivered: far enough ahead that nothing listed runs out while a venue is up."""

import calendar
from datetime import UTC, date, datetime, timedelta
from typing import Final

__all__ = ["delivery_ms", "delivery_of"]

_FRIDAY: Final = 4
_JUNE: Final = 6
_DELIVERY_HOUR: Final = 8
_LEAST_DAYS_AHEAD: Final = 60


def delivery_of(now_ns: int) -> date:
    """The delivery date of everything dated: the last Friday of a June that is at least two months ahead."""
    today = datetime.fromtimestamp(now_ns // 10**9, UTC).date()
    for year in (today.year, today.year + 1):
        last = date(year, _JUNE, calendar.monthrange(year, _JUNE)[1])
        last -= timedelta(days=(last.weekday() - _FRIDAY) % 7)
        if (last - today).days >= _LEAST_DAYS_AHEAD:
            return last
    raise AssertionError("next year's June lies ahead")


def delivery_ms(delivery: date) -> int:
    """The moment of delivery: 08:00 UTC of its day, in milliseconds."""
    return int(datetime(delivery.year, delivery.month, delivery.day, _DELIVERY_HOUR, tzinfo=UTC).timestamp()) * 1_000
