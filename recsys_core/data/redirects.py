"""Where a download may be sent on to: nowhere less safe than the address it began with."""

from __future__ import annotations

import socket
import urllib.parse
import urllib.request
from email.message import Message
from ipaddress import ip_address
from typing import IO

from recsys_core.errors import shorten


class SourceError(Exception):
    """One source did not give the file; the message says why."""


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects that `check_redirect` lets pass."""

    def __init__(self, url: str) -> None:
        self._url = url

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Make the next request, or refuse to."""
        check_redirect(self._url, newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def check_redirect(url: str, target: str) -> None:
    """Refuse to be sent from https to anything else, or from outside into a private network.

    Raises
    ------
    SourceError
        It says where to.
    """
    begun, led = urllib.parse.urlsplit(url), urllib.parse.urlsplit(target)
    if led.scheme not in {"https", begun.scheme}:
        raise SourceError(f"it redirects to {shorten(target)}: only {begun.scheme} is followed")
    if _is_private(led.hostname or "") and not _is_private(begun.hostname or ""):
        raise SourceError(f"it redirects to {shorten(target)}, which is in a private network")


def _is_private(host: str) -> bool:
    """Whether a name stands for this machine or one of a private network."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # not known here, as behind a proxy: nothing private
        return False
    return not all(ip_address(str(each[4][0]).partition("%")[0]).is_global for each in found)
