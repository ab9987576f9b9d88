"""Downloads against a local server that misbehaves on purpose."""

from __future__ import annotations

import hashlib
import http.server
import itertools
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from recsys_core.data import fetch, load
from recsys_core.data.fetch import download, fetch_dataset
from recsys_core.data.redirects import SourceError, check_redirect
from recsys_core.data.registered import list_datasets
from recsys_core.data.sources import SOURCES
from recsys_core.errors import InputError
from recsys_core.events import Event
from recsys_core.processes import python_command
from tests.data.files import ATOMIC, ML_1M, ML_100K, write_zip

CONTENT = bytes(range(256)) * 2000


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@dataclass
class Server:
    """What the server does, and what it was asked."""

    url: str
    content: bytes = CONTENT
    break_after: list[int] = field(default_factory=list)
    """How many bytes of each answer are sent before the line is cut; then all are."""
    honours_range: bool = True
    status: int = 200
    silent: bool = False
    redirect: str = ""
    asked: list[str | None] = field(default_factory=list)
    """The range of each request."""


class Handler(http.server.BaseHTTPRequestHandler):
    state: Server

    def do_GET(self) -> None:
        state = self.state
        wanted = self.headers["Range"]
        state.asked.append(wanted)
        if state.silent:
            threading.Event().wait(1.0)
            return
        if state.redirect and self.path == "/set.zip":
            self.send_response(302)
            self.send_header("Location", state.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if state.status != 200:
            self.send_error(state.status)
            return
        start = int(wanted.split("=")[1].rstrip("-")) if wanted and state.honours_range else 0
        size = len(state.content)
        if start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        body = state.content[start:]
        self.wfile.write(body[: state.break_after.pop(0)] if state.break_after else body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    handler = type("OneHandler", (Handler,), {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        state = Server(f"http://127.0.0.1:{running.server_port}/set.zip")
        handler.state = state  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        running.shutdown()
        thread.join()


def test_a_download_reports_progress_and_is_complete(server: Server, tmp_path: Path) -> None:
    events: list[Event] = []
    path = download(server.url, tmp_path / "d" / "set.zip", md5(CONTENT), events.append)
    assert path.read_bytes() == CONTENT
    assert [event.step for event in events] == sorted(event.step for event in events)
    assert (events[-1].step, events[-1].total) == (len(CONTENT), len(CONTENT))
    assert [entry.name for entry in path.parent.iterdir()] == ["set.zip"]
    download(server.url, path, md5(CONTENT))
    assert len(server.asked) == 1  # it is there, and right


def test_a_connection_that_breaks_is_resumed(server: Server, tmp_path: Path) -> None:
    server.break_after = [100_000, 50_000]
    path = download(server.url, tmp_path / "set.zip", md5(CONTENT))
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_a_later_call_goes_on_where_an_earlier_one_stopped(server: Server, tmp_path: Path) -> None:
    server.break_after = [90_000, 0]
    with pytest.raises(SourceError, match="broke off after 90,000 of 512,000 bytes"):
        download(server.url, tmp_path / "set.zip", md5(CONTENT))
    assert [entry.name for entry in tmp_path.iterdir()] == ["set.zip.part"]
    assert download(server.url, tmp_path / "set.zip", md5(CONTENT)).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=90000-"


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.honours_range = False
    server.break_after = [70_000]
    assert download(server.url, tmp_path / "set.zip", md5(CONTENT)).read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"old" * 1000, CONTENT + b"more", b"x" * len(CONTENT)])
def test_the_rest_of_another_file_is_not_kept(server: Server, tmp_path: Path, left: bytes) -> None:
    (tmp_path / "set.zip.part").write_bytes(left)
    assert download(server.url, tmp_path / "set.zip", md5(CONTENT)).read_bytes() == CONTENT


def test_a_complete_part_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "set.zip.part").write_bytes(CONTENT)
    assert download(server.url, tmp_path / "set.zip", md5(CONTENT)).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=f"has checksum {md5(CONTENT)} where 0123 is expected"):
        download(server.url, tmp_path / "set.zip", "0123")
    assert list(tmp_path.iterdir()) == []


def test_a_stored_file_with_a_wrong_checksum_is_fetched_again(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "set.zip").write_bytes(b"damaged")
    assert download(server.url, tmp_path / "set.zip", md5(CONTENT)).read_bytes() == CONTENT


