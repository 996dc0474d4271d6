"""The protocol of an experiment: how its runs learn wherever the experiment itself says nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from vscbench.config.reading import ENDINGS, PROTOCOLS, content_of
from vscbench.errors import UserError
from vscbench.registry import nearest
from vscbench.settings import STRICT, made
from vscbench.violations import ViolationsError

DEFAULT = "strong"


class Part(BaseModel):
    """How one kind of generator is trained, and what is measured of it."""

    model_config = STRICT

    encoder: dict[str, Any] = {}
    """What encodes, by its kind."""
    objective: dict[str, Any] = {}
    """What is minimised."""
    training: dict[str, Any] = {}
    """How it is minimised: the optimizer by its kind."""
    evaluation: dict[str, Any] = {}
    """What metrics are computed with."""
    overrides: dict[str, dict[str, Any]] = {}
    """Constants by method, in place of the package's."""


class Protocol(BaseModel):
    """What lies under all that an experiment says, as a file lies under another that extends it.

    A key of the experiment replaces that key alone. Who names another `kind` of encoder or optimizer than the protocol
    replaces the whole part: no key of the protocol's is left in it.
    """

    model_config = STRICT

    linear: Part = Part()
    """For generators that are dictionaries."""
    network: Part = Part()
    """For generators that are networks."""


def said(value: Any) -> Any:
    """What a study says under `protocol`: a name of the package's, or the content, that of a file read.

    Raises:
        ValueError: there is no such protocol, or its content is not valid.

    Example:
        >>> said("paper"), said({"linear": {"encoder": {"kind": "mlp"}}}).linear.encoder
        ('paper', {'kind': 'mlp'})
    """
    if isinstance(value, str) and not value.endswith(ENDINGS):
        if value in PROTOCOLS:
            return value
        known = f"there are {', '.join(PROTOCOLS)}, or the path of a file of your own (.yaml)"
        raise ValueError(f"there is no protocol {value}{nearest(value, PROTOCOLS)}; {known}")
    if not isinstance(value, str | dict):
        return value  # refused by its type
    try:
        return made(Protocol, content_of(Path(value)) if isinstance(value, str) else value)
    except ViolationsError as error:
        file = f"{value}: " if isinstance(value, str) else ""
        found = (": ".join(filter(None, [".".join(place), text])) for place, text in error.found)
        raise ValueError(file + "; ".join(found)) from None
    except UserError as error:
        raise ValueError(str(error)) from None


def part(protocol: str | Protocol, *, linear: bool) -> Part:
    """What a protocol says of dictionaries, or of networks.

    Example:
        >>> part("paper", linear=True).training["optimizer"]
        {'kind': 'two_rates'}
    """
    found = shipped(protocol) if isinstance(protocol, str) else protocol
    return found.linear if linear else found.network


@cache
def shipped(name: str) -> Protocol:
    """A protocol of the package."""
    found = made(Protocol, content_of(PROTOCOLS[name]))
    assert isinstance(found, Protocol)  # noqa: S101
    return found
