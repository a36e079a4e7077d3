"""Where a store's root is: the parts of a URL, checked, and never with a credential in it."""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from attrs import frozen

from liveexec.errors import Fault, InvalidInput

__all__ = ["Location", "checked_path", "location_of"]

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,30}", re.ASCII)
#: What a path may be made of: everything printable but what stores or shells take for something else.
_SEGMENT: Final = re.compile(r"[^\x00-\x1f\x7f/\\]{1,255}")


@frozen
class Location:
    """A store's root: ``scheme://bucket/prefix``, the prefix without slashes at its ends, or an absolute folder."""

    scheme: str
    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def location_of(url: str) -> Location:
    """Take the URL of a root apart. A path without a scheme is no URL.

    Raises:
        InvalidInput: it can't be used; what it says of a user or a password is not repeated.
    """
    try:
        parts = urlsplit(url)
        has_user = "@" in parts.netloc
    except ValueError:
        raise InvalidInput("object store", [Fault("url", "can't be read")]) from None
    faults = []
    if has_user:
        # Not quoted: it holds a secret.
        faults.append(Fault("url", "must not hold a user or a password; give credentials in the environment"))
    if parts.query or parts.fragment:
        faults.append(Fault("url", "must have nothing after a ? or a #"))
    if _SCHEME.fullmatch(parts.scheme) is None or "://" not in url:
        faults.append(Fault("url", "must read gs://BUCKET/PREFIX, s3://BUCKET/PREFIX, file:///FOLDER or memory://NAME"))
    elif parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            faults.append(Fault("url", "must name a folder of this machine: file:///FOLDER"))
    elif not parts.netloc:
        faults.append(Fault("url", f"names no bucket: {parts.scheme}://BUCKET/PREFIX"))
    prefix = unquote(parts.path).strip("/")
    if prefix:
        faults += _path_faults("url", prefix)
    if faults:
        raise InvalidInput("object store", faults)
    return Location(parts.scheme, "" if parts.scheme == "file" else parts.netloc, prefix)


def checked_path(path: str) -> str:
    """The path of an object, if it is one.

    Raises:
        InvalidInput: it is empty, absolute, or leads out of the root.
    """
    if faults := _path_faults("path", path):
        raise InvalidInput(f"object {path[:120]!r}", faults)
    return path


def _path_faults(where: str, path: str) -> list[Fault]:
    wrong = [part for part in path.split("/") if part in ("", ".", "..") or _SEGMENT.fullmatch(part) is None]
    return [Fault(where, f"must not have {wrong[0][:40]!r} between two slashes")] if wrong else []
