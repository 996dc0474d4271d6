"""Parts by name."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

from vscbench import registry
from vscbench.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

TABLE = {"pi": "math:pi", "tau": "math:tau"}


def test_a_name_of_the_table_or_an_address() -> None:
    assert registry.find(TABLE, "pi", "number") == pytest.approx(3.14159, abs=1e-5)
    assert registry.find(TABLE, "math:e", "number") == pytest.approx(2.71828, abs=1e-5)
    assert registry.address(TABLE, "pi", "number") == "math:pi"


def test_nothing_is_imported_for_an_address() -> None:
    assert registry.address(TABLE, "no_such_module:Coder", "family") == "no_such_module:Coder"


def test_packages_offer_parts_by_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = [EntryPoint("euler", "math:e", "vscbench.coders")]
    monkeypatch.setattr(registry, "entry_points", lambda group: offered if group == "vscbench.coders" else [])
    assert registry.address(TABLE, "euler", "family", registry.CODERS) == "math:e"
    with pytest.raises(UserError, match="no family eulr; did you mean euler"):
        registry.address(TABLE, "eulr", "family", registry.CODERS)
    with pytest.raises(UserError, match="no family euler; there are pi, tau, or module:Class"):
        registry.address(TABLE, "euler", "family")


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("nowhere:Coder", "nowhere:Coder: there is no module nowhere on the Python path"),
        ("math.nowhere:Coder", "there is no module math.nowhere"),
        ("math:pie", "math has no pie; did you mean pi?"),
        ("needs_another:Coder", "needs_another needs the package nowhere_at_all, which is not installed"),
        ("broken_module:Coder", "broken_module cannot be imported: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_imported_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, message: str
) -> None:
    (tmp_path / "needs_another.py").write_text("import nowhere_at_all\n", encoding="utf-8")
    (tmp_path / "broken_module.py").write_text("1 / 0\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.raises(UserError) as caught:
        registry.load(where)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
