"""What all figures have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from vscbench import registry
from vscbench.errors import UserError
from vscbench.reporting import needs
from vscbench.reporting import write as draw
from vscbench.reporting.style import PAGE_IN

from .made import FIGURES, LABELS, Made, drawn, words_of

if TYPE_CHECKING:
    from pathlib import Path

    from vscbench.reporting.study import Study

LINEAR = {
    "dictionaries": tuple(LABELS),
    "atoms": tuple(LABELS),
    "gradient_snr": tuple(method for method in LABELS if method != "fista"),
    "training_curves": tuple(LABELS),
    "reconstruction_density": tuple(LABELS),
    "support_agreement": tuple(LABELS),
}
PICTURES = ("reconstructions", "prior_samples", "recovered_dictionaries", "attributes", "traversals")
NOTHING = {
    "gradient_snr": "no gradients measured",
    "amortisation": "no amortisation gap measured",
    "support_agreement": "no sparse method was measured",
    "frontier": "no method has several operating points",
    "rates": "no run has a rate",
    "recovery": "no data with a known dictionary",
    "sweeps": "no experiment sweeps a number",
    "ablation": "no experiment with a dictionary sweeps a setting",
    "effects": "no experiment differs from another in a part",
    "reconstructions": "no images reconstructed",
    "prior_samples": "no samples drawn",
    "recovered_dictionaries": "no dictionaries recovered",
    "attributes": "no labels to align latents with",
    "traversals": "no latents traversed",
    "tuning": "no method was tuned",
}


QUICK = ("dictionaries", "traversals")
"""The figures whose files are made in the quick tests too: PNG and PDF take three times as long as words."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in (*LINEAR, *PICTURES)]
)
def test_files_are_sound(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    study, out = request.getfixturevalue("linear" if name in LINEAR else "images"), tmp_path
    draw(name, study.results, out)
    assert {path.name for path in out.iterdir()} == {f"{name}.{suffix}" for suffix in ("png", "pdf", "svg", "txt")}
    with Image.open(out / f"{name}.png") as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape[1] == PAGE_IN * 200
    assert pixels.std() > 10  # not blank
    assert (out / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert words_of((out / f"{name}.svg").read_text(encoding="utf-8")) == drawn(name, study)


@pytest.mark.parametrize("name", FIGURES)
def test_says_what_it_is(name: str) -> None:
    figure = registry.load(FIGURES[name])
    assert figure.name == name
    assert figure.title[0].isupper()
    assert figure.caption.endswith(".")


@pytest.mark.parametrize("name", LINEAR)
def test_names_all_methods_and_runs_that_diverged(name: str, linear: Study) -> None:
    words = drawn(name, linear)
    for method in LINEAR[name]:
        assert LABELS[method].rpartition(" of ")[0] in words, method
    assert "Spike-and-slab: 1 of 2 runs diverged at step 1,334." in words
    assert "Thresholded Laplacian: 2 of 2 runs diverged between steps 1,234 and 1,334." in words


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_every_method_or_why_there_is_none(name: str, images: Study) -> None:
    words = drawn(name, images)
    for text in ("digits, latents = 128", "faces", "Gaussian", "Thresholded Gaussian"):
        assert text in words
    assert "2 of 2 runs diverged between steps 1,234 and 1,334" in words


@pytest.mark.parametrize("name", LINEAR)
def test_one_repetition_of_which_one_run_diverged(name: str, tmp_path: Path) -> None:
    made = Made(tmp_path).experiment(
        "patches", ("gaussian", "laplacian_thresh", "mine"), repetitions=1, diverged=(("laplacian_thresh", 0),)
    )
    (tmp_path / "runs/patches/laplacian_thresh/0/history.csv").write_text("epoch,step,train_loss\n")
    assert "Thresholded Laplacian: diverged at step 1,234." in drawn(name, made.write())


def test_no_curve_is_said_to_have_diverged_where_runs_only_learnt_nothing(tmp_path: Path) -> None:
    made = Made(tmp_path).experiment("patches", ("gaussian", "gaussian_thresh"), repetitions=1)
    made.rows += [
        row | {"metric": "zero_code/mse_draw", "value": 0.0} for row in made.rows if row["metric"] == "mse_draw"
    ]
    words = drawn("training_curves", made.write())
    assert "Gaussian: 1 of 1 runs learnt nothing. Thresholded Gaussian: 1 of 1 runs learnt nothing." in words
    assert "diverged" not in words


@pytest.mark.parametrize("name", LINEAR)
def test_a_block_for_each_experiment(name: str, tmp_path: Path) -> None:
    made = Made(tmp_path)
    for experiment in ("first", "second"):
        made.experiment(experiment, ("gaussian", "gaussian_thresh"), repetitions=1)
    words = drawn(name, made.write())
    assert "first" in words
    assert "second" in words


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_to_show_is_said(name: str, tmp_path: Path) -> None:
    """Of a linear generator, without a sweep and without draws."""
    study = Made(tmp_path).experiment("patches", ("fista",), repetitions=1).write()
    assert drawn(name, study) == NOTHING[name]


def test_atoms_are_of_dictionaries(images: Study) -> None:
    assert drawn("atoms", images) == "no atoms that are pictures"


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "threshold"])
def test_a_study_that_was_not_assembled(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(metrics\.csv|study\.json) is missing"):
        draw(name, tmp_path, tmp_path)


def test_the_same_study_gives_the_same_files(linear: Study, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        draw("gradient_snr", linear.results, tmp_path / folder)
    for suffix in ("png", "pdf", "svg"):
        first, second = ((tmp_path / folder / f"gradient_snr.{suffix}").read_bytes() for folder in ("a", "b"))
        assert first == second, suffix


# ------------------------------------------------------------------------ needs


def index(linear: bool = True, kind: str = "natural_images", gradients: Any = None, *points: dict[str, Any]) -> Any:
    """The index of a study of one experiment."""
    setup = {"linear": linear, "kind": kind, "evaluation": {} if gradients is None else {"gradients": gradients}}
    runs = [{"experiment": "one", "point": point} for point in points or ({},)]
    return {"experiments": {"one": setup}, "runs": runs}


def test_needs_of_a_plain_linear_study() -> None:
    plain = index()
    assert needs.dictionary(plain)
    assert needs.gradients(plain)
    for need in (needs.network, needs.known_dictionary, needs.sweep, needs.operating_points, needs.setting):
        assert not need(plain), need


@pytest.mark.parametrize(
    ("need", "content"),
    [
        (needs.network, index(False)),
        (needs.sweep, index(False)),
        (needs.known_dictionary, index(True, "synthetic")),
        (needs.known_dictionary, index(True, "hierarchical")),
        (needs.independent_features, index(True, "synthetic")),
        (needs.atoms, index()),
        (needs.sweep, index(True, "digits", None, {"latents": 4}, {"latents": 8})),
        (needs.operating_points, index(True, "digits", None, {"penalty": 4}, {"penalty": 8})),
        (needs.setting, index(True, "digits", None, {"samples": 4}, {"samples": 8})),
    ],
)
def test_needs_that_are_met(need: Any, content: Any) -> None:
    assert need(content)


def test_needs_that_are_not_met() -> None:
    assert not needs.gradients(index(True, "digits", False))
    assert not needs.dictionary(index(False))
    assert not needs.atoms(index(True, "synthetic"))
    assert not needs.atoms(index(True, "hierarchical"))
    assert not needs.independent_features(index(True, "hierarchical"))
    # Methods with operating points of their own axes do not compare side by side.
    assert not needs.setting(index(True, "digits", None, {"penalty": 4}, {"density": 0.1}))
    assert not needs.setting(index(False, "digits", None, {"samples": 4}, {"samples": 8}))
