"""What the runs of a method in an experiment are made of: merged sections, and the sweeps in them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from vscbench.config import parts
from vscbench.errors import UserError
from vscbench.merging import merge
from vscbench.methods import METHODS, Method
from vscbench.registry import nearest
from vscbench.violations import ViolationsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from vscbench.config.study import Experiment

    Sections = dict[str, dict[str, Any]]

LATENTS, PENALTY = 128, 20.0
"""K where a study says none; the ℓ₁ penalty at which the lasso of a linear generator is followed."""
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


def method(entries: Mapping[str, Any], name: str, above: tuple[str, ...] = ()) -> Method:
    """The method called `name`: one of `entries`, the `methods` of a study, over its base or the package's.

    Raises:
        UserError: there is no such method, or it is its own base.
    """
    entry = dict(entries.get(name, {}))
    if name in above or entry.get("base") == name:
        raise UserError("a method cannot be its own base")
    if "base" in entry:
        found = Method(name, name, method(entries, str(entry.pop("base")), (*above, name)).settings)
    elif name in METHODS:
        found = METHODS[name]()
    elif name in entries:
        found = Method(name, name)
    else:
        known = list(dict.fromkeys([*entries, *METHODS]))
        raise UserError(f"there is no method {name}{nearest(name, known)}; there are {', '.join(known)}")
    return Method(name, entry.pop("label", found.label), merge(found.settings, entry))


def constants(entries: Mapping[str, Any], setup: Experiment, name: str) -> dict[str, Any]:
    """The settings of a method in an experiment: its own, then the density of the experiment, then the overrides."""
    override = setup.overrides.get(name, {})
    found = merge(method(entries, name).settings, override)
    nested = isinstance(found.get("threshold"), dict)
    target, said = (found["threshold"], override.get("threshold", {})) if nested else (found, override)
    if setup.density is None or "density" in target or said.keys() & {"value", "prior_active"}:
        return found
    try:
        sparse = nested or "density" in parts.model("coder", parts.chosen("coder", found)).model_fields
    except ViolationsError:
        return found  # of no family: what is wrong is told by `filled`
    at_density = merge(target, {"density": setup.density}) if sparse else target
    return found | {"threshold": at_density} if nested else at_density


def sections(setup: Experiment, settings: Mapping[str, Any], shape: Sequence[int]) -> Sections:
    """The parts of a specification with the sweeps still in them and the kinds chosen.

    Args:
        setup: the experiment.
        settings: those of the method in it.
        shape: of a data point, by which a generator is chosen where the experiment names none.

    Raises:
        ViolationsError: the generator names no class.
    """
    generator = {"kind": "dictionary" if len(shape) == 1 else "mlp", "latents": LATENTS} | setup.generator
    linear = is_linear(generator)
    coder = dict(settings)
    # What is no mapping stays with the coder, where it is refused.
    differs = {key: coder.pop(key) for key in parts.FIXED if isinstance(coder.get(key), dict)}
    training = {"validation_penalty": PENALTY if linear else None} | setup.training
    training = merge(training, differs.get("training", {}))
    if isinstance(optimizer := training.get("optimizer", {}), dict):
        training["optimizer"] = {"kind": "two_rates" if linear else "adam"} | optimizer
    return {
        "generator": generator,
        "encoder": {"kind": "mlp"} | setup.encoder,
        "coder": coder,
        "objective": merge(setup.objective, differs.get("objective", {})),
        "training": training,
    }


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


def filled(of: Sections) -> Sections:
    """Sections without sweeps, with every setting of the classes that they name.

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
    return result
