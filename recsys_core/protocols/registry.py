"""The protocols by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recsys_core.config import parse_config
from recsys_core.errors import InputError, unknown_name
from recsys_core.protocols.base import ProtocolConfig
from recsys_core.protocols.random_cuts import RandomPerUser, RandomRows
from recsys_core.protocols.time_cuts import GlobalTimeline, LeaveLastOut, UserTimeline

PROTOCOLS: dict[str, type[ProtocolConfig]] = {
    protocol.name: protocol
    for protocol in (UserTimeline, GlobalTimeline, LeaveLastOut, RandomRows, RandomPerUser)
}


def protocol_names() -> list[str]:
    """List the protocols, the default first."""
    return list(PROTOCOLS)


def protocol_class(name: str) -> type[ProtocolConfig]:
    """Look up a protocol by name.

    Raises
    ------
    InputError
        No such protocol; the nearest name is offered.
    """
    if name not in PROTOCOLS:
        raise unknown_name("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


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
            f"add name: one of {', '.join(PROTOCOLS)}",
        )
    return parse_config(protocol_class(name), parameters, f"protocol {name}")
