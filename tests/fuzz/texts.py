"""Mutators of the text of a configuration: what is cut, has other bytes, or means millions of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .judging import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


def cut(rng: Random, text: bytes) -> tuple[bytes, Verdict]:
    """The beginning of a file."""
    return text[: rng.randrange(len(text))], Verdict()


def flipped(rng: Random, text: bytes) -> tuple[bytes, Verdict]:
    """A few bytes that are others."""
    changed = bytearray(text)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed), Verdict()


def indented(rng: Random, text: bytes) -> tuple[bytes, Verdict]:
    """A line further to the right, or by a tab."""
    lines = text.split(b"\n")
    k = rng.randrange(len(lines))
    lines[k] = rng.choice([b" ", b"\t", b"      "]) + lines[k]
    return b"\n".join(lines), Verdict()


def shuffled(rng: Random, text: bytes) -> tuple[bytes, Verdict]:
    """A line somewhere else, or twice."""
    lines = text.split(b"\n")
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return b"\n".join(lines), Verdict()


def repeated(rng: Random, text: bytes) -> tuple[bytes, Verdict]:
    """A key of the top level given twice."""
    keys = [line for line in text.split(b"\n") if line[:1].isalpha() and b":" in line]
    line = rng.choice(keys)
    return text + b"\n" + line.partition(b":")[0] + b": 1\n", Verdict(True, ("twice",))


def encoded(rng: Random, text: bytes) -> tuple[bytes, Verdict]:
    """Text that is not UTF-8."""
    said = text.decode() + "# größe\n"
    encoding = rng.choice(["latin-1", "utf-16", "utf-32", "cp037"])
    return said.encode(encoding, "replace"), Verdict(True, ("study.yaml",))


def nested(rng: Random, text: bytes) -> tuple[bytes, Verdict]:
    """Lists in lists, by thousands; an anchor in itself; a few characters that stand for millions of values."""
    laughs = "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, rng.randrange(7, 11)))
    depth = rng.choice([25, 300, 5000, 100_000])
    options = (
        b"deep: " + b"[" * depth + b"]" * depth,
        b"deep: " + b"{a: " * depth + b"1" + b"}" * depth,
        b"loop: &l\n  a: *l\n",
        b"loop: &l [*l]\n",
        f"a0: &a0 [1]\n{laughs}".encode(),
        b"seed: " + b"7" * rng.choice([4301, 50_000]),
        b"x: " + b"'" + b"x" * 1_100_000 + b"'",
        b"y: !!python/object/apply:os.getcwd []\n",
        b"z: !!int x\n",
        b"<<: 3\n",
        b"? {a: 1}\n: 2\n",
    )
    return text + b"\n" + rng.choice(options) + b"\n", Verdict(True, ("study.yaml",))


TEXT_MUTATORS: tuple[tuple[Callable[[Random, bytes], tuple[bytes, Verdict]], int], ...] = (
    (cut, 15),
    (flipped, 20),
    (indented, 10),
    (shuffled, 10),
    (repeated, 8),
    (encoded, 6),
    (nested, 22),
)
