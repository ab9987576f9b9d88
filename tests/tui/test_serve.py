"""`--serve` without a browser: a websocket client in its place."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.tui.serving import serving
from workbench.__main__ import _open_session
from workbench.cli.main import run_command_line
from workbench.cli.serve import is_loopback


async def open_tab(client: aiohttp.ClientSession, port: int) -> aiohttp.ClientWebSocketResponse:
    """Connect as the page does, and wait until the runs are there."""
    for _ in range(100):
        try:
            socket_ = await client.ws_connect(f"http://127.0.0.1:{port}/ws?width=100&height=30")
            break
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.1)
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


async def test_a_tab_has_a_session_that_ends_with_it_and_with_the_server(suite: Path) -> None:
    async with aiohttp.ClientSession() as client:
        with serving(suite) as (server, port):
            tab = await open_tab(client, port)
            [session] = sessions_of(server)
            page = await (await client.get(f"http://127.0.0.1:{port}/")).text()
            assert f"ws://127.0.0.1:{port}/ws" in page
            for headers in ({"Origin": "http://evil.example"}, {"Host": f"evil.example:{port}"}):
                with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                    await client.ws_connect(f"http://127.0.0.1:{port}/ws", headers=headers)
            await tab.close()
            assert await gone([session])
            await open_tab(client, port)
            [session] = sessions_of(server)
            os.kill(server.pid, signal.SIGKILL)
            assert await gone([session]), "no orphan stays behind"


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
