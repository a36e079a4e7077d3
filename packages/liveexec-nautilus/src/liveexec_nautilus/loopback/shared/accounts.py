"""Accounts of a loopback venue and the keys that act for them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal

from attrs import field, frozen

from liveexec_nautilus.loopback.shared.signing import Ed25519Pair

__all__ = ["AccountConfig", "ApiKey", "Keyring", "default_accounts"]


@frozen
class ApiKey:
    """A key as a venue hands it out. ``secret`` is what the client signs with: an HMAC secret, or a PEM private key.

    The secrets of loopback accounts are derived from their names, so that a test can write them down; they open
    nothing anywhere.
    """

    key: str
    secret: str = field(repr=False)
    kind: Literal["hmac", "ed25519"] = "hmac"
    #: OKX asks for it beside the secret.
    passphrase: str = field(default="", repr=False)


@frozen
class AccountConfig:
    """An account, what it starts with by asset, and its keys."""

    user_id: int
    name: str
    balances: Mapping[str, Decimal]
    keys: tuple[ApiKey, ...]


class Keyring:
    """Which account a key acts for."""

    def __init__(self, accounts: Iterable[AccountConfig]) -> None:
        self._found = {key.key: (key, account) for account in accounts for key in account.keys}

    def find(self, key: str) -> tuple[ApiKey, AccountConfig] | None:
        """The key of this name and its account."""
        return self._found.get(key)


def default_accounts(count: int, balances: Mapping[str, Decimal]) -> tuple[AccountConfig, ...]:
    """``loopback1`` and on. Keys: ``loopbackN`` signs by HMAC with ``secret-of-loopbackN`` (and the passphrase
    ``passphrase-of-loopbackN`` where a venue has them), ``loopbackN-ed25519`` with a PEM key of its own."""
    return tuple(
        AccountConfig(
            user_id=1_000 + number,
            name=f"loopback{number}",
            balances=dict(balances),
            keys=(
                ApiKey(
                    f"loopback{number}",
                    f"secret-of-loopback{number}",
                    passphrase=f"passphrase-of-loopback{number}",
                ),
                ApiKey(
                    f"loopback{number}-ed25519",
                    Ed25519Pair.of(f"loopback{number}").private_pem,
                    kind="ed25519",
                    passphrase=f"passphrase-of-loopback{number}",
                ),
            ),
        )
        for number in range(1, count + 1)
    )
