"""Files: what cannot be read is told in one line; what they extend lies below them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from vscbench import config as configs
from vscbench.config.reading import read
from vscbench.errors import UserError
from vscbench.files import VERSION

if TYPE_CHECKING:
    from pathlib import Path

LAUGHS = "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 10))
UNREADABLE = {
    "missing": (None, "No such file or directory"),
    "broken": (b"a: [1, 2", "is not valid YAML in line 1: expected"),
    "list": (b"- a\n- b\n", "holds no mapping"),
    "empty": (b"", "holds no mapping"),
    "binary": (b"PK\x03\x04\x00\x00\xff\xfe", "is not UTF-8 text"),
    "control characters": (b"a: \x01", "is not valid YAML"),
    "latin-1": ("study: größe".encode("latin-1"), "is not UTF-8 text"),
    "utf-16": ("study: a".encode("utf-16"), "is not UTF-8 text"),
    "a key twice": (b"a: 1\nb:\n  c: 1\n  c: 2\n", "is not valid YAML in line 4: the key c is given twice"),
    "a key that is a list": (b"? [a, b]\n: 1\n", "a key is no text"),
    "tag": (b"a: !!python/object/apply:os.system [ls]\n", "is not valid YAML"),
    "tag that lies": (b"a: !!bool maybe\n", "is not valid YAML"),
    "set that is none": (b"a: [!!set b]\n", "is not valid YAML"),
    "date that is none": (b"a: !!timestamp x\n", "is not valid YAML"),
    "thousands of digits": (b"seed: " + b"9" * 5000, "4300"),
    "nested": (b"a: " + b"[" * 30 + b"]" * 30, "nested deeper than 20"),
    "nested by thousands": (b"a: " + b"[" * 5000 + b"]" * 5000, "nested deeper than 20"),
    "loop": (b"a: &a\n  b: *a\n", "an anchor contains itself"),
    "laughs": (f"a0: &a0 [1]\n{LAUGHS}".encode(), "more than 200000 values"),
    "huge": (b"a: '" + b"x" * 1_000_000 + b"'", "larger than 1000000 bytes"),
    "extends nothing": (b"extends: other.yaml\n", "other.yaml.*No such file"),
    "extends itself": (b"extends: study.yaml\n", "extends itself"),
    "extends a number": (b"extends: 3\n", "extends must be the name of a file"),
}


@pytest.mark.parametrize(("text", "message"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_file_that_cannot_be_read(tmp_path: Path, text: bytes | None, message: str) -> None:
    path = tmp_path / "study.yaml"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(UserError, match=message) as caught:
        configs.load([path])
    assert str(tmp_path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("path", ["", "a\0b", "a" * 5000])
def test_name_of_no_file(tmp_path: Path, path: str) -> None:
    with pytest.raises(UserError, match="config file"):
        read([tmp_path / path])


def test_mark_of_utf_8_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(b"\xef\xbb\xbfstudy: a\n")
    assert read([path]) == {"study": "a"}


def test_numbers_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("a: [1e-4, 1.5, -3, 1:30, .inf, 0x10, 1_000, .5, 1., '1e-4', 017]\n", encoding="utf-8")
    assert read([path])["a"] == [1e-4, 1.5, -3, "1:30", float("inf"), 16, 1000, 0.5, 1.0, "1e-4", "017"]


def test_later_files_lie_over_earlier_ones_and_what_is_given_by_hand_over_all(tmp_path: Path) -> None:
    for name, text in {
        "base": "seed: 5\nrepetitions: 4\nresults: base\n",
        "one": "extends: base.yaml\nrepetitions: 6\n",
        "two": "study: two\n",
    }.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    found = read([tmp_path / "one.yaml", tmp_path / "two.yaml"])
    assert found == {"seed": 5, "repetitions": 6, "results": "base", "study": "two"}


def test_a_file_may_extend_two(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.yaml").write_text("seed: 1\nrepetitions: 1\n", encoding="utf-8")
    (tmp_path / "sub" / "b.yaml").write_text("extends: ../a.yaml\nseed: 2\n", encoding="utf-8")
    (tmp_path / "c.yaml").write_text("extends: [a.yaml, sub/b.yaml]\nstudy: c\n", encoding="utf-8")
    assert read([tmp_path / "c.yaml"]) == {"seed": 2, "repetitions": 1, "study": "c"}


def test_overrides_lie_over_all(tmp_path: Path, content: dict[str, Any]) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(configs.check(content).to_yaml(), encoding="utf-8")
    assert configs.load([path], {"repetitions": 7}).repetitions == 7


def test_study_as_run_is_the_study(tmp_path: Path, content: dict[str, Any]) -> None:
    """results/config.yaml has the same runs, names that look like numbers included."""
    content["methods"]["mine"]["label"] = "1e-4"
    content["experiments"]["recovery"]["training"]["optimizer"]["clip_norm"] = None
    content["experiments"]["recovery"]["methods"].append("mine")
    study = configs.check(content)
    path = tmp_path / "config.yaml"
    path.write_text(study.to_yaml(), encoding="utf-8")
    again = configs.load([path], checked=True)
    assert configs.index(again) == configs.index(study)
    assert again.to_yaml() == study.to_yaml()
    assert again.as_dict()["version"] == VERSION


def test_own_modules_lie_in_the_folder_plugins_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any]
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "own_coders.py").write_text(
        "from vscbench.settings import Positive\n"
        "class Mine:\n    def __init__(self, generator, alpha: Positive = 2.0): ...\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    content["methods"]["mine"] = {"family": "own_coders:Mine", "alpha": 3}
    content["experiments"]["recovery"]["methods"] = ["mine"]
    path = tmp_path / "study.yaml"
    path.write_text(configs.study_of(content).to_yaml(), encoding="utf-8")
    study = configs.load([path])
    spec = configs.run_spec(study, next(configs.runs(study)))
    assert spec["coder"] == {"family": "own_coders:Mine", "alpha": 3.0}
    assert "own_coders:Mine" in configs.addresses(spec)
    # The study as run knows the folder, wherever it is written.
    assert study.as_dict()["plugins"] == str(tmp_path / "plugins")
