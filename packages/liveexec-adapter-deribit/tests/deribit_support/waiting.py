"""Waiting for something that has to become true."""

from collections.abc import Callable

import anyio

__all__ = ["eventually"]


async def eventually(what: str, is_so: Callable[[], object], *, within_s: float = 10.0) -> None:
    """Look again and again until it is so; says what was waited for if it never is."""
    try:
        with anyio.fail_after(within_s):
            while not is_so():  # noqa: ASYNC110  (what happens elsewhere has no event here)
                await anyio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"waited {within_s:g} s in vain for {what}") from None
