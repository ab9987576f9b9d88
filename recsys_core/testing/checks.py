"""How checks fail: an AssertionError that says what is wrong, whatever runs them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from recsys_core.config import Config, parse_config
from recsys_core.errors import TRAIN_AGAIN, InputError

#: what to do about a damaged model, as a pattern
AGAIN = re.escape(TRAIN_AGAIN)


def hold(condition: object, message: str) -> None:
    """Fail with a message unless the condition is true."""
    if not condition:
        raise AssertionError(message)


def same(found: ArrayLike, expected: ArrayLike, message: str) -> None:
    """Fail unless two arrays have equal shapes and values; NaN equals NaN."""
    np.testing.assert_array_equal(found, expected, err_msg=message)


@contextmanager
def refused(pattern: str, message: str) -> Iterator[None]:
    """Fail unless the block raises an InputError whose text has a pattern."""
    try:
        yield
    except InputError as error:
        hold(re.search(pattern, str(error)), f"{message}: it is refused, but says: {error}")
    else:
        raise AssertionError(f"{message}: it is not refused")


def check_fields(config_class: type[Config], where: str) -> None:
    """Check that fields have defaults and descriptions, and survive being stored."""
    hold(issubclass(config_class, Config), f"{where}: Config is no recsys_core.config.Config")
    config = config_class()
    written = json.loads(json.dumps(config.model_dump(mode="json")))
    hold(
        parse_config(config_class, written, where) == config,
        f"{where}: fields that were written and read again differ",
    )
    hold(
        config_class.model_validate_json(config.model_dump_json()) == config,
        f"{where}: fields that were written as JSON and read again differ",
    )
    with refused(f"unknown field of {where} 'nonsense'", f"{where}: an unknown field"):
        parse_config(config_class, {"nonsense": 1}, where)
    bare = [key for key, field in config_class.model_fields.items() if not field.description]
    hold(not bare, f"{where}: fields without a description: {', '.join(bare)}")
    strange = sorted(set(schema_words(config_class.model_json_schema())) - FORM_WORDS)
    hold(not strange, f"{where}: forms do not know these words of its schema: {strange}")


#: what forms follow of a JSON schema
_READ = {"type", "anyOf", "oneOf", "$ref", "enum", "const", "items", "properties", "required"}
_READ |= {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "maxLength"}
_READ |= {"minItems", "maxItems", "additionalProperties"}
#: with what says nothing of values: the words of a schema that forms know
FORM_WORDS = _READ | {"title", "description", "default", "discriminator", "$defs"}


def schema_words(schema: Any) -> Iterator[str]:
    """Yield the keys of a schema at any depth, but not the names of fields."""
    if isinstance(schema, list):
        for each in schema:
            yield from schema_words(each)
    elif isinstance(schema, dict):
        for word, value in schema.items():
            yield word
            if word in ("properties", "$defs"):
                yield from schema_words(list(value.values()))
            elif word not in ("default", "enum", "required", "discriminator", "renamed"):
                yield from schema_words(value)
