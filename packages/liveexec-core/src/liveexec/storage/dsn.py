"""The address of a database, which never shows its password."""

from typing import Final, NoReturn
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from liveexec.errors import StorageError

__all__ = ["Dsn"]

_SCHEMES: Final = ("postgresql", "postgres")
_HIDDEN: Final = "***"
_SECRET_PARAMETERS: Final = frozenset({"password", "sslpassword"})


class Dsn:
    """A PostgreSQL URL (``postgresql://user@host:5432/database?application=parameters``) as libpq and asyncpg read it.

    SQLAlchemy's ``postgresql+driver://`` is taken too. ``str()`` and ``repr()`` show it without its password;
    :attr:`url` is for the driver alone.
    """

    __slots__ = ("_parts", "_secrets")

    def __init__(self, url: str) -> None:
        """Raises ``StorageError`` when the text is no such URL."""
        try:
            parts = urlsplit(url.strip())
            _ = parts.port
        except ValueError:
            parts = None
        if parts is None:
            _refuse("it is not a URL")
        scheme = parts.scheme.partition("+")[0]
        if scheme not in _SCHEMES:
            # A scheme may be a password's first half when somebody left out what comes before it: not echoed.
            _refuse("it does not begin with postgresql://")
        self._parts = parts._replace(scheme=scheme)
        parameters = [value for name, value in parse_qsl(parts.query) if name in _SECRET_PARAMETERS]
        spellings = {
            spelling
            for secret in (unquote(parts.password or ""), parts.password or "", *parameters)
            for spelling in (secret, quote(secret, safe=""))
            if spelling
        }
        # Longest first, so that no spelling leaves the rest of another behind.
        self._secrets = tuple(sorted(spellings, key=lambda spelling: (-len(spelling), spelling)))

    @property
    def url(self) -> str:
        """The whole URL with its password."""
        return self._parts.geturl()

    @property
    def database(self) -> str:
        """The database that is named; empty when the user's default is meant."""
        return unquote(self._parts.path.removeprefix("/"))

    def with_database(self, name: str) -> "Dsn":
        """The same server, another database."""
        return Dsn(self._parts._replace(path="/" + quote(name, safe="")).geturl())

    def redact(self, text: str) -> str:
        """The text without the password, wherever it stands in it."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text

    def __str__(self) -> str:
        parts = self._parts
        if parts.password is not None:
            user, _, host = parts.netloc.rpartition("@")
            parts = parts._replace(netloc=f"{user.partition(':')[0]}:{_HIDDEN}@{host}")
        return self.redact(_hide_parameters(parts).geturl())

    def __repr__(self) -> str:
        return f"Dsn({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dsn) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)


def _hide_parameters(parts: SplitResult) -> SplitResult:
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    if not any(name in _SECRET_PARAMETERS for name, _ in parameters):
        return parts
    shown = [(name, _HIDDEN if name in _SECRET_PARAMETERS else value) for name, value in parameters]
    return parts._replace(query=urlencode(shown, safe="/*"))


def _refuse(reason: str) -> NoReturn:
    raise StorageError(f"the database's address can't be used: {reason} (postgresql://user@host:5432/database)")
