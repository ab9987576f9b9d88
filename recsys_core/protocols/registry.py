"""The protocols by name: those of this library, and those that extensions register."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from recsys_core.config import parse_config
from recsys_core.errors import InputError, shorten, unknown_name
from recsys_core.extensions import NAME, if_it_fails, load_extensions, registered_twice
from recsys_core.protocols.base import ProtocolConfig
from recsys_core.protocols.cold_items import ColdItems
from recsys_core.protocols.given import Given
from recsys_core.protocols.guards import guard
from recsys_core.protocols.held_out_users import HeldOutUsers
from recsys_core.protocols.random_cuts import RandomPerUser, RandomRows
from recsys_core.protocols.time_cuts import GlobalTimeline, LeaveLastOut, UserTimeline

PROTOCOLS: dict[str, type[ProtocolConfig]] = {
    protocol.name: protocol
    for protocol in (
        *(UserTimeline, GlobalTimeline, LeaveLastOut, RandomRows, RandomPerUser),
        *(HeldOutUsers, ColdItems, Given),
    )
}


#: protocols of extensions
_added: dict[str, type[ProtocolConfig]] = {}
ClassT = TypeVar("ClassT", bound=type[ProtocolConfig])


def register_protocol(protocol: ClassT) -> ClassT:
    """Register the decorated class, a `ProtocolConfig`, under its ``name`` (docs/extending.md).

    Whatever its code raises becomes an error that names it, and so does a cut that is none.

    Raises
    ------
    InputError
        The name is taken or none, or the class says not what the protocol leaks.
    """
    name, leaks = getattr(protocol, "name", ""), getattr(protocol, "leaks", "")
    where = f"protocol '{shorten(name)}' ({protocol.__module__}.{protocol.__qualname__})"
    if not issubclass(protocol, ProtocolConfig):
        raise InputError(
            f"{where} is not a ProtocolConfig", "derive it from recsys_core.protocols.base"
        )
    if re.fullmatch(NAME, name) is None:
        raise InputError(f"{where} has no proper name", "set name to words like 'every-third'")
    if not re.fullmatch(r"[A-Z].{10,}\.", leaks):
        raise InputError(
            f"{where} does not say what it leaks",
            "set leaks to a sentence, e.g. 'Leaks nothing: every train row is from before …'",
        )
    taken = PROTOCOLS.get(name, _added.get(name))
    if taken is not None and taken.__module__ != protocol.__module__:
        raise registered_twice("protocol", name, taken.__module__, protocol.__module__)
    guard(protocol, where)
    _added[name] = protocol
    if_it_fails(lambda: forget_protocol(name))
    return protocol


def forget_protocol(name: str) -> None:
    """Take a registration back."""
    _added.pop(name, None)


def protocol_names() -> list[str]:
    """List the protocols, the default first, those of extensions last."""
    load_extensions()
    return [*PROTOCOLS, *_added]


def protocol_class(name: str) -> type[ProtocolConfig]:
    """Look up a protocol by name.

    Raises
    ------
    InputError
        No such protocol; the nearest name is offered.
    """
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    load_extensions()
    if name not in _added:
        raise unknown_name("protocol", name, protocol_names())
    return _added[name]


def make_protocol(values: Mapping[str, Any]) -> ProtocolConfig:
    """Build a protocol from its name and parameters.

    Examples
    --------
    >>> make_protocol({"name": "random-per-user", "min_rating": 3, "k_core": 10}).k_core
    10

    Raises
    ------
    InputError
        The name is missing or unknown, or a parameter is unknown or out of bounds.
    """
    parameters = dict(values)
    name = parameters.pop("name", None)
    if not isinstance(name, str):
        raise InputError(
            f"protocol: 'name' is {'missing' if name is None else repr(name)}",
            f"add name: one of {', '.join(protocol_names())}",
        )
    return parse_config(protocol_class(name), parameters, f"protocol {name}")
