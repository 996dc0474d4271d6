"""What the runs of a method in an experiment are made of: merged sections, and the sweeps in them."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench.config import parts
from vscbench.errors import UserError
from vscbench.merging import merge
from vscbench.methods import METHODS, Method
from vscbench.registry import nearest
from vscbench.violations import ViolationsError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from vscbench.config.protocols import Part
    from vscbench.config.study import Experiment

    Sections = dict[str, dict[str, Any]]

LATENTS = 128
"""K where a study says none."""
SWEPT = ("generator", "coder", "objective", "training")
"""The sections whose scalars may be given as lists, in the order of their axes."""


class Axis(NamedTuple):
    """A scalar that is given as a list."""

    name: str
    """The dotted key inside its section; `density` for that of a threshold as for that of a family."""
    section: str
    path: tuple[str, ...]
    values: list[Any]
    tied: tuple[Axis, ...] = ()
    """The scalars that move together along an axis of none of its own: those of a trial."""


def method(
    entries: Mapping[str, Any], name: str, above: tuple[str, ...] = (), under: Mapping[str, Any] | None = None
) -> Method:
    """The method called `name`: one of `entries`, the `methods` of a study, over its base or the package's.

    Args:
        entries: by name.
        name: of the method.
        above: the methods whose base it is.
        under: what a protocol lays over the package's constants, under the entries.

    Raises:
        UserError: there is no such method, or it is its own base.
    """
    entry = dict(entries.get(name, {}))
    if name in above or entry.get("base") == name:
        raise UserError("a method cannot be its own base")
    if "base" in entry:
        found = Method(name, name, method(entries, str(entry.pop("base")), (*above, name), under).settings)
    elif name in METHODS:
        found = METHODS[name]()
        found = Method(name, found.label, merge(found.settings, under or {}))
    elif name in entries:
        found = Method(name, name, dict(under or {}))
    else:
        known = list(dict.fromkeys([*entries, *METHODS]))
        raise UserError(f"there is no method {name}{nearest(name, known)}; there are {', '.join(known)}")
    return Method(name, entry.pop("label", found.label), merge(found.settings, entry))


def lineage(entries: Mapping[str, Any], name: str) -> list[str]:
    """A method of a study with those that it is based on before it."""
    found = [name]
    while (base := str(entries.get(found[0], {}).get("base", name))) not in found:
        found.insert(0, base)
    return found


def laid(part: Part, names: Sequence[str]) -> Sections:
    """What a protocol lays under a method and its experiment: `encoder`, `objective`, `training`, `coder`.

    Args:
        part: of the protocol, for the generator of the experiment.
        names: of the method, after those that it is based on; none where it takes no constants of a protocol.
    """
    own: dict[str, Any] = {}
    for name in names:
        own = merge(own, part.overrides.get(name, {}))
    differs = {key: own.pop(key) for key in parts.FIXED if isinstance(own.get(key), dict)}
    fixed = {key: merge(getattr(part, key), differs.get(key, {})) for key in parts.FIXED}
    return {"encoder": part.encoder, "coder": own, **fixed}


def constants(
    entries: Mapping[str, Any], setup: Experiment, name: str, under: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The settings of a method in an experiment: its own, then the density of the experiment, then the overrides.

    Args:
        entries: the `methods` of the study.
        setup: the experiment.
        name: of the method.
        under: as of `method`.
    """
    override = setup.overrides.get(name, {})
    found, own = (merge(method(entries, name, under=each).settings, override) for each in (under, None))
    nested = isinstance(found.get("threshold"), dict)
    target, said = (found["threshold"], override.get("threshold", {})) if nested else (found, override)
    by_itself = own.get("threshold", {}) if nested else own
    if setup.density is None or "density" in by_itself or said.keys() & {"value", "prior_active"}:
        return found
    try:
        sparse = nested or "density" in parts.model("coder", parts.chosen("coder", found)).model_fields
    except ViolationsError:
        return found  # of no family: what is wrong is told by `filled`
    at_density = merge(target, {"density": setup.density}) if sparse else target
    return found | {"threshold": at_density} if nested else at_density


def generator(setup: Experiment, shape: Sequence[int]) -> dict[str, Any]:
    """The generator of an experiment, its kind chosen by the shape of a data point where there is none said."""
    return {"kind": "dictionary" if len(shape) == 1 else "mlp", "latents": LATENTS} | setup.generator