def test_servers_that_refuse_hang_or_are_gone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.status = 503
    with pytest.raises(SourceError, match="the server answers 503"):
        download(server.url, tmp_path / "set.zip", None)
    server.status, server.silent = 200, True
    monkeypatch.setattr(fetch, "TIMEOUT", 0.05)
    with pytest.raises(SourceError, match="no answer in"):
        download(server.url, tmp_path / "set.zip", None)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(SourceError, match="Connection refused"):
        download(f"http://127.0.0.1:{port}/set.zip", tmp_path / "set.zip", None)
    with pytest.raises(SourceError, match="only http"):
        download("file:///etc/passwd", tmp_path / "set.zip", None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "target",
    [
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1/x",
        "data:,x",
        "//[",
        "/set.zip",
    ],
)
def test_redirects_that_are_not_followed(server: Server, tmp_path: Path, target: str) -> None:
    server.redirect = target
    with pytest.raises(SourceError) as caught:
        download(server.url, tmp_path / "set.zip", None)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_on_the_same_server_is_followed(server: Server, tmp_path: Path) -> None:
    server.redirect = "/elsewhere.zip"
    assert download(server.url, tmp_path / "set.zip", md5(CONTENT)).read_bytes() == CONTENT


PUBLIC = "https://93.184.216.34/a.zip"


@pytest.mark.parametrize(
    ("url", "target", "followed"),
    [
        (PUBLIC, "https://93.184.216.35/b.zip", True),
        ("http://93.184.216.34/a.zip", PUBLIC, True),
        ("http://127.0.0.1/a.zip", "http://127.0.0.1/b.zip", True),
        ("http://127.0.0.1/a.zip", PUBLIC, True),
        (PUBLIC, "http://93.184.216.34/a.zip", False),
        (PUBLIC, "ftp://93.184.216.34/a.zip", False),
        (PUBLIC, "file:///etc/passwd", False),
        (PUBLIC, "https://127.0.0.1/a.zip", False),
        (PUBLIC, "https://localhost/a.zip", False),
        (PUBLIC, "https://[::1]/a.zip", False),
        (PUBLIC, "https://10.0.0.1/a.zip", False),
        (PUBLIC, "https://169.254.169.254/latest/meta-data", False),
        (PUBLIC, "https://2130706433/a.zip", False),
    ],
)
def test_redirects_stay_as_safe_as_the_address(url: str, target: str, followed: bool) -> None:
    if followed:
        check_redirect(url, target)
        return
    with pytest.raises(SourceError, match="it redirects to"):
        check_redirect(url, target)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_file_that_is_larger_than_the_set_can_be_is_not_kept(
    server: Server, tmp_path: Path, resumed: bool
) -> None:
    if resumed:
        (tmp_path / "set.zip.part").write_bytes(CONTENT[:300_000])
    with pytest.raises(SourceError, match="it sends more than 0 MB"):
        download(server.url, tmp_path / "set.zip", None, most=400_000)
    assert list(tmp_path.iterdir()) == []


def test_the_limit_leaves_room_for_every_archive_there_is() -> None:
    sizes = {"ml-100k": 4_924_029, "ml-1m": 5_917_549, "ml-10m": 65_566_137, "ml-25m": 261_978_986}
    for name, size in sizes.items():
        assert size < SOURCES[name].most_bytes < 100_000_000 + 2 * size


def test_a_server_that_drips_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = itertools.count(0, 3600)
    monkeypatch.setattr(fetch, "monotonic", lambda: next(hours))
    with pytest.raises(SourceError, match=r"it is too slow: .* bytes in 3600 seconds"):
        download(server.url, tmp_path / "set.zip", None)


def publish(server: Server, monkeypatch: pytest.MonkeyPatch, name: str, path: Path) -> None:
    """Let `name` stand for the small set in the zip at `path`, served by `server`."""
    server.content = path.read_bytes()
    counts = {"interactions": 3, "users": 2, "items": 2}
    if name == "ml-100k":
        counts = {"interactions": 2, "users": 2, "items": 1}
    source = replace(SOURCES[name], url=server.url, md5=md5(server.content), **counts)  # type: ignore[arg-type]
    monkeypatch.setitem(SOURCES, name, source)


