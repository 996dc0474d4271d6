"""Mutators of the files of a study: what was damaged, cut, emptied, or written by another version or by hand."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load, save

from .judging import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from random import Random

    Change = Callable[[Random, Path], Verdict]

REFUSED = Verdict(refused=True)
EITHER = Verdict()
USED = Verdict(refused=False)


def of_file(path: Path) -> Verdict:
    """A refusal that names the file, or the folder of its run."""
    return Verdict(True, (path.parent.name if path.parent.parent.parent.name == "runs" else path.name,))


# ------------------------------------------------------------------------ any file


def missing(_: Random, path: Path) -> Verdict:
    """No file."""
    path.unlink()
    return of_file(path)


def empty(_: Random, path: Path) -> Verdict:
    """Nothing in it."""
    path.write_bytes(b"")
    return of_file(path)


def cut(rng: Random, path: Path) -> Verdict:
    """Its beginning."""
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(1, max(2, len(content) * 2 // 3))])
    return Verdict() if path.suffix == ".csv" else of_file(path)


def noise(rng: Random, path: Path) -> Verdict:
    """Bytes that mean nothing."""
    path.write_bytes(rng.randbytes(rng.choice([1, 8, 100, 5000])))
    return of_file(path)


def folder(_: Random, path: Path) -> Verdict:
    """A folder in its place."""
    path.unlink()
    path.mkdir()
    return of_file(path)


def flipped(rng: Random, path: Path) -> Verdict:
    """A few bytes that are others, in the first half kilobyte, where headers are."""
    content = bytearray(path.read_bytes())
    for _ in range(rng.randrange(1, 4)):
        content[rng.randrange(min(512, len(content)))] = rng.randrange(256)
    path.write_bytes(content)
    return EITHER


ANY: tuple[tuple[Change, int], ...] = ((missing, 1), (empty, 1), (cut, 2), (noise, 2), (folder, 1), (flipped, 3))


# ---------------------------------------------------------------------------- JSON


def other_json(rng: Random, path: Path) -> Verdict:
    """Something else than a mapping; a mapping of nothing; thousands of lists in lists."""
    text = ["[]", "null", '"text"', "3", "[1, 2]", "{}", "[" * 100_000, "NaN", '{"a": 1}', "[{}]", "[[]]"]
    path.write_text(rng.choice(text))
    return of_file(path)


def latin(_: Random, path: Path) -> Verdict:
    """Text that is not UTF-8."""
    path.write_bytes(path.read_bytes() + "größe".encode("latin-1"))
    return of_file(path)


def older(_: Random, path: Path) -> Verdict:
    """What another version wrote."""
    content = json.loads(path.read_text())
    if "version" not in content:
        return EITHER
    path.write_text(json.dumps(content | {"version": 1}))
    return of_file(path)


def without_a_key(rng: Random, path: Path) -> Verdict:
    """One key less."""
    content = json.loads(path.read_text())
    del content[rng.choice(list(content))]
    path.write_text(json.dumps(content))
    return EITHER


def retyped(rng: Random, path: Path) -> Verdict:
    """A value of another type, at any depth."""
    content = json.loads(path.read_text())
    places = list(_places(content))
    above, key = rng.choice(places)
    wrong = [v for v in ("text", None, [], {}, [None], {"a": 1}, -1, True, 1e400) if type(v) is not type(above[key])]
    above[key] = rng.choice(wrong)
    path.write_text(json.dumps(content))
    return EITHER


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield value, key
        yield from _places(part)


JSON: tuple[tuple[Change, int], ...] = ((other_json, 4), (latin, 1), (older, 1), (without_a_key, 4), (retyped, 8))


def of_values(changes: dict[str, Any]) -> Change:
    """Some values of a file of JSON, which must be refused."""

    def change(_: Random, path: Path) -> Verdict:
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        return of_file(path)

    change.__name__ = "values_" + "_".join(f"{key}_{value}" for key, value in changes.items())
    return change


STATUS = tuple((of_values({"status": value}), 1) for value in ("finished", None, 1, ["completed"], ""))
RESOURCES = tuple((of_values({"train_seconds": value}), 1) for value in (float("nan"), "x", None, -1.0, [1]))
METRICS = tuple(
    (of_values({"metrics": value}), 1) for value in ([], None, {"mse_draw": "x"}, {"mse_draw": float("nan")})
)


# ----------------------------------------------------------------------------- CSV


def without_a_column(rng: Random, path: Path) -> Verdict:
    """One column less."""
    rows = [line.split(",") for line in path.read_text().splitlines() if '"' not in line]
    column = rng.randrange(len(rows[0]))
    path.write_text("\n".join(",".join(v for k, v in enumerate(row) if k != column) for row in rows) + "\n")
    return of_file(path) if path.name == "metrics.csv" else EITHER


def header_alone(_: Random, path: Path) -> Verdict:
    """Its first line."""
    path.write_text(path.read_text().partition("\n")[0] + "\n")
    return of_file(path) if path.name == "metrics.csv" else EITHER


def words(rng: Random, path: Path) -> Verdict:
    """A word in place of a number."""
    lines = path.read_text().splitlines()
    k = rng.randrange(1, len(lines))
    lines[k] = lines[k].rpartition(",")[0] + "," + rng.choice(["large", "1e", "--", "[1]", "0x1"])
    path.write_text("\n".join(lines) + "\n")
    return of_file(path)


def longer(rng: Random, path: Path) -> Verdict:
    """A line with more columns than the header."""
    lines = path.read_text().splitlines()
    lines[rng.randrange(1, len(lines))] += ",1,2,3"
    path.write_text("\n".join(lines) + "\n")
    return of_file(path)


CSV: tuple[tuple[Change, int], ...] = ((without_a_column, 4), (header_alone, 1), (words, 3), (longer, 1), (latin, 1))


# -------------------------------------------------------------------------- arrays


def of_tensors(rng: Random, path: Path) -> Verdict:
    """Arrays of safetensors that are not numbers, of another type or shape, or not there."""
    tensors = load(path.read_bytes())
    header = path.read_bytes()
    metadata = json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")]).get("__metadata__", {})
    floats = [name for name, value in tensors.items() if value.is_floating_point() and value.numel() > 1]
    name = rng.choice([name for name in floats if not name.startswith("truth.")])  # which nothing need read
    value = tensors[name]
    options: list[Callable[[], Any]] = [
        lambda: tensors.update({name: value * float("nan")}),
        lambda: tensors.update({name: torch.full_like(value, float("inf"))}),
        lambda: tensors.update({name: (100 * value).to(torch.int64)}),
        lambda: tensors.update({name: torch.cat([value, value])}),
        lambda: tensors.update({name: value.reshape(-1)[:-1].clone()}),
        lambda: tensors.pop(name),
        metadata.clear,
    ]
    option = rng.choice(options)
    option()
    path.write_bytes(save(tensors, metadata))
    return EITHER if option is options[3] and path.parent.name == "data" else of_file(path)  # more rows than there were


def of_npz(rng: Random, path: Path) -> Verdict:
    """An array that is not there, or is an object of Python, which none may be."""
    with np.load(path) as file:
        arrays: dict[str, Any] = {name: file[name] for name in file.files}
    name = rng.choice(list(arrays))
    if rng.random() < 0.5:
        del arrays[name]
    else:
        arrays[name] = np.array([{}])
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    return EITHER


def exchanged(_: Random, path: Path) -> Verdict:
    """The file of another data set: of vectors for images, of images for vectors."""
    other = next(each for each in path.parent.iterdir() if each.name != path.name)
    shutil.copy(other, path)
    return REFUSED
