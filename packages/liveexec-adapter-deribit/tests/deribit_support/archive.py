"""A venue's records of one account, as its pages tell them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from liveexec_deribit.rpc import Frame, Refusal, read_frame
from liveexec_deribit.wire import RpcError

__all__ = ["Records"]


class Records:
    """Trades and orders, each recent or old; answers questions as the session or the archive does."""

    def __init__(
        self,
        trades: Sequence[dict[str, Any]] = (),
        orders: Sequence[dict[str, Any]] = (),
        old_trades: Sequence[dict[str, Any]] = (),
        old_orders: Sequence[dict[str, Any]] = (),
        newest_by: str = "creation_timestamp",
    ) -> None:
        self._newest_by = newest_by
        self._trades = {False: list(trades), True: list(old_trades)}
        self._orders = {False: list(orders), True: list(old_orders)}
        #: What was asked: (method, parameters).
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        #: Methods that are refused, with the error.
        self.refused: dict[str, RpcError] = {}

    async def ask(self, method: str, params: Mapping[str, Any]) -> Frame:
        """Answer a question."""
        self.asked.append((method, params))
        if method in self.refused:
            raise Refusal(method, self.refused[method])
        match method:
            case "private/get_user_trades_by_currency_and_time":
                return _frame(self._trade_page(params))
            case "private/get_order_history_by_instrument":
                return _frame(self._order_page(params))
            case "private/get_order_state_by_label":
                return _frame([each for each in self._orders[False] if each["label"] == params["label"]])
            case "private/get_order_state":
                for each in self._orders[False]:
                    if each["order_id"] == params["order_id"]:
                        return _frame(each)
        raise Refusal(method, RpcError(10004, "order_not_found"))

    def _trade_page(self, params: Mapping[str, Any]) -> Any:
        if params["currency"] != "BTC":
            return {"trades": [], "has_more": False}
        since, count = params["start_timestamp"], params["count"]
        found = [each for each in self._trades[params["historical"]] if each["timestamp"] >= since]
        found.sort(key=lambda each: int(each["timestamp"]))
        return {"trades": found[:count], "has_more": len(found) > count}

    def _order_page(self, params: Mapping[str, Any]) -> Any:
        found = sorted(self._orders[params["historical"]], key=lambda each: int(each[self._newest_by]), reverse=True)
        start = int(params.get("continuation", "0"))
        end = start + params["count"]
        return {"orders": found[start:end], "continuation": str(end) if end < len(found) else None}


def _frame(result: Any) -> Frame:
    return read_frame(json.dumps({"id": 1, "result": result, "usIn": 1_767_978_363_000_000, "usOut": 0}))
