"""Secrets: keys and tokens reach the venue, and nothing else."""

import base64
import contextlib
import io
import logging
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from urllib.parse import quote

import anyio
import structlog

from liveexec_testkit.conformance.case import CaseGroup, case
from liveexec_testkit.conformance.harness import VenueHarness
from liveexec_testkit.conformance.needs import SECRETS
from liveexec_testkit.conformance.scripts import (
    CutConnection,
    ExpireToken,
    FailInside,
    MalformedAnswer,
    Refuse,
    RefuseLogin,
    VenueScript,
    Verb,
)
from liveexec_testkit.conformance.trial import Trial

__all__ = ["SecretCases"]

#: What is tried on the way, where the harness can script it: each is a message that could have a secret in it.
_TROUBLE: tuple[VenueScript, ...] = (
    Refuse(Verb.SUBMIT),
    FailInside(Verb.SUBMIT, placed=False),
    MalformedAnswer(Verb.SUBMIT),
    ExpireToken(),
    CutConnection(),
    RefuseLogin(),
)


class SecretCases(CaseGroup):
    """The harness's secrets are searched for in everything that an eventful life puts out."""

    subject = "Secrets"

    @case(
        99,
        "No secret is logged or printed",
        proves="With every logger at DEBUG, the vendor's and the transport's among them, no record of logging, "
        "structlog or warnings and nothing on stdout or stderr holds a key or a token, in any usual spelling.",
        needs=(SECRETS,),
    )
    async def test_lx099_not_logged(self, trial: Trial) -> None:
        with _listening() as written:
            await _eventful_life(trial)
        _clean(trial.venue, "what was logged and printed", written)

    @case(
        100,
        "No secret is in an exception or an outcome",
        proves="Neither the text nor the traceback of any exception, nor the reason of any outcome, holds a key or a "
        "token.",
        needs=(SECRETS,),
    )
    async def test_lx100_not_raised(self, trial: Trial) -> None:
        _clean(trial.venue, "exceptions and outcomes", await _eventful_life(trial))

    @case(
        101,
        "No secret is in a repr",
        proves="The repr of the adapter, of its parts and of its manifest, and of every report, holds no key and no "
        "token.",
        needs=(SECRETS,),
    )
    async def test_lx101_not_shown(self, trial: Trial) -> None:
        line = await trial.line()
        await line.place()
        parts = [each for each in getattr(line.adapter, "__dict__", {}).values() if not isinstance(each, str | bytes)]
        shown = [repr(each) for each in (line.adapter, line.adapter.manifest, *parts, *line.heard.items)]
        _clean(trial.venue, "reprs", shown)


async def _eventful_life(trial: Trial) -> list[str]:
    """Orders, refusals, errors, broken sessions, refused logins; every exception and outcome of it as text."""
    told: list[str] = []
    venue = trial.venue
    adapter = venue.adapter()
    for script in (None, *(each for each in _TROUBLE if venue.why_not(each) is None)):
        try:
            if isinstance(script, RefuseLogin):
                await venue.inject(script)
                with anyio.move_on_after(venue.patience_s):
                    await adapter.connect()
                await venue.heal()
                continue
            line = await trial.line_in_time(adapter)
            if script is not None:
                await venue.inject(script)
            placed = await line.submit(line.order())
            told.append(repr(placed.outcome))
            told.append(repr(await line.cancel(placed)))
            with anyio.move_on_after(venue.answer_timeout_s):
                told.append(repr(await line.adapter.open_orders(venue.account_id)))
        except Exception as error:  # noqa: BLE001  (what it says is what is looked through)
            told += [repr(error), *traceback.format_exception(error)]
        finally:
            await venue.heal()
            await adapter.disconnect()
    return told


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Everything that is logged, printed or warned of from here on, as text."""
    written: list[str] = []
    handler = _Listener(written)
    root = logging.getLogger()
    level, is_disabled = root.level, logging.root.manager.disable
    out, err = io.StringIO(), io.StringIO()
    with ExitStack() as stack:
        events = stack.enter_context(structlog.testing.capture_logs())
        warned = stack.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always")
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        logging.disable(logging.NOTSET)
        try:
            yield written
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
            logging.disable(is_disabled)
            written += [repr(each) for each in events]
            written += [str(each.message) for each in warned]
            written += [out.getvalue(), err.getvalue()]


class _Listener(logging.Handler):
    """Keeps what a record says, its exception included."""

    def __init__(self, written: list[str]) -> None:
        super().__init__(logging.NOTSET)
        self._written = written
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self._written.append(self.format(record))


def _clean(venue: VenueHarness, where: str, texts: Sequence[str]) -> None:
    """No text may hold a secret; the message must not either."""
    for number, secret in enumerate(venue.secrets):
        spellings = {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")}
        found = [text for text in texts if any(spelling in text for spelling in spellings)]
        if found:
            shown = found[0]
            for spelling in spellings:
                shown = shown.replace(spelling, "***")
            raise AssertionError(f"secret {number} of the harness is in {where}, as *** here: {shown[:300]}")
