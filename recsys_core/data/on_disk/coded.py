"""A column of text on disk: numbered piece by piece as it is read, then over all pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.context import Texts, context_column, is_code, number_of
from recsys_core.data.dataset import Categorical, Column, IntArray, Numeric, TextArray
from recsys_core.data.file_layout import ContextColumn, is_missing
from recsys_core.data.numbering import MOST_DIGITS, floats_note, number_integers, padded_note
from recsys_core.data.on_disk.columns import BLOCK_ROWS, ColumnFile, forget
from recsys_core.data.on_disk.engine import Engine, in_parts
from recsys_core.data.pieces import no_numbers
from recsys_core.data.times import is_number

WHOLE = "regexp_full_match({0}, '0|[1-9][0-9]*') AND length({0}) <= " + str(MOST_DIGITS)
FLOAT = "regexp_full_match({0}, '[0-9]+([.]0)?')"


class CodedColumn:
    """One column of text.

    Parameters
    ----------
    name
        That of its table and files.
    """

    def __init__(self, name: str, folder: Path, engine: Engine) -> None:
        self._name, self._folder, self._engine = name, folder, engine
        self._codes = ColumnFile(folder / f"{name}.codes", np.int32)
        #: rows and distinct texts of each piece
        self._rows: list[int] = []
        self._sizes: list[int] = []
        #: texts of the last pieces, which are not in the table yet
        self._new: list[NDArray[Any]] = []
        engine.run(f"CREATE TABLE {name} (piece INTEGER, code INTEGER, word VARCHAR)")

    def add(self, values: NDArray[Any] | Texts) -> None:
        """Add the values of the next piece."""
        if not isinstance(values, Texts):
            distinct, codes = number_integers(values)
            words = np.array([str(number) for number in distinct.tolist()], dtype=object)
        else:
            used = values.used()
            codes, words = used.codes, used.values
        self._codes.append(codes)
        self._new.append(words)
        self._rows.append(len(codes))
        self._sizes.append(len(words))
        if sum(map(len, self._new)) > BLOCK_ROWS:
            self._flush()

    def _flush(self) -> None:
        """Write the texts of the last pieces into the table."""
        sizes = self._sizes[len(self._sizes) - len(self._new) :]
        first = len(self._sizes) - len(sizes)
        columns = {
            "piece": np.repeat(np.arange(first, len(self._sizes), dtype=np.int32), sizes),
            "code": np.concatenate([np.arange(size, dtype=np.int32) for size in sizes]),
            "word": np.concatenate(self._new),
        }
        self._engine.insert(self._name, columns)
        self._new.clear()

    def number(self, side: str = "") -> tuple[IntArray, TextArray, str]:
        """Give the texts numbers, as `numbering` does.

        Parameters
        ----------
        side
            Whose ids they are, for the note.

        Returns
        -------
        The number of each row, the texts in order, and what people should know of them.
        """
        if self._new:
            self._flush()
        name, one = self._name, self._engine.one
        self._engine.run(f"CREATE TABLE {name}_words AS SELECT DISTINCT word FROM {name}")  # noqa: S608
        is_float = FLOAT.format("word")
        as_floats, all_match = one(
            f"SELECT bool_or(suffix(word, '.0')), bool_and({is_float}) FROM {name}_words"  # noqa: S608
        )
        key, note = "word", ""
        if as_floats and all_match:
            key = "CASE WHEN suffix(word, '.0') THEN left(word, -2) ELSE word END"
            (example,) = one(
                f"SELECT word FROM {name} WHERE suffix(word, '.0')"  # noqa: S608
                " ORDER BY piece, code LIMIT 1"
            )
            note = floats_note(side, example)
        whole = WHOLE.format("key")
        (numeric,) = one(f"SELECT bool_and({whole}) FROM (SELECT {key} AS key FROM {name}_words)")  # noqa: S608
        order = "length(key), key" if numeric else "key"
        self._engine.run(
            f"CREATE TABLE {name}_ids AS SELECT key, row_number() OVER (ORDER BY {order}) - 1"  # noqa: S608
            f" AS number FROM (SELECT DISTINCT {key} AS key FROM {name}_words)"
        )
        ids, padded = self._write_ids()
        found = self._engine.blocks(
            f"SELECT number FROM (SELECT piece, code, {key} AS key FROM {name})"  # noqa: S608
            f" JOIN {name}_ids USING (key) ORDER BY piece, code"
        )
        numbers = self._spread(in_parts(found, "number", self._sizes), np.int32)
        for table in (name, f"{name}_words", f"{name}_ids"):
            self._engine.run(f"DROP TABLE {table}")
        return numbers, ids, note or padded_note(side, padded)

    def _write_ids(self) -> tuple[TextArray, int]:
        """Write the ids in order; count those that begin or end with a blank."""
        (width,) = self._engine.one(f"SELECT max(length(key)) FROM {self._name}_ids")  # noqa: S608
        file = ColumnFile(self._folder / f"{self._name}.ids", f"U{width}")
        padded = 0
        for block in self._engine.blocks(f"SELECT key FROM {self._name}_ids ORDER BY number"):  # noqa: S608
            texts = block["key"].tolist()
            padded += sum(text != text.strip() for text in texts)
            file.append(np.array(texts, dtype=f"U{width}"))
        return file.map(), padded

    def _spread(self, parts: Iterator[NDArray[Any]], dtype: type) -> NDArray[Any]:
        """Give each row what its text has, which `parts` says piece by piece."""
        codes = self._codes.map()
        file = ColumnFile(self._folder / f"{self._name}.values", dtype)
        start = 0
        for rows, values in zip(self._rows, parts, strict=True):
            file.append(values[codes[start : start + rows]])
            start += rows
        forget(codes)
        return file.map()

    def as_context(self, about: ContextColumn, where: str) -> Column:
        """Make a further column of events, as `context_column` does.

        Raises
        ------
        DataError
            It is said to hold numbers, and does not.
        """
        if self._new:
            self._flush()
        if self._holds_numbers(about, where):
            numbers = self._spread(self._looked_up(_number), np.float32)
            return Numeric(numbers)
        distinct = [
            word
            for block in self._engine.blocks(f"SELECT DISTINCT word FROM {self._name}")  # noqa: S608
            for word in block["word"].tolist()
        ]
        places = np.arange(len(distinct), dtype=np.int32)
        made = context_column(Texts(places, np.array(distinct, dtype=object)), "category")
        assert isinstance(made, Categorical)
        code_of = dict(zip(distinct, made.codes.tolist(), strict=True))
        codes = self._spread(self._looked_up(code_of.__getitem__), np.int32)
        return Categorical(codes, made.vocabulary)

    def _holds_numbers(self, about: ContextColumn, where: str) -> bool:
        """Whether all texts that stand for a value are numbers, as far as that matters."""
        if about.kind == "category":
            return False
        is_there, guessed = False, about.kind == "guess"
        for block in self._engine.blocks(f"SELECT DISTINCT word FROM {self._name}"):  # noqa: S608
            present = [word for word in block["word"].tolist() if not is_missing(word)]
            is_there = is_there or bool(present)
            if not all(is_number(word) and not (guessed and is_code(word)) for word in present):
                if guessed:
                    return False
                raise no_numbers(about, where)
        return is_there or not guessed

    def _looked_up(self, value_of: Callable[[str], Any]) -> Iterator[NDArray[Any]]:
        """Give what the texts of each piece stand for."""
        found = self._engine.blocks(f"SELECT word FROM {self._name} ORDER BY piece, code")  # noqa: S608
        for words in in_parts(found, "word", self._sizes):
            yield np.array([value_of(word) for word in words.tolist()])


def _number(word: str) -> float:
    return number_of(word) if is_number(word) else float("nan")
