"""A server of sessions for browsers, as a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(runs: Path, place: Path | None = None) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Serve sessions on `runs` from the folder `place`; yield the server and what it printed."""
    port = free_port()
    command = [sys.executable, "-m", "workbench", "--runs-dir", str(runs), "--serve"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        assert server.stderr is not None
        address = server.stderr.readline().decode().split()[2]
        assert address.startswith(f"http://127.0.0.1:{port}/")
        assert b"whoever has this address" in server.stderr.readline()
        yield server, address
    finally:
        if server.poll() is None:
            server.kill()
        server.wait()
