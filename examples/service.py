"""Recommendations over HTTP: recommend, similar, explain and health, as JSON.

pip install 'recsys-workbench[service]'
python examples/service.py runs/20261124-075203-two-stage-d21c --data-dir data --port 8000
curl -d '{"users": ["42"], "k": 5}' http://127.0.0.1:8000/recommend

docs/serving.md describes requests, answers and limits.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import uvicorn
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from recsys_core.errors import InputError, shorten
from recsys_core.pipeline.explain import explain_items
from recsys_core.pipeline.recommender import Recommender
from recsys_core.reading import parse_json

#: a longer body, or one that takes longer to come, is refused
MOST_BYTES, MOST_SECONDS = 65_536, 5.0
Ids = list[str]


class Asked(BaseModel):
    """Users by their ids, or somebody by a history: ids, [id, rating] or [id, rating, time]."""

    model_config = ConfigDict(extra="forbid", strict=True)
    users: Ids = Field([], max_length=100)
    history: list[Any] | None = Field(None, max_length=500)


class Wanted(Asked):
    """What /recommend takes."""

    k: int = Field(10, ge=1, le=100)
    candidates: Ids | None = Field(None, max_length=1000)
    without: Ids = Field([], max_length=1000)


class Why(Asked):
    """What /explain takes."""

    items: Ids = Field(min_length=1, max_length=20)


def lists_of(recommender: Recommender, wanted: Wanted) -> list[dict[str, Any]]:
    """List items for each user; several users are one batch."""
    limits = {"candidates": wanted.candidates, "without": wanted.without}
    if wanted.history is not None or len(wanted.users) < 2:
        user, history = one(wanted)
        found = recommender.recommend(user, wanted.k, history=history, **limits)
        items = [{"item": each.item_id, "title": each.title, "score": each.score} for each in found]
        return [{"user": user, "items": items}]
    by_user: dict[str, list[dict[str, Any]]] = {user: [] for user in wanted.users}
    for block in recommender.lists(wanted.users, wanted.k, **limits):
        columns = (block.user_ids, block.item_ids, recommender.titles_of(block.items), block.scores)
        for user, item, title, score in zip(*(each.tolist() for each in columns), strict=True):
            by_user[user].append({"item": item, "title": title, "score": score})
    return [{"user": user, "items": items} for user, items in by_user.items()]


def one(asked: Asked) -> tuple[str | None, list[Any] | None]:
    """Take the only user, or the history."""
    if len(asked.users) + (asked.history is not None) != 1:
        raise InputError("the request names nobody, or several", "give users or a history")
    return (asked.users[0] if asked.users else None), asked.history


def alike(recommender: Recommender, item: str, k: int) -> list[dict[str, Any]]:
    """List the items most similar to one."""
    model: Any = recommender.model
    if not hasattr(model, "similar_items"):
        raise InputError("this model has no similarity of items", "serve a model of items")
    top = model.similar_items(np.array([recommender.item_number(item)]), k)
    found = top.items[0][top.items[0] >= 0]
    names = zip(recommender.dataset.item_ids[found], recommender.titles_of(found), strict=True)
    return [
        {"item": str(name), "title": str(title), "score": float(score)}
        for (name, title), score in zip(names, top.scores[0], strict=False)
    ]


def reasons(recommender: Recommender, why: Why) -> list[dict[str, Any]]:
    """Say which events of the history brought each item."""
    user, history = one(why)
    number = -1 if user is None else recommender.user_number(user)
    known = recommender.known_of(number) if history is None else recommender.as_history(history)
    items = np.array([recommender.item_number(item) for item in why.items])
    model: Any = recommender.model
    ids = recommender.dataset.item_ids
    return [
        {
            "item": str(ids[each.item]),
            "how": each.how,
            "causes": [{"item": str(ids[c.item]), "weight": c.weight} for c in each.causes],
        }
        for each in explain_items(model, number, known, items)
    ]


async def body_of(request: Request) -> Any:
    """Read a body that is short, comes soon, and is JSON."""
    content = b""
    try:
        async with asyncio.timeout(MOST_SECONDS):
            async for part in request.stream():
                content += part
                if len(content) > MOST_BYTES:
                    raise HTTPException(413, f"the body is longer than {MOST_BYTES} bytes")
    except TimeoutError:
        raise HTTPException(408, "the body did not come in time") from None
    try:
        return parse_json(content)
    except ValueError as error:
        raise HTTPException(400, f"the body is no JSON: {error}") from None


def service(recommender: Recommender, name: str) -> Starlette:
    """Put the routes together."""

    @asynccontextmanager
    async def ready(app: Starlette) -> AsyncIterator[None]:
        """Compute a list before the first request: what all lists share is made with it."""
        await run_in_threadpool(recommender.recommend, history=[recommender.dataset.item_ids[0]])
        yield

    async def recommend(request: Request) -> JSONResponse:
        wanted = Wanted.model_validate(await body_of(request))
        return JSONResponse({"lists": await run_in_threadpool(lists_of, recommender, wanted)})

    async def similar(request: Request) -> JSONResponse:
        wanted = Wanted.model_validate(dict(request.query_params), strict=False)
        item = request.path_params["item"]
        return JSONResponse({"items": await run_in_threadpool(alike, recommender, item, wanted.k)})

    async def explain(request: Request) -> JSONResponse:
        why = Why.model_validate(await body_of(request))
        return JSONResponse({"items": await run_in_threadpool(reasons, recommender, why)})

    async def health(request: Request) -> JSONResponse:
        data = recommender.dataset
        about = {"run": name, "dataset": data.name, "users": data.n_users, "items": data.n_items}
        return JSONResponse({"status": "ok", **about})

    routes = [
        Route("/recommend", recommend, methods=["POST"]),
        Route("/similar/{item}", similar, methods=["GET"]),
        Route("/explain", explain, methods=["POST"]),
        Route("/health", health, methods=["GET"]),
    ]
    handlers: dict[Any, Any] = {
        InputError: refused,
        ValidationError: refused,
        HTTPException: refused,
        Exception: refused,
    }
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=ready)


async def refused(request: Request, error: Exception) -> JSONResponse:
    """Say in JSON what is wrong with a request; of a fault of our own only that it is one."""
    status, problem, remedy = 500, "internal error", "see the log of the service"
    if isinstance(error, InputError):
        status, problem, remedy = 400, error.problem, error.remedy
    elif isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "body"
        status, problem, remedy = 400, f"{where}: {first['msg']}", "see docs/serving.md"
    elif isinstance(error, HTTPException):
        status, problem, remedy = error.status_code, error.detail, "see docs/serving.md"
    return JSONResponse({"error": shorten(problem, 500), "remedy": shorten(remedy, 500)}, status)


def main() -> None:
    """Load a run and serve it, on this machine alone unless told otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", help="folder of a recall or two-stage run")
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    asked = parser.parse_args()
    try:
        recommender = Recommender.load(asked.run, asked.data_dir)
    except InputError as error:
        parser.exit(2, f"error: {error}\n")
    app = service(recommender, asked.run.rstrip("/").rpartition("/")[2])
    uvicorn.run(app, host=asked.host, port=asked.port, limit_concurrency=64, log_level="warning")


if __name__ == "__main__":
    main()
