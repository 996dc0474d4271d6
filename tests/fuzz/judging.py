"""What the command line may do with an input: use it, or refuse it in clear lines; and nothing else."""

from __future__ import annotations

import io
import signal
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vscbench.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LIMIT_S = 15
"""Seconds of CPU, or twenty times as many by the clock: what takes longer hangs."""
LONGEST = 1200
"""Characters of a line; some name all the methods that there are."""
INSIDES = ("Traceback", "object at 0x", "<class ", "pydantic", "Errno", "NoneType", "KeyError", "TypeError", "dict_")
"""Words of the interpreter and not of a user."""


@dataclass(frozen=True)
class Verdict:
    """Whether an input must be refused, and what the refusal must say; `None`: either way, but no other end."""

    refused: bool | None = None
    says: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    said: str


class HangError(BaseException):
    """No `Exception`, which a command might catch."""


@contextmanager
def time_limit() -> Iterator[None]:
    """End what hangs, whether it computes or waits."""

    def stop(*_: object) -> None:
        raise HangError

    limits = {signal.SIGPROF: (signal.ITIMER_PROF, LIMIT_S), signal.SIGALRM: (signal.ITIMER_REAL, 20 * LIMIT_S)}
    before = {number: signal.signal(number, stop) for number in limits}
    try:
        for timer, seconds in limits.values():
            signal.setitimer(timer, seconds)
        yield
    finally:
        for timer, _ in limits.values():
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def run(arguments: Sequence[str]) -> Outcome:
    """Run a command in this process; whatever it raises but its exit is a fault."""
    said = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(said), time_limit():
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Outcome(code, said.getvalue())


def judge(outcome: Outcome, verdict: Verdict) -> None:
    """Fail where an outcome is neither use nor a clear refusal, or not the one that the verdict asks for."""
    assert outcome.code in (0, 2), outcome
    if outcome.code == 0:
        assert verdict.refused is not True, f"accepted: {verdict}"
        return
    assert verdict.refused is not False, outcome.said
    assert not [word for word in INSIDES if word in outcome.said], outcome.said
    lines = outcome.said.splitlines()
    assert lines
    if not lines[0].startswith("usage:"):  # argparse repeats a word of any length
        assert max(map(len, lines)) <= LONGEST, outcome.said
        head, *rest = lines
        assert head.startswith("vscbench "), outcome.said
        assert not rest or (head.endswith("the configuration is not valid:") and all(r[:2] == "  " for r in rest))
    for words in verdict.says:
        assert words in outcome.said, (words, outcome.said)


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and date of every file below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}
