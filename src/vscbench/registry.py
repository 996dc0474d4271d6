"""Parts by name: a table of the package says where each stands, and `module:Class` names one of the user's own."""

from __future__ import annotations

import difflib
import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from vscbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CODERS = "vscbench.coders"
"""The entry points by which an installed package offers coders."""


def nearest(name: str, known: Iterable[str]) -> str:
    """'; did you mean X?', or '' where nothing in `known` is near `name`."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def address(table: Mapping[str, str], name: str, what: str, group: str = "") -> str:
    """Where the part called `name` stands, as `module:attribute`, without importing it.

    Args:
        table: addresses by name, of the package's own parts.
        name: a name of the table, of an entry point of `group`, or itself an address `module:attribute`.
        what: what the part is, for messages: "family", "kind of data set".
        group: the entry points that installed packages offer such parts by.

    Raises:
        UserError: nothing has that name; the nearest one that exists is named.

    Example:
        >>> address({"fista": "vscbench.coders.fista:Fista"}, "fista", "family")
        'vscbench.coders.fista:Fista'
        >>> address({}, "my_module:MyCoder", "family")
        'my_module:MyCoder'
    """
    if name in table:
        return table[name]
    if ":" in name:
        return name
    offered = {point.name: point.value for point in entry_points(group=group)} if group else {}
    if name in offered:
        return offered[name]
    known = [*table, *offered]
    raise UserError(f"there is no {what} {name}{nearest(name, known)}; there are {', '.join(known)}, or module:Class")


def load(where: str) -> Any:
    """Import what stands at `module:attribute`.

    Raises:
        UserError: there is no such module on the Python path, it cannot be imported, or has no such attribute.

    Example:
        >>> load("math:pi")
        3.141592653589793
    """
    module, _, attribute = where.partition(":")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):  # the module is there, and needs another that is not
            raise UserError(f"{where}: {module} needs the package {error.name}, which is not installed") from None
        raise UserError(
            f"{where}: there is no module {module} on the Python path or in the folder plugins beside the config"
        ) from None
    except Exception as error:  # noqa: BLE001  (whatever a user's module raises on import)
        raise UserError(f"{where}: {module} cannot be imported: {type(error).__name__}: {error}") from None
    try:
        return getattr(found, attribute)
    except AttributeError:
        known = [name for name in vars(found) if not name.startswith("_")]
        raise UserError(f"{where}: {module} has no {attribute}{nearest(attribute, known)}") from None


def find(table: Mapping[str, str], name: str, what: str, group: str = "") -> Any:
    """The part called `name`, imported; arguments and errors as of `address` and `load`.

    Example:
        >>> find({"pi": "math:pi"}, "pi", "number")
        3.141592653589793
    """
    return load(address(table, name, what, group))
