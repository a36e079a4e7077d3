"""What a configuration says of Larkspur. Every fault of it is named at once, with its path."""

from typing import Final
from urllib.parse import urlsplit

from attrs import field, frozen

from liveexec.domain.secret import Secret
from liveexec.errors import ConfigurationError, Fault

__all__ = ["LarkspurAccount", "LarkspurSection"]

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


@frozen
class LarkspurAccount:
    """An account and the key pair that trades for it."""

    account_id: str = field(metadata={"help": "what liveexec calls the account"})
    key: Secret = field(metadata={"help": "names the account at the venue"})
    secret: Secret = field(metadata={"help": "signs the requests; it is never sent"})


@frozen
class LarkspurSection:
    """Larkspur: where it is, whose accounts trade, and how long it may be silent.

    Raises:
        ConfigurationError: something can't be used; every fault is named.
    """

    accounts: tuple[LarkspurAccount, ...] = field(metadata={"help": "the accounts, each with its key pair"})
    http_url: str = field(default="https://api.larkspur.example", metadata={"help": "of requests"})
    stream_url: str = field(default="wss://stream.larkspur.example", metadata={"help": "of reports and market data"})
    answer_timeout_s: float = field(default=5.0, metadata={"help": "a request without an answer after it is unknown"})
    silence_s: float = field(
        default=5.0, metadata={"help": "a stream that is silent so long is lost; the venue beats once a second"}
    )

    def __attrs_post_init__(self) -> None:
        faults = [*_url_faults("http_url", self.http_url, "http"), *_url_faults("stream_url", self.stream_url, "ws")]
        faults += [
            Fault(name, f"must be above 0, not {value}")
            for name, value in (("answer_timeout_s", self.answer_timeout_s), ("silence_s", self.silence_s))
            if not 0 < value < float("inf")
        ]
        if not self.accounts:
            faults.append(Fault("accounts", "must name at least one account"))
        names = [each.account_id for each in self.accounts]
        for index, name in enumerate(names):
            if not name.strip():
                faults.append(Fault(f"accounts[{index}].account_id", "must not be empty"))
            elif name in names[:index]:
                faults.append(Fault(f"accounts[{index}].account_id", f"{name} is there twice"))
        if faults:
            raise ConfigurationError("larkspur", faults)


def _url_faults(name: str, url: str, scheme: str) -> list[Fault]:
    """Signed requests go out encrypted, but to one's own machine."""
    parts = urlsplit(url)
    if parts.scheme not in (scheme, f"{scheme}s") or not parts.hostname:
        return [Fault(name, f"must read {scheme}s://host")]
    if parts.username or parts.password or parts.query or parts.fragment:
        return [Fault(name, "must hold neither credentials nor a query")]
    if parts.scheme == scheme and parts.hostname not in _LOOPBACK:
        return [Fault(name, f"must be {scheme}s://: only 127.0.0.1 is spoken to unencrypted")]
    return []
