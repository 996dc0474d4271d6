"""Files that are either whole or absent."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from vscbench.errors import UserError
from vscbench.files import DAY, VERSION, atomic, of_this_version, read_json, write_json, write_text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("before", [None, "old"])
def test_atomic_write_that_fails_changes_nothing(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "file.json"
    if before:
        path.write_text(before)

    def fail() -> None:
        with atomic(path) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with pytest.raises(ValueError, match="nan"):
        write_json(path, {"value": float("nan")})
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == ({path.name: before} if before else {})


def test_atomic_write(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    for text in ("first", "λ = 0.25"):
        write_text(path, text)
        assert path.read_text(encoding="utf-8") == text
        assert path.stat().st_mode & 0o777 == 0o644
        assert [each.name for each in path.parent.iterdir()] == ["file.txt"]


def test_what_a_killed_job_left_is_deleted_a_day_later(tmp_path: Path) -> None:
    """Of the same file alone: a younger one may be that of a job which writes it now."""
    path = tmp_path / "file [1].json"
    names = (f".{path.name}.abcdefgh", f".{path.name}.ijklmnop", ".other.json.abcdefgh", f".{path.name}.old")
    for name in names:
        (tmp_path / name).write_text("half")
    for name in names[:1] + names[2:]:
        os.utime(tmp_path / name, (0, time.time() - DAY - 60))
    write_text(path, "whole")
    assert {each.name for each in tmp_path.iterdir()} == {path.name, *names[1:]}


def test_json_round_trip_and_errors(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    with pytest.raises(UserError, match=f"{path} is missing"):
        read_json(path)
    write_json(path, {"a": [1, 2.5, None]})
    assert read_json(path) == {"a": [1, 2.5, None]}
    path.write_text(json.dumps([1, 2])[:-1])
    with pytest.raises(UserError, match=f"{path} is not valid JSON"):
        read_json(path)


@pytest.mark.parametrize("found", [{}, {"version": 1}, [], None, "text", {"study": "old", "seed": 0}])
def test_files_of_another_version_are_told(found: Any) -> None:
    with pytest.raises(UserError, match=r"results/study\.json"):
        of_this_version(found, "results/study.json")
    content = {"version": VERSION}
    assert of_this_version(content, "x") is content
