"""Mutators of configurations: each says whether what it makes must be refused, and what the refusal must name."""

from __future__ import annotations

import string
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import yaml

from vscbench.config.reading import Dumper, read

from .judging import Verdict
from .texts import TEXT_MUTATORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Place = tuple[str | int, ...]

ROOT = Path(__file__).parents[2]
STUDIES = (
    *("config.yaml", "config/smoke.yaml", "config/recovery.yaml", "config/olshausen.yaml", "config/celeba.yaml"),
    *("config/ablation_gate.yaml", "config/fashion_mnist.yaml", "config/rate_distortion.yaml"),
)
FREE = ("datasets", "methods", "experiments", "overrides")
"""Mappings whose keys are names that the user gives."""
CHOICES = ("kind", "sampling", "family", "dataset", "backward", "shape", "estimator", "base")
"""Keys whose values are names that there are."""
TEXT = ("study", "results", "tracking", "label", "source", "cache", "plugins")
"""Keys whose values are any text."""
NUMBERS_ABOVE = ("train", "validation", "test", "patch_size", "latents", "epochs", "batch_size", "samples", "penalty")
"""Counts, and other numbers that are above 0."""


@cache
def study(name: str) -> dict[str, Any]:
    """The content of a shipped study."""
    return read([ROOT / name])


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """The place of every value in nested mappings and lists."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*above, key)
        yield from places(part, (*above, key))


def at(content: Any, place: Place) -> Any:
    """The value at a place."""
    for key in place:
        content = content[key]
    return content


def put(content: Any, place: Place, value: Any) -> None:
    """Change the value at a place."""
    at(content, place[:-1])[place[-1]] = value


def rename(content: Any, place: Place, name: str) -> None:
    """Change a key, where it stands."""
    mapping = at(content, place[:-1])
    items = [(name if key == place[-1] else key, value) for key, value in mapping.items()]
    mapping.clear()
    mapping.update(items)


def is_free(place: Place) -> bool:
    """Whether the last key of a place is a name that the user gives."""
    return len(place) > 1 and place[-2] in FREE and not isinstance(place[-1], int)


def misspelt(rng: Random, word: str) -> str:
    """A word with two letters swapped, or one of them doubled, left out or replaced; not the first."""
    k = rng.randrange(1, len(word))
    options = (
        word[: k - 1] + word[k] + word[k - 1] + word[k + 1 :],
        word[:k] + word[k] + word[k:],
        word[:k] + word[k + 1 :],
        word[:k] + rng.choice(string.ascii_lowercase) + word[k + 1 :],
    )
    return rng.choice(options)


# --------------------------------------------------------------- mutators of a study


def misspelt_key(rng: Random, content: dict[str, Any]) -> Verdict:
    """A key that there is not, near one that there is."""
    known = {key for place in places(content) for key in place}
    chosen = [p for p in places(content) if isinstance(p[-1], str) and not is_free(p) and len(p[-1]) > 3]
    place = rng.choice(chosen)
    name = str(place[-1])
    while name in known:
        name = misspelt(rng, str(place[-1]))
    rename(content, place, name)
    return Verdict(True, (name, "did you mean"))


def misspelt_choice(rng: Random, content: dict[str, Any]) -> Verdict:
    """A value that there is not, near one that there is."""
    chosen = [
        p
        for p in places(content)
        if isinstance(at(content, p), str) and (p[-1] in CHOICES or (len(p) > 1 and p[-2] == "methods"))
    ]
    place = rng.choice(chosen)
    known = {at(content, p) for p in chosen}
    name = value = at(content, place)
    while name in known:
        name = misspelt(rng, value)
    put(content, place, name)
    return Verdict(True, (name, f"did you mean {value}?"))


def unknown_key(rng: Random, content: dict[str, Any]) -> Verdict:
    """A key that is near no other."""
    above = [(), *(p for p in places(content) if isinstance(at(content, p), dict) and p[-1] not in FREE)]
    at(content, rng.choice(above))["xqzvw"] = rng.choice([1, "a", None, [1], {"a": 1}])
    return Verdict(True, ("xqzvw",))


def wrong_type(rng: Random, content: dict[str, Any]) -> Verdict:
    """A value of another type than it can have."""
    place = rng.choice([p for p in places(content) if p[-1] != "version"])
    value = at(content, place)
    wrong: list[Any] = ["word", {"a": 1}, [{"a": 1}], [[1], [2]]]
    if isinstance(value, str):
        wrong = [7, 1.5, True, {"a": 1}, [["a"]]]
    elif isinstance(value, bool):
        wrong = ["yes", 2, {"a": [1]}, 0.5]
    elif isinstance(value, dict):
        wrong = ["word", 3, ["a", "b"], 1.5]
    elif isinstance(value, list):
        wrong = ["word", {"a": 1}, [{"a": 1}], True]
    elif value is None:
        wrong = [{"a": [1]}, [["a"]]]
    put(content, place, rng.choice(wrong))
    return Verdict(True, (str(place[0] if len(place) == 1 else place[1]),))


def wrong_number(rng: Random, content: dict[str, Any]) -> Verdict:
    """No finite number, or one out of range."""
    numbers = [p for p in places(content) if type(at(content, p)) in (int, float)]
    place = rng.choice(numbers)
    wrong = [float("nan"), float("inf"), -float("inf"), -1, -0.5, 10**400, "1e-4", "1,000", "1 000"]
    if place[-1] in NUMBERS_ABOVE:
        wrong += [0, -0.0]
    if isinstance(at(content, place), int) and place[-1] in NUMBERS_ABOVE:
        wrong += [1.5, 10**12]
    put(content, place, rng.choice(wrong))
    return Verdict(True, (next(str(key) for key in reversed(place) if isinstance(key, str)),))


def removed(rng: Random, content: dict[str, Any]) -> Verdict:
    """A key that must be there, or any other."""
    place = rng.choice([p for p in places(content) if isinstance(p[-1], str)])
    del at(content, place[:-1])[place[-1]]
    needed = place[-1] in ("datasets", "experiments", "dataset") and len(place) in (1, 3)
    needed = needed or (place[-1] == "kind" and place[0] == "datasets")
    return Verdict(True, ("missing key", str(place[-1]))) if needed else Verdict()


def emptied(rng: Random, content: dict[str, Any]) -> Verdict:
    """Nothing in place of something."""
    put(content, rng.choice(list(places(content))), rng.choice([None, "", [], {}]))
    return Verdict()


def exchanged(rng: Random, content: dict[str, Any]) -> Verdict:
    """Two parts of a study, each in the place of the other."""
    one, other = rng.sample(list(places(content)), 2)
    if one[: len(other)] == other or other[: len(one)] == one:
        return Verdict()
    here, there = deepcopy(at(content, one)), deepcopy(at(content, other))
    put(content, one, there)
    put(content, other, here)
    return Verdict()


def wrapped(rng: Random, content: dict[str, Any]) -> Verdict:
    """A value in a list, or deep in lists: a sweep of one value is none, one of lists is wrong."""
    place = rng.choice([p for p in places(content) if not isinstance(at(content, p), dict | list)])
    deep = rng.random() < 0.5
    put(content, place, [[[at(content, place)]]] if deep else [at(content, place)])
    return Verdict(True if deep else None)


def twice(rng: Random, content: dict[str, Any]) -> Verdict:
    """A method, or a value of a sweep, that is given twice."""
    lists = [p for p in places(content) if isinstance(at(content, p), list) and p[-1] not in ("widths", "images")]
    lists = [p for p in lists if not any(isinstance(each, list) for each in at(content, p))]
    place = rng.choice(lists)
    at(content, place).append(at(content, place)[0])
    return Verdict(True, (str(place[-1]),)) if place[-1] != "penalties" and place[0] != "datasets" else Verdict()


def odd_name(rng: Random, content: dict[str, Any]) -> Verdict:
    """A name of a data set, method or experiment that no file, no rule and no target can have."""
    groups = [group for group in ("datasets", "methods", "experiments") if content.get(group)]
    group = rng.choice(groups)
    name = rng.choice(["A", "a b", "a/b", "../a", "a\n", "", "größe", "a" * 61, "-a", "1a", "a{b}", "a;b", ".", "a\0"])
    rename(content, (group, rng.choice(list(content[group]))), name)
    return Verdict(True, (group,))


def too_many(rng: Random, content: dict[str, Any]) -> Verdict:
    """Runs by the hundred thousand."""
    name = rng.choice(list(content["experiments"]))
    if rng.random() < 0.5:
        content["experiments"][name]["repetitions"] = rng.choice([100_001, 10**9, 10**18])
        return Verdict(True, ("repetitions",))
    content["experiments"][name].setdefault("objective", {})["samples"] = list(range(1, 1001))
    content["experiments"][name]["objective"]["kl_weight"] = [k / 1001 for k in range(1, 1002)]
    return Verdict(True, ("runs; at most 100000",))


MUTATORS: tuple[tuple[Callable[[Random, dict[str, Any]], Verdict], int], ...] = (
    (misspelt_key, 60),
    (misspelt_choice, 40),
    (unknown_key, 30),
    (wrong_type, 60),
    (wrong_number, 50),
    (removed, 30),
    (emptied, 30),
    (exchanged, 30),
    (wrapped, 20),
    (twice, 15),
    (odd_name, 20),
    (too_many, 6),
)
"""Each mutator, and how many inputs are made by it."""
FOUND: dict[object, tuple[int, ...]] = {misspelt_key: (181,), wrong_number: (200,)}
"""Seeds beyond those, of faults that a longer hunt found: a `kind` that is misspelt; a number of 400 digits."""


def cases() -> Iterator[tuple[str, bytes, Verdict]]:
    """Name, file and verdict of each input."""
    for mutate, count in MUTATORS:
        for seed in (*range(count), *FOUND.get(mutate, ())):
            rng = Random(f"{mutate.__name__} {seed}")
            name = rng.choice(STUDIES)
            content = deepcopy(study(name))
            verdict = mutate(rng, content)
            text = yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True)
            yield f"{mutate.__name__}-{seed}", text.encode(), verdict
    for change, count in TEXT_MUTATORS:
        for seed in range(count):
            rng = Random(f"{change.__name__} {seed}")
            text = (ROOT / rng.choice(["config.yaml", "config/recovery.yaml"])).read_bytes()
            yield (f"{change.__name__}-{seed}", *change(rng, text))
