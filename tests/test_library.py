"""The library as a person uses it: what is given wrongly is told in a line, and what is saved comes back as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import vscbench as vsc
from vscbench import methods

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

X = np.random.default_rng(0).laplace(size=(120, 9))
DATA = vsc.Data.from_array(X)
OWN = "from vscbench.coders.topk import TopK\nclass Few(TopK):\n    'Few.'\n"


def fitted(method: methods.Method, seed: int = 0) -> vsc.Run:
    return vsc.fit(DATA, method, latents=6, steps=3, seed=seed, progress=False)


@pytest.mark.parametrize(
    ("wrong", "said"),
    {
        "data that are an array": (lambda: vsc.fit(X, methods.fista()), "data: ndarray is no Data; .*from_array"),  # type: ignore[arg-type]
        "a method's name": (lambda: vsc.fit(DATA, "fista"), r"method: 'fista' is no Method; .*methods.fista\(\)"),  # type: ignore[arg-type]
        "a method that is not called": (lambda: vsc.fit(DATA, methods.fista), "method: fista is no Method"),  # type: ignore[arg-type]
        "a class": (lambda: vsc.fit(DATA, vsc.Coder), r"method: Coder is no .*\"family\": \"module:Class\""),  # type: ignore[arg-type]
        "an array to measure on": (lambda: vsc.evaluate(fitted(methods.fista()), X), "data: ndarray is no Data"),  # type: ignore[arg-type]
        "one run to compare": (lambda: vsc.compare(fitted(methods.fista())), r"compare\(\[run, another\]\)"),  # type: ignore[arg-type]
    }.values(),
)
def test_what_is_given_wrongly_is_told(wrong: Callable[[], Any], said: str) -> None:
    with pytest.raises(vsc.UserError, match=said) as caught:
        wrong()
    assert len(str(caught.value).splitlines()) == 1


def test_a_run_that_is_loaded_is_a_repetition_of_one_that_was_not(tmp_path: Path) -> None:
    """By its label, of a method of the user's own too, and by the one that tables give a method of the package."""
    own = methods.Method("own", "My own", {"family": "fista", "penalty": 0.1})
    for method in (own, methods.gaussian_thresh()):
        fitted(method).save(tmp_path / method.name)
        loaded = vsc.load(tmp_path / method.name)
        assert loaded.label == method.label
        table = vsc.compare([loaded, fitted(method, seed=1)], DATA, only="sparsity")
        assert table["n"].to_dict() == {method.label: 2}


def test_a_module_that_appears_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it was not: in a notebook the path is set when that is told, and nothing is started anew."""
    few = methods.Method("few", "Few", {"family": "few_of_a_test:Few", "density": 0.5})
    with pytest.raises(vsc.UserError, match="there is no module few_of_a_test"):
        fitted(few)
    (tmp_path / "few_of_a_test.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    assert int((fitted(few).encode(X) != 0).sum(1).max()) == 3