def test_a_fetched_set_is_registered_and_known_to_be_the_publishers(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(server, monkeypatch, "ml-1m", write_zip(tmp_path / "a.zip", ML_1M))
    data = tmp_path / "data"
    messages: list[str] = []
    dataset = load.load_dataset(
        "ml-1m", data, on_event=lambda event: messages.append(event.message)
    )
    assert (dataset.name, dataset.n_interactions) == ("ml-1m", 3)
    assert messages[0] == f"data set 'ml-1m' is not in {data}: fetching it"
    (row,) = (row for row in list_datasets(data) if row["name"] == "ml-1m")
    assert row["state"] == "ready"
    assert row["checksum_official"] is True
    load.load_dataset("ml-1m", data, offline=True)
    assert len(server.asked) == 1


def test_an_incomplete_set_is_not_registered(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {**ML_1M, "ratings.dat": b"1::10::5::978300760\n"}
    publish(server, monkeypatch, "ml-1m", write_zip(tmp_path / "a.zip", files))
    with pytest.raises(InputError, match="is not ml-1m: it has 1 ratings"):
        fetch_dataset("ml-1m", tmp_path / "data")
    assert not (tmp_path / "data" / "ml-1m").exists()


def fake_pip(monkeypatch: pytest.MonkeyPatch, wheel: Path | None, stderr: str = "") -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert command[:5] == python_command("-m", "pip", "download")
        if wheel is not None:
            target = Path(command[command.index("--dest") + 1])
            (target / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0 if wheel else 1, "", stderr)

    monkeypatch.setattr("subprocess.run", run)


def test_ml_100k_comes_from_the_package_index_when_grouplens_is_out_of_reach(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(server, monkeypatch, "ml-100k", write_zip(tmp_path / "a.zip", ML_100K))
    server.status = 404
    atomic = {
        "ml-100k.inter": ATOMIC["books.inter"].split(b"\n")[0]
        + b"\n2\t10\t4\t978301968\n1\t10\t5\t978300760\n",
    }
    wheel = tmp_path / "recbole-1.2.1-py3-none-any.whl"
    write_zip(wheel, atomic, prefix="recbole/dataset_example/ml-100k/")
    fake_pip(monkeypatch, wheel)
    with pytest.raises(InputError, match=r"the wheel has checksum [0-9a-f]{64} where 9c9948"):
        fetch_dataset("ml-100k", tmp_path / "data")
    downloads = tmp_path / "data" / "downloads"
    assert list(downloads.glob("*.whl")) == []
    (downloads / wheel.name).write_bytes(b"damaged")  # what lies there already counts as little
    monkeypatch.setattr(fetch, "RECBOLE_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    dataset = fetch_dataset("ml-100k", tmp_path / "data")
    assert dataset.user.tolist() == [1, 0]
    assert dataset.timestamp.tolist() == [978301968, 978300760]


def test_of_several_wheels_the_same_one_is_taken_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order in which a folder lists its files is that of the file system."""
    for name in ("films-1.0-py2-none-any.whl", "films-1.0-py3-none-any.whl"):
        (tmp_path / name).touch()
    as_listed = sorted(tmp_path.iterdir(), reverse=True)
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter(as_listed))
    found = fetch.download_wheel("films==1.0", hashlib.sha256().hexdigest(), tmp_path)
    assert found.name == "films-1.0-py2-none-any.whl"


def test_when_every_source_fails_each_is_named_with_its_reason(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(server, monkeypatch, "ml-100k", write_zip(tmp_path / "a.zip", ML_100K))
    server.status = 500
    fake_pip(monkeypatch, None, "WARNING: x\nERROR: No matching distribution found\n")
    with pytest.raises(InputError) as error:
        fetch_dataset("ml-100k", tmp_path / "data")
    assert f"{server.url}: the server answers 500" in error.value.problem
    assert "recbole==1.2.1 (package index): ERROR: No matching" in error.value.problem
    assert "or use sample" in error.value.remedy
    assert "\n" not in error.value.problem


def test_offline_and_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'ml-1m' is not in .*\n.*data fetch ml-1m"):
        load.load_dataset("ml-1m", tmp_path, offline=True)
    with pytest.raises(InputError, match=r"unknown published data set 'ml-2m'\ndid you mean"):
        fetch_dataset("ml-2m", tmp_path)


def test_a_full_disk_is_said(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(server, monkeypatch, "ml-1m", write_zip(tmp_path / "a.zip", ML_1M))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch, "_copy", full)
    with pytest.raises(InputError, match=r"cannot be stored in .*: No space left on device"):
        fetch_dataset("ml-1m", tmp_path / "data")
