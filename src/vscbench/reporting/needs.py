"""What a study has to show, read off its index (study.json): a table or figure with nothing in it is not made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

OPERATING_POINT_AXES = (
    "density",
    "threshold.value",
    "threshold.kl_weight",
    "prior_active",
    "prior_scale",
    "penalty",
    "kl_weight",
    "objective.kl_weight",
    "noise_variance",
    "objective.noise_variance",
)
"""Axes that trade reconstruction against sparsity: their values are the operating points of a method."""
WEIGHT_AXES = ("kl_weight", "objective.kl_weight", "noise_variance", "objective.noise_variance")
"""Those of them that weigh the divergence: by twice the noise variance of a pixel over the number of pixels."""

KNOWN = ("synthetic", "hierarchical")
"""The kinds of data that are made from a known dictionary."""

Index = dict[str, Any]


def anything(index: Index) -> bool:  # noqa: ARG001
    """Nothing in particular: for every study."""
    return True


def dictionary(index: Index) -> bool:
    """A linear generator."""
    return any(setup["linear"] for setup in index["experiments"].values())


def atoms(index: Index) -> bool:
    """A dictionary of data that may be pictures, as patches are."""
    found = [setup for setup in index["experiments"].values() if setup["linear"] and setup["kind"] not in KNOWN]
    return any(setup["evaluation"].get("atoms", {}) is not False for setup in found)


def network(index: Index) -> bool:
    """A generator that is a network."""
    return any(not setup["linear"] for setup in index["experiments"].values())


def gradients(index: Index) -> bool:
    """Gradients whose noise is measured."""
    return any(setup["evaluation"].get("gradients", {}) is not False for setup in index["experiments"].values())


def refined(index: Index) -> bool:
    """Posteriors whose amortisation gap is measured."""
    return any(setup["evaluation"].get("amortisation", False) is not False for setup in index["experiments"].values())


def known_dictionary(index: Index) -> bool:
    """Data made from a known dictionary."""
    return any(setup["kind"] in KNOWN for setup in index["experiments"].values())


def independent_features(index: Index) -> bool:
    """Data made from a known dictionary whose atoms are used independently of each other."""
    return any(setup["kind"] == "synthetic" for setup in index["experiments"].values())


def sweep(index: Index) -> bool:
    """A setting that is swept, or a network: a table has a row for each of these."""
    return network(index) or any(any(points) for _, points in _points(index))


def operating_points(index: Index) -> bool:
    """An axis that gives a method several operating points."""
    return any(operating_axes(point) for _, points in _points(index) for point in points)


def several_coders(index: Index) -> bool:
    """Two methods or more in one experiment, or one beside shipped runs; not while their constants are being tried."""
    return any(
        (len({*setup.get("methods", ())}) > 1 or setup.get("shipped")) and "trials" not in setup
        for setup in index["experiments"].values()
    )


def timed(index: Index) -> bool:
    """Several coders whose codes are timed."""
    asked = any(setup["evaluation"].get("cost", False) is not False for setup in index["experiments"].values())
    return asked and several_coders(index)


def parts(index: Index) -> bool:
    """An experiment that says which other it changes a part of."""
    return any(setup.get("differs_from") for setup in index["experiments"].values())


def setting(index: Index) -> bool:
    """A setting of a dictionary that methods, or values of it, are compared by."""
    return any(setup["linear"] and any(points) and comparable(points) for setup, points in _points(index))


def trials(index: Index) -> bool:
    """Trials by which constants are chosen."""
    return any("trials" in setup for setup in index["experiments"].values())


def operating_axes(point: Mapping[str, Any]) -> tuple[str, ...]:
    """The axes of a point that trade reconstruction against sparsity."""
    return tuple(axis for axis in point if axis in OPERATING_POINT_AXES)


def comparable(points: Iterable[Mapping[str, Any]]) -> bool:
    """Whether methods compare at the points of an experiment: not where each has operating points of its own axis."""
    return len({operating_axes(point) for point in points} - {()}) <= 1


def _points(index: Index) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each experiment with the points of its runs."""
    for name, setup in index["experiments"].items():
        yield setup, [run["point"] for run in index["runs"] if run["experiment"] == name]
