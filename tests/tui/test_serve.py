"""`--serve` without a browser: a websocket client in its place."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.tui.serving import serving
from workbench.__main__ import _open_session
from workbench.cli.main import run_command_line
from workbench.cli.serve import is_loopback, make_server

TOKEN = "secret"


async def open_tab(client: aiohttp.ClientSession, address: str) -> aiohttp.ClientWebSocketResponse:
    """Connect as the page does, and wait until the runs are there."""
    socket_ = await client.ws_connect(f"{address}ws?width=100&height=30")
    text = b""
    while b"popularity" not in text:
        text += (await socket_.receive(timeout=20)).data
    return socket_


def sessions_of(server: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(server.pid).children(recursive=True)


async def gone(processes: list[psutil.Process]) -> bool:
    end = time.monotonic() + 10
    while any(process.is_running() for process in processes):
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.05)
    return True


async def listening(client: aiohttp.ClientSession, address: str) -> None:
    """Wait until the server answers."""
    for _ in range(100):
        with suppress(aiohttp.ClientConnectorError):
            await client.get(address)
            return
        await asyncio.sleep(0.1)


async def test_a_tab_has_a_session_that_ends_with_it_and_with_the_server(suite: Path) -> None:
    async with aiohttp.ClientSession() as client:
        with serving(suite) as (server, address):
            await listening(client, address)
            tab = await open_tab(client, address)
            [session] = sessions_of(server)
            page = await client.get(address)
            assert f"{address}ws".replace("http:", "ws:") in await page.text()
            assert page.headers["X-Frame-Options"] == "DENY"
            assert page.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
            assert page.headers["Referrer-Policy"] == "no-referrer"
            await tab.close()
            assert await gone([session])
            await open_tab(client, address)
            [session] = sessions_of(server)
            os.kill(server.pid, signal.SIGKILL)
            assert await gone([session]), "no orphan stays behind"


@pytest.fixture
async def client() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """Talk to a server in this process, whose sessions do nothing."""
    server = make_server("exec cat", "127.0.0.1", 8000, TOKEN)
    server.initialize_logging()
    async with TestClient(TestServer(await server._make_app())) as talking:
        yield talking


@pytest.mark.parametrize("path", ["/", "/ws", "/static/js/textual.js", "/secres/", "/%ff/", "//"])
async def test_without_the_token_nothing_is_answered(
    client: TestClient[web.Request, web.Application], path: str
) -> None:
    answer = await client.get(path)
    assert answer.status == 403
    assert "the address that recsys-workbench --serve printed" in await answer.text()
    assert answer.headers["X-Frame-Options"] == "DENY"
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await client.ws_connect(path)


async def test_the_address_may_lack_its_last_slash(
    client: TestClient[web.Request, web.Application],
) -> None:
    answer = await client.get(f"/{TOKEN}", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, f"/{TOKEN}/")
    assert answer.headers["X-Frame-Options"] == "DENY"


async def test_pages_of_others_are_refused(
    client: TestClient[web.Request, web.Application],
) -> None:
    assert (await client.get(f"/{TOKEN}/static/js/textual.js")).status == 200
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example:8000"}):
        for path in ("", "static/js/textual.js"):
            assert (await client.get(f"/{TOKEN}/{path}", headers=headers)).status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await client.ws_connect(f"/{TOKEN}/ws", headers=headers)


async def test_what_is_no_websocket_is_told_so(
    client: TestClient[web.Request, web.Application], caplog: pytest.LogCaptureFixture
) -> None:
    for headers in (
        {},
        {"Upgrade": "websocket"},
        {"Upgrade": "websocket", "Connection": "upgrade"},
    ):
        answer = await client.get(f"/{TOKEN}/ws", headers=headers)
        assert (answer.status, await answer.text()) == (400, "this is the address of a websocket")
    assert caplog.records == [], "no traceback"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"OPTIONS * HTTP/1.1\r\nHost: a", b"403"),
        (b"GET /secret/ HTTP/1.1\r\nHost: [", b"403"),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost", b"400"),
        (b"GET /secret/ws HTTP/1.1\r\nHost: localhost\r\nContent-Length: x", b"400"),
    ],
)
async def test_what_is_hardly_http_is_refused_without_a_traceback(
    client: TestClient[web.Request, web.Application],
    caplog: pytest.LogCaptureFixture,
    line: bytes,
    code: bytes,
) -> None:
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(line + b"\r\n\r\n")
    assert (await reader.readline()).split()[1] == code
    writer.close()
    assert caplog.records == []


async def test_sessions_are_limited(
    client: TestClient[web.Request, web.Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.cli.serve.MOST_SESSIONS", 1)
    tab = await client.ws_connect(f"/{TOKEN}/ws")
    answer = await client.get(f"/{TOKEN}/")
    assert answer.status == 503
    assert (await answer.text()).startswith("1 sessions are open, which is the most")
    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        await client.ws_connect(f"/{TOKEN}/ws")
    await tab.close()
    while (await client.get(f"/{TOKEN}/")).status != 200:
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("host", "alone"),
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("pc", False)],
)
def test_loopback(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone


def test_a_taken_port_and_a_command_beside_it_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        serve = ["--serve", "--host", "127.0.0.1", "--port", port]
        assert run_command_line(serve, _open_session) == 2
    assert f"cannot serve on 127.0.0.1:{port}" in capsys.readouterr().err
    assert run_command_line(["--serve", "runs", "list"], _open_session) == 2
    assert "--serve takes no command" in capsys.readouterr().err
