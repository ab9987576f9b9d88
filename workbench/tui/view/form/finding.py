"""Finding fields: by a part of the name, or by what the core says is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from workbench.tui.view.form.fields import Field
from workbench.tui.view.form.nested import Nested


def matches(fields: Iterable[Field], text: str) -> list[str]:
    """List the keys of the fields that a text may mean, the likeliest first.

    The whole name comes before the beginning of one, then come beginnings of words in it, and last
    any part of it.
    """
    text = text.strip().lower()
    ranked = []
    for place, each in enumerate(fields):
        name = each.full_name.lower()
        last = name.rpartition(".")[2]
        words = re.split(r"[._ -]", last)
        starts = (name.startswith(text), last.startswith(text), _any_starts(words, text))
        tests = (text in (name, last), *starts, text in name)
        if any(tests):
            ranked.append((tests.index(True), place, each.key))
    return [key for _, _, key in sorted(ranked)]


def _any_starts(words: Iterable[str], text: str) -> bool:
    return any(word.startswith(text) for word in words)


def field_meant(problem: str, fields: Mapping[str, Field], nested: Nested) -> str:
    """Find the key of the field that the core complains of; empty where it names none.

    Complaints name fields by their path (``model two-stage: channels.0.quota = 0: …``), and those
    of the models inside by what they are of (``channel ease (ease): l2 = -1: …``).
    """
    by_name = {each.full_name: key for key, each in fields.items()}
    inside = ""
    found = re.match(r"(?:channel (?P<channel>\S+)|ranker) \(", problem)
    twice = re.match(r".*channel '(?P<channel>.+)' occurs twice", problem)
    named = found or twice
    if named is not None:
        items = [each for each in fields.values() if re.fullmatch(r"channels\.\d+", each.path)]
        names = [nested.summary(each) for each in items]
        channel = named.groupdict().get("channel")
        if channel in names:
            place = len(names) - 1 - names[::-1].index(channel)
            inside = f"channels.{place}"
        elif channel is None:
            inside = "ranker"
    if twice is not None and inside:
        return by_name.get(f"{inside}.label", by_name.get(inside, ""))
    path = re.search(r"(?:^|: )([\w.]+) = |'([\w.]+)'", problem)
    name = next((part for part in path.groups() if part), "") if path is not None else ""
    for candidate in (f"{inside}.params.{name}", f"{inside}.{name}".lstrip("."), inside, name):
        while candidate:
            if candidate in by_name:
                return by_name[candidate]
            candidate = candidate.rpartition(".")[0]
    return ""