def sections(setup: Experiment, settings: Mapping[str, Any], generator: Mapping[str, Any], under: Sections) -> Sections:
    """The parts of a specification with the sweeps still in them and the kinds chosen.

    Args:
        setup: the experiment.
        settings: those of the method in it.
        generator: that of the experiment.
        under: what a protocol lays under all this, as of `laid`.
    """
    coder = dict(settings)
    # What is no mapping stays with the coder, where it is refused.
    differs = {key: coder.pop(key) for key in parts.FIXED if isinstance(coder.get(key), dict)}
    fixed = {key: merge(merge(under[key], getattr(setup, key)), differs.get(key, {})) for key in parts.FIXED}
    fixed["training"].setdefault("optimizer", {})  # whose kind is then missed
    return {"generator": dict(generator), "encoder": merge(under["encoder"], setup.encoder), "coder": coder, **fixed}


def is_linear(generator: Mapping[str, Any]) -> bool:
    """Whether the class that a generator's part names decodes linearly."""
    return bool(getattr(parts.chosen("generator", generator), "linear", False))


def axes(of: Sections) -> list[Axis]:
    """The scalars of sections that are given as lists; the order of keys in a file changes nothing."""
    found: dict[str, Axis] = {}
    for section in (each for each in SWEPT if each in of):
        for path, values in _lists(of[section]):
            if not parts.takes_list(section, of[section], path):
                name = "density" if path == ("threshold", "density") else ".".join(path)
                name = f"{section}.{name}" if name in found else name
                found[name] = Axis(name, section, path, values)
    return list(found.values())


def tied(swept: Sequence[Axis], places: Collection[tuple[str, tuple[str, ...]]], name: str) -> list[Axis]:
    """Axes with those at `places`, of equally many values, as one of that name; its values are their numbers."""
    together = tuple(axis for axis in swept if (axis.section, axis.path) in places)
    apart = [axis for axis in swept if axis not in together]
    return [*apart, Axis(name, "", (), list(range(len(together[0].values))), together)] if together else apart


def _lists(part: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """The lists of scalars in a part, each with its place."""
    for key in sorted(part):
        value = part[key]
        if isinstance(value, dict):
            yield from _lists(value, (*above, key))
        elif isinstance(value, list) and value != [None] and not any(isinstance(each, list | dict) for each in value):
            yield (*above, key), value


def points(swept: Sequence[Axis]) -> Iterator[tuple[tuple[str, Any], ...]]:
    """The grid over axes, a value at each; a list of one value is no axis of the grid."""
    long = [axis for axis in swept if len(axis.values) > 1]
    for values in product(*(axis.values for axis in long)):
        yield tuple((axis.name, value) for axis, value in zip(long, values, strict=True))


def at(of: Sections, swept: Sequence[Axis], value: Mapping[str, Any]) -> Sections:
    """Sections with the value of each axis, by its name, instead of its list; its first where none is given."""
    result = dict(of)
    for axis in swept:
        chosen = value.get(axis.name, axis.values[0])
        for each, its_value in [(one, one.values[chosen]) for one in axis.tied] or [(axis, chosen)]:
            part: dict[str, Any] = result
            for key in (each.section, *each.path[:-1]):
                part[key] = dict(part[key])
                part = part[key]
            part[each.path[-1]] = its_value
    return result


def columns(of: Sections, swept: Sequence[Axis]) -> Iterator[Sections]:
    """Sections at each place of the longest sweep: not the grid, but every value of it is seen."""
    for index in range(max([1, *(len(axis.values) for axis in swept)])):
        yield at(of, swept, {axis.name: axis.values[min(index, len(axis.values) - 1)] for axis in swept})


def filled(of: Sections, shape: Callable[[], Sequence[int]] | None = None) -> Sections:
    """Sections without sweeps, with every setting of the classes that they name.

    Args:
        of: sections.
        shape: gives the shape of a data point, by which a noise variance s² becomes the weight 2 s²/P.

    Raises:
        ViolationsError: a section is not valid.
    """
    result, wrong = {}, []
    for section, part in of.items():
        try:
            result[section] = parts.filled(section, part)
        except ViolationsError as error:
            wrong += [((section, *place), said) for place, said in error.found]
    if wrong:
        raise ViolationsError(wrong)
    variance = result["objective"].pop("noise_variance", None) if shape else None
    if shape and variance is not None:
        result["objective"]["kl_weight"] = 2 * variance / prod(shape())
    return result
