"""`--serve`: the interactive session in a browser, by textual-serve."""

from __future__ import annotations

import ipaddress
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
    server = make_server(f"exec {shlex.join(words)}", host, port)
    sys.stderr.write(f"serving on {server.public_url} (Ctrl+C ends)\n")
    if not is_loopback(host):
        sys.stderr.write(
            f"warning: everybody who reaches {host}:{port} can read runs, start jobs and write "
            "files as you; there is no password\n"
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


def make_server(command: str, host: str, port: int) -> Server:
    """Make a quiet server that a foreign page cannot drive.

    textual-serve answers any page that opens its websocket; a session can start jobs and write
    files, so the page must be the server's own (Origin), reached by a name of this machine
    where it is served on loopback (Host, against DNS rebinding).
    """
    from textual_serve.server import Server

    class OwnPagesOnly(Server):
        """Checks where a request comes from."""

        def initialize_logging(self) -> None:
            """Leave the log as it is."""

        async def on_startup(self, app: web.Application) -> None:
            """Say nothing: `serve` did."""

        async def _make_app(self) -> web.Application:
            app = await super()._make_app()
            app.middlewares.append(_own_pages(host))
            return app

        async def handle_index(self, request: web.Request) -> web.StreamResponse:
            """Write the page with the address that it was asked for at."""
            self.public_url = f"{request.scheme}://{request.host}"
            response: web.StreamResponse = await super().handle_index(request)
            return response

    return OwnPagesOnly(command, host, port, title="recsys-workbench")


def _own_pages(host: str) -> Middleware:
    from aiohttp import web

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        own = f"{request.scheme}://{request.host}"
        name = urlsplit(own).hostname or ""
        foreign = request.headers.get("Origin", own) != own
        if foreign or (is_loopback(host) and not is_loopback(name)):
            raise web.HTTPForbidden(text="this page is not served by recsys-workbench")
        return await handler(request)

    return check
