"""examples/service.py on loopback: what it answers, and what it answers to hostile requests."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest

from recsys_core.pipeline.recommender import Recommender
from recsys_core.testing.planted import fit
from tests.export.served import script
from tests.export.test_features import split

pytestmark = pytest.mark.extras


class Client:
    """One connection that is kept open."""

    def __init__(self, port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=20)

    def ask(
        self, method: str, path: str, body: Any = None, raw: bytes | None = None
    ) -> tuple[int, Any]:
        """Send JSON, or bytes as they are, and read JSON; every answer must be some."""
        content = raw if raw is not None else (None if body is None else json.dumps(body).encode())
        self.connection.request(method, path, content)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        assert "Traceback" not in text
        return answer.status, json.loads(text)


@pytest.fixture(scope="module")
def recommender() -> Recommender:
    return Recommender(fit("item-cf", split().train), split())


@pytest.fixture(scope="module")
def port(recommender: Recommender) -> Iterator[int]:
    uvicorn = pytest.importorskip("uvicorn")
    app = script("service").service(recommender, "a-run")
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", limit_concurrency=64))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(20)
    listening.close()


@pytest.fixture
def client(port: int) -> Client:
    return Client(port)


def test_lists_are_those_of_the_recommender(client: Client, recommender: Recommender) -> None:
    wanted = [(each.item_id, each.score) for each in recommender.recommend("7", 4, without=["3"])]
    code, found = client.ask("POST", "/recommend", {"users": ["7"], "k": 4, "without": ["3"]})
    assert code == 200
    ((alone,)) = found["lists"]
    assert [(each["item"], each["score"]) for each in alone["items"]] == wanted
    code, found = client.ask("POST", "/recommend", {"users": ["9", "7"], "k": 4, "without": ["3"]})
    assert [each["user"] for each in found["lists"]] == ["9", "7"]
    assert [each["item"] for each in found["lists"][1]["items"]] == [item for item, _ in wanted]
    some = [str(number) for number in range(1, 20)]
    code, found = client.ask("POST", "/recommend", {"history": ["1", ["2", 5]], "candidates": some})
    assert code == 200
    assert {each["item"] for each in found["lists"][0]["items"]} <= set(some) - {"1", "2"}


def test_similar_explain_and_health(client: Client, recommender: Recommender) -> None:
    code, found = client.ask("GET", "/similar/5?k=3")
    assert (code, len(found["items"])) == (200, 3)
    item = recommender.recommend("7", 1)[0].item_id
    code, found = client.ask("POST", "/explain", {"users": ["7"], "items": [item]})
    assert code == 200
    assert found["items"][0]["item"] == item
    assert found["items"][0]["how"] == "influence"
    code, found = client.ask("GET", "/health")
    assert (code, found["status"], found["run"], found["users"]) == (200, "ok", "a-run", 80)


HOSTILE: list[tuple[int, Any]] = [
    (400, {}),
    (400, []),
    (400, None),
    (400, {"users": "7"}),
    (400, {"users": [7]}),
    (400, {"users": ["nobody"]}),
    (400, {"users": ["7"] * 101}),
    (400, {"users": ["7"], "k": -1}),
    (400, {"users": ["7"], "k": 0}),
    (400, {"users": ["7"], "k": 101}),
    (400, {"users": ["7"], "k": True}),
    (400, {"users": ["7"], "k": 2.5}),
    (400, {"users": ["7"], "k": float("nan")}),
    (400, {"users": ["7"], "k": 10**40}),
    (400, {"users": ["7"], "candidates": []}),
    (400, {"users": ["7"], "candidates": ["1"] * 1001}),
    (400, {"users": ["7"], "candidates": ["../../etc/passwd"]}),
    (400, {"users": ["7"], "candidates": ["1"], "without": ["1"]}),
    (400, {"users": ["7"], "exclude_seen": False}),
    (400, {"users": ["7"], "history": ["1"]}),
    (400, {"history": [["1", float("nan")]]}),
    (400, {"history": [["1", float("inf")]]}),
    (400, {"history": [["1", 5, 10**30]]}),
    (400, {"history": [["1", 5, 5, 5]]}),
    (400, {"history": [[["1"], 5]]}),
    (400, {"history": [{"item": "1"}]}),
    (400, {"history": [None]}),
    (400, {"history": ["1"] * 501}),
]


@pytest.mark.parametrize(("status", "body"), HOSTILE)
def test_what_is_wrong_is_said_in_json(client: Client, status: int, body: Any) -> None:
    code, answer = client.ask("POST", "/recommend", body)
    assert code == status
    assert set(answer) == {"error", "remedy"}
    assert len(answer["error"]) <= 500


@pytest.mark.parametrize(
    ("status", "raw"),
    [
        (413, b" " * 70_000),
        (413, b'{"users": ["' + b"7" * 66_000 + b'"]}'),
        (400, b"[" * 60_000),
        (400, b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
        (400, b'{"users": ["7"], "k": ' + b"9" * 60_000 + b"}"),
        (400, b'{"users": ["\\ud800"]}'),
        (400, b"\xff\xfe"),
        (400, b"not json"),
        (400, b""),
    ],
)
def test_bodies_that_nobody_sends_in_earnest(port: int, status: int, raw: bytes) -> None:
    assert Client(port).ask("POST", "/recommend", raw=raw)[0] == status


@pytest.mark.parametrize(
    ("status", "method", "path"),
    [
        (404, "GET", "/"),
        (404, "GET", "/../../etc/passwd"),
        (404, "GET", "/similar/%2e%2e%2fetc%2fpasswd"),
        (400, "GET", "/similar/nothing"),
        (400, "GET", "/similar/5?k=-1"),
        (400, "GET", "/similar/5?k=1e9"),
        (400, "GET", "/similar/5?k=" + "9" * 5000),
        (405, "GET", "/recommend"),
        (405, "DELETE", "/health"),
        (400, "POST", "/explain"),
    ],
)
def test_paths_that_lead_nowhere(client: Client, status: int, method: str, path: str) -> None:
    body: Any = {} if method == "POST" else None
    assert client.ask(method, path, body)[0] == status


def test_a_fault_of_its_own_is_no_traceback(
    client: Client, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recommender.model, "recommend", lambda *_, **__: 1 / 0)
    code, answer = client.ask("POST", "/recommend", {"users": ["7"]})
    assert (code, answer["error"]) == (500, "internal error")


def test_a_list_is_computed_before_the_first_request(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(recommender, "recommend", lambda *, history: asked.append(history))
    app = script("service").service(recommender, "a-run")

    async def start() -> None:
        async with app.router.lifespan_context(app):
            assert len(asked) == 1

    asyncio.run(start())


def many(port: int, requests: int) -> None:
    """Ask from eight connections at a time; every answer is a list."""

    def some(worker: int) -> int:
        own, found = Client(port), 0
        for number in range(worker, requests, 8):
            user = str(1 + number % 80)
            code, answer = own.ask("POST", "/recommend", {"users": [user], "k": 5})
            found += code == 200 and len(answer["lists"][0]["items"]) == 5
        return found

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(some, range(8))) == requests


def test_many_requests_side_by_side_are_all_answered(port: int) -> None:
    many(port, 800)
