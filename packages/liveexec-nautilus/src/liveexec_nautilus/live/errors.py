"""What the reason of a refusal proves.

NautilusTrader's clients turn every failure of a request into a rejection with a text: the venue's own words, and also a
time-out, a lost connection, an answer that could not be read. Only the venue's explicit word is one, and it is known by
its code: a code that the venue documents as a refusal before matching. All others prove nothing. Nor does the word that
an order's id is taken: every order has an id of its own, so the venue has the order already.
"""

import re
from typing import Final

from liveexec.domain.outcome import Rejected, Unknown
from liveexec_nautilus.instruments import NodeVenue

__all__ = ["DENIED", "POST_ONLY", "judged"]

#: The code of orders that the node itself refused before it sent anything.
DENIED: Final = "DENIED"
#: The code of post-only orders that the venue refused or ended because they would have taken.
POST_ONLY: Final = "POST_ONLY"

#: How the codes of a venue stand in the texts of its client.
_CODE: Final = {
    NodeVenue.BINANCE_SPOT: re.compile(r"(?<![\d.])(-\d{4})(?![\d.])"),
    NodeVenue.BINANCE_FUTURES: re.compile(r"(?<![\d.])(-\d{4})(?![\d.])"),
    NodeVenue.BYBIT: re.compile(r"(?<![\d.])(\d{5,6})(?![\d.])"),
    NodeVenue.OKX: re.compile(r"(?<![\d.])(5\d{4})(?![\d.])"),
}

#: Codes of Binance that say that a request was refused and changed nothing (developers.binance.com, "Error codes").
#: Not among them: -1000 and -1001 (internal), -1006 and -1007 (the outcome is unknown), -1008 (overloaded, some of it
#: after matching), -1015 and -1003 (limits: what was refused is not said of a batch), -4116 (the client id is taken).
_BINANCE: Final = frozenset(
    {"-1002", "-1013", "-1014", "-1016", "-1020", "-1021", "-1022"}
    | {f"-{code}" for code in range(1100, 1137)}
    | {"-2008", "-2010", "-2011", "-2013", "-2014", "-2015", "-2018", "-2019", "-2020", "-2021", "-2022"}
    | {"-2023", "-2024", "-2025", "-2026", "-2027", "-2028", "-2038", "-2039"}
    | {f"-{code}" for code in range(4000, 4200)}
    | {f"-{code}" for code in range(5020, 5042)}
) - {"-4116"}
#: Bybit (bybit-exchange.github.io/docs/v5/error): refusals of parameters, of the order's terms and of its funds.
#: Not among them: 10000 and 10016 (server time-out and internal), 10429, 10018 and 10006 (limits), 170007 and 170146
#: and 170147 (the backend timed out; the outcome is unknown), 10014, 110030, 110072 and 170141 (the id is taken).
_BYBIT: Final = frozenset(
    {"10001", "10002", "10003", "10004", "10005", "10010", "10024", "10027", "10028", "10029", "10032"}
    | {str(code) for code in range(110001, 110101)}
    | {"170105", "170115", "170116", "170117", "170121", "170124", "170130", "170131", "170132", "170133", "170134"}
    | {"170135", "170136", "170137", "170139", "170140", "170142", "170143", "170144", "170145"}
    | {"170148", "170149", "170151", "170157", "170159", "170190", "170191", "170192", "170193", "170194", "170195"}
    | {"170196", "170197", "170198", "170199", "170200", "170201", "170202", "170203", "170204", "170206", "170207"}
    | {"170210", "170212", "170213", "170217", "170218", "170221", "170222", "170223", "170224", "170226", "170227"}
) - {"110024", "110030", "110072"}

#: OKX (okx.com/docs-v5, "Error Code"): the order's own code (sCode) and those of its request that are about its terms.
#: Not among them: 50001, 50004, 50013, 50026 (not available, time-out, busy, internal), 50011 and 50061 (limits), 51011
#: and 51016 (the id is taken), 51149 (timed out; the outcome is unknown).
_OKX: Final = frozenset(
    {"50000", "50002", "50006", "50012", "50014", "50015", "50016", "50024", "50025", "50100", "50101", "50102"}
    | {"50103", "50104", "50105", "50106", "50107", "50111", "50112", "50113", "50114", "50119"}
    | {str(code) for code in range(51000, 51175)}
    | {str(code) for code in range(51400, 51412)}
    | {str(code) for code in range(51500, 51518)}
    | {str(code) for code in range(51600, 51604)}
) - {"51011", "51016", "51149", "51412"}

_PROOFS: Final = {
    NodeVenue.BINANCE_SPOT: _BINANCE,
    NodeVenue.BINANCE_FUTURES: _BINANCE,
    NodeVenue.BYBIT: _BYBIT,
    NodeVenue.OKX: _OKX,
}
#: The clients' own words for what is no answer, and for answers of a gateway before the venue (HTTP 5xx).
_NO_ANSWER: Final = re.compile(
    r"time(d)?[ -]?out|connection|disconnected|HTTP (error )?5\d\d|status(:| code:?)? 5\d\d", re.IGNORECASE
)
#: Words of a venue for an id that is taken, where the code does not say it (Binance Spot's -2010).
_TAKEN: Final = re.compile(r"duplicat", re.IGNORECASE)


def judged(reason: str | None, venue: NodeVenue) -> Rejected | Unknown:
    """What the text of a rejection comes to: the venue's word if it holds one of its proving codes, else nothing."""
    text = (reason or "").strip()
    codes = _CODE[venue].findall(text)
    if (
        len(set(codes)) == 1
        and codes[0] in _PROOFS[venue]
        and _NO_ANSWER.search(text.partition(codes[0])[0]) is None
        and _TAKEN.search(text) is None
    ):
        return Rejected(codes[0], text)
    return Unknown(text or "the node rejected it without a reason")
