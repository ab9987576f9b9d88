"""Typed configuration: one base class, one way to read it, errors that name key and value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from reprlib import Repr
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recsys_core.errors import SHOWN, InputError, shorten, unknown_name
from recsys_core.reading import YAMLError, parse_yaml, read_bytes
from recsys_core.values import parse_value

__all__ = ["Config", "Widths", "parse_config", "parse_value", "read_yaml"]


class Config(BaseModel):
    """Base of every configuration: unknown keys are errors, numbers finite, values never change."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )
    replaced: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Fields of earlier versions: the name of today, or what to do instead. Children add theirs."""

    @classmethod
    def current(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Write values that an earlier version stored with the names of today.

        What a person writes is not translated: `parse_config` names the new field.
        """
        renamed = names_of_today(cls)
        found = {renamed.get(name, name): value for name, value in values.items()}
        for name, field in cls.model_fields.items():
            inner = next(_configs_in(field.annotation), None)
            if inner is not None and issubclass(inner, Config):
                found |= {name: _current(inner, found[name])} if name in found else {}
        return found


def _current(config: type[Config], value: Any) -> Any:
    if isinstance(value, Mapping):
        return config.current(value)
    return [_current(config, each) for each in value] if isinstance(value, list) else value


def names_of_today(config: type[Config]) -> dict[str, str]:
    """List the fields that had another name before: old -> new."""
    return {old: new for old, new in _replaced(config).items() if new in config.model_fields}


def _replaced(config: type[BaseModel]) -> dict[str, str]:
    """Collect what a configuration and its parents say of fields of earlier versions."""
    return {
        old: new
        for parent in reversed(config.__mro__)
        for old, new in vars(parent).get("replaced", {}).items()
    }


#: sizes of the layers of a network
Widths = tuple[Annotated[int, Field(ge=1, le=2**16)], ...]

ConfigT = TypeVar("ConfigT", bound=Config)


def parse_config(config: type[ConfigT], values: Mapping[str, Any], where: str) -> ConfigT:
    """Validate `values` as `config`.

    Parameters
    ----------
    where
        What is being configured, for the message: ``"model mf"``, ``"suite quick"``.

    Raises
    ------
    InputError
        Names the first wrong key, its value, and the nearest valid key or the allowed values.
    """
    try:
        return config.model_validate(dict(values))
    except ValidationError as error:
        raise _explain(config, error, where) from None


def _explain(config: type[Config], error: ValidationError, where: str) -> InputError:
    """Turn pydantic's first complaint into one sentence and a remedy; unknown keys come first."""
    errors = error.errors(include_url=False)
    first = min(errors, key=lambda each: each["type"] != "extra_forbidden")
    path = shorten(".".join(str(part) for part in first["loc"]))
    if first["type"] == "extra_forbidden":
        *parents, key = first["loc"]
        inside = "".join(f", in {parents[0]}" for _ in parents[:1])
        owner = _config_at(config, parents)
        instead = _replaced(owner).get(str(key))
        if instead in owner.model_fields:
            return InputError(
                f"{where}{inside}: '{key}' is called '{instead}' now", f"write {instead}"
            )
        if instead is not None:
            return InputError(f"{where}{inside}: '{key}' is no longer a field", instead)
        return unknown_name(f"field of {where}{inside}", str(key), owner.model_fields)
    if first["type"] == "missing":
        return InputError(f"{where}: field '{path}' is missing", f"add {path}: VALUE")
    if not path:  # of several fields together: the reason names them
        return InputError(f"{where}: {_reason(first['msg'])}")
    given = shorten(_Shown().repr(first["input"]), 4 * SHOWN)
    field = config.model_fields.get(path)
    remedy = f"{path}: {field.description}" if field and field.description else ""
    return InputError(f"{where}: {path} = {given}: {_reason(first['msg'])}", remedy)


def _config_at(config: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """Find the nested configuration that lies at `path`, e.g. ``("jobs", 0)``."""
    for part in path:
        field = config.model_fields.get(str(part))
        if field is not None:
            config = next(_configs_in(field.annotation), config)
    return config


def _configs_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _configs_in(argument)


class _Shown(Repr):
    """Writes a foreign value much as it was given, never at length."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = SHOWN

    def repr_int(self, value: int, level: int) -> str:
        return shorten(value)

    def repr_date(self, value: date, level: int) -> str:
        return str(value)

    repr_datetime = repr_date


def _reason(message: str) -> str:
    """Lower-case pydantic's sentence and drop its prefix, so that it can follow a colon."""
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file whose top level is a mapping.

    Raises
    ------
    InputError
        The file is missing, is not UTF-8 YAML (line and column named) or is not a mapping.
    """
    return parse_mapping(read_text(path), path)


def read_text(path: Path) -> str:
    """Read a text file that may be foreign.

    Raises
    ------
    InputError
        It is missing, no regular file, too large, or not UTF-8.
    """
    try:
        return read_bytes(path).decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"no such file: {path}", "check the path") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def parse_mapping(text: str, path: Path) -> dict[str, Any]:
    """Parse YAML whose top level is a mapping; `path` is for the message of `read_yaml`."""
    try:
        content = parse_yaml(text)
    except YAMLError as error:
        column = f", column {error.column}" if error.column else ""
        at = f" line {error.line}{column}" if error.line else ""
        raise InputError(f"{path}:{at} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        kind = "empty" if content is None else f"a {type(content).__name__}"
        raise InputError(f"{path}: expected 'key: value' lines, found {kind}")
    return content
