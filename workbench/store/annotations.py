"""What is said about a run from outside it: tags, a note, and published figures to hold it against.

``annotations.json`` is the only file of a run folder that people change; a run without it has none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from recsys_core.errors import InputError
from workbench.store.files import read_json, write_json
from workbench.store.kinds import Kind, check, list_of, mapping, mapping_of, number, text

ANNOTATIONS = "annotations.json"
_LONGEST_TAG, _LONGEST_NOTE = 40, 4000
#: letters and digits of any script, and signs that mean nothing in a filter line
_TAG = re.compile(r"\w[\w.+@#/-]*")


_KINDS: dict[str, Kind] = {
    "tags": list_of(text),
    "note": text,
    "published": mapping_of(mapping),
}
_FIGURE: dict[str, Kind] = {"value": number, "source": text}


@dataclass(frozen=True, slots=True)
class Published:
    """A figure that somebody published, and who."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Annotations:
    """The content of the file.

    Parameters
    ----------
    tags
        Words to find the run by, sorted.
    note
        Free text, several lines if need be.
    published
        By metric; written when a suite that names them ran or reused the run.
    """

    tags: tuple[str, ...] = ()
    note: str = ""
    published: Mapping[str, Published] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return the file's JSON."""
        return {**asdict(self), "tags": list(self.tags)}


def read_annotations(folder: Path) -> Annotations:
    """Read what is said about a run.

    Raises
    ------
    StoreError
        The file is damaged.
    """
    path = folder / ANNOTATIONS
    if not path.exists():
        return Annotations()
    return parse_annotations(read_json(path), path)


def parse_annotations(values: Mapping[str, Any], where: Path) -> Annotations:
    """Take the file's JSON apart; fields of later versions are left out."""
    check(values, _KINDS, where, required=False)
    published = {}
    for metric, figure in values.get("published", {}).items():
        check(figure, _FIGURE, where, inside=f"{metric}: ")
        published[metric] = Published(float(figure["value"]), figure["source"])
    tags, note = values.get("tags", []), values.get("note", "")
    return Annotations(tuple(sorted(set(tags))), note, published)


def annotate(folder: Path, **changes: Any) -> Annotations:
    """Change `tags`, `note` or `published` of a run; what is not named stays.

    Returns
    -------
    What is said about the run now.

    Raises
    ------
    StoreError
        The file is damaged, or the folder cannot be written.
    """
    before = read_annotations(folder)
    after = replace(before, **changes)
    if after != before:
        write_json(folder / ANNOTATIONS, after.plain())
    return after


def parse_tags(text: str) -> tuple[str, ...]:
    """Split a line into tags, at spaces and commas.

    Raises
    ------
    InputError
        A tag that could not be typed into a filter.

    Examples
    --------
    >>> parse_tags("tuned, paper tuned")
    ('paper', 'tuned')
    """
    tags = sorted({word for word in re.split(r"[\s,]+", text) if word})
    for tag in tags:
        if len(tag) > _LONGEST_TAG or not _TAG.fullmatch(tag):
            raise InputError(
                f"'{tag}' is not a tag",
                f"letters, digits and . + @ # / - _; at most {_LONGEST_TAG}",
            )
    return tuple(tags)


def check_note(text: str) -> str:
    """Return a note without the space around it.

    Raises
    ------
    InputError
        It is too long.
    """
    note = text.strip()
    if len(note) > _LONGEST_NOTE:
        raise InputError(
            f"the note has {len(note):,} characters", f"at most {_LONGEST_NOTE:,} are kept"
        )
    return note
