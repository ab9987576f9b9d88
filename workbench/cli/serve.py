"""`--serve`: the interactive session in a browser, by textual-serve."""

from __future__ import annotations

import ipaddress
import logging
import secrets
import shlex
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from recsys_core.errors import InputError
from recsys_core.processes import python_command

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler, Middleware
    from textual_serve.server import Server

#: sessions at once; each is a process of about 40 MB
MOST_SESSIONS = 8


def serve(runs_dir: Path, data_dir: Path, host: str, port: int) -> int:
    """Serve sessions until Ctrl+C; each browser tab has a process of its own.

    Raises
    ------
    InputError
        textual-serve is not installed, or the address cannot be served on.
    """
    try:
        import textual_serve.server  # noqa: F401
    except ImportError:
        raise InputError(
            "--serve needs the package textual-serve", "pip install 'recsys-workbench[web]'"
        ) from None
    _check_address(host, port)
    words = python_command("-m", "workbench.tui.browser")
    words += [str(runs_dir.absolute()), str(data_dir.absolute())]
    token = secrets.token_urlsafe()
    server = make_server(f"exec {shlex.join(words)}", host, port, token)
    sys.stderr.write(f"serving on {_origin(host, port)}/{token}/ (Ctrl+C ends)\n")
    sys.stderr.write(
        "whoever has this address can read runs, start jobs and write files as you\n"
        if is_loopback(host)
        else f"warning: whoever reaches {host}:{port} and has this address, which is sent "
        "unencrypted, can read runs, start jobs and write files as you\n"
    )
    server.serve()
    return 0


def is_loopback(host: str) -> bool:
    """Tell whether an address is of this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _check_address(host: str, port: int) -> None:
    """Try to listen, so that a taken port is told in one line."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found[:1]:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        raise InputError(
            f"cannot serve on {host}:{port}: {error.strerror or error}",
            "choose another with --host and --port",
        ) from None


def _origin(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{name}:{port}"


def make_server(command: str, host: str, port: int, token: str) -> Server:
    """Make a quiet server for whoever was told its address, and for nobody else.

    textual-serve answers all who open its websocket, and a session can start jobs and write files.
    So everything lies under ``/TOKEN/``, which other users of the machine do not know; a page must
    be the server's own (Origin), reached by a name of this machine where it is served on loopback
    (Host, against DNS rebinding), and in no frame of another page.
    """
    from aiohttp import web
    from textual_serve.server import Server

    class OwnPagesOnly(Server):
        """Checks where a request comes from, and limits the sessions."""

        sessions = 0

        def initialize_logging(self) -> None:
            """Leave the log as it is, without what strangers can write into it."""
            logging.getLogger("aiohttp.server").addFilter(_is_ours)

        async def on_startup(self, app: web.Application) -> None:
            """Say nothing: `serve` did."""

        async def _make_app(self) -> web.Application:
            app = web.Application(middlewares=[_own_pages(host, token)])
            app.on_response_prepare.append(_protect)
            app.add_subapp(f"/{token}/", await super()._make_app())
            return app

        async def handle_index(self, request: web.Request) -> web.StreamResponse:
            """Write the page with the address that it was asked for at."""
            self._check_room()
            self.public_url = f"{request.scheme}://{request.host}"
            response: web.StreamResponse = await super().handle_index(request)
            return response

        async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
            """Run a session."""
            if not web.WebSocketResponse().can_prepare(request):
                raise web.HTTPBadRequest(text="this is the address of a websocket")
            self._check_room()
            self.sessions += 1
            try:
                return await super().handle_websocket(request)
            finally:
                self.sessions -= 1

        def _check_room(self) -> None:
            if self.sessions >= MOST_SESSIONS:
                raise web.HTTPServiceUnavailable(
                    text=f"{MOST_SESSIONS} sessions are open, which is the most: "
                    "close another tab, then load this page again"
                )

    return OwnPagesOnly(command, host, port, title="recsys-workbench")


def _own_pages(host: str, token: str) -> Middleware:
    from aiohttp import web

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.path.removeprefix("/").partition("/")[0]
        if not secrets.compare_digest(given.encode(errors="replace"), token.encode()):
            raise web.HTTPForbidden(text="open the address that recsys-workbench --serve printed")
        own = f"{request.scheme}://{request.host}"
        name = _hostname(own)
        foreign = request.headers.get("Origin", own) != own
        if foreign or (is_loopback(host) and not is_loopback(name)):
            raise web.HTTPForbidden(text="this page is not served by recsys-workbench")
        if request.path == f"/{token}":  # copied without its end
            raise web.HTTPFound(f"/{token}/")
        return await handler(request)

    return check


def _hostname(url: str) -> str:
    """Read the host; empty where it is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether the error is the server's own; a request that is not HTTP is answered with 400."""
    from aiohttp.http_exceptions import HttpProcessingError

    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def _protect(_request: web.Request, response: web.StreamResponse) -> None:
    """Keep answers out of frames, and the address out of what the page asks elsewhere for."""
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
    response.headers["Referrer-Policy"] = "no-referrer"
