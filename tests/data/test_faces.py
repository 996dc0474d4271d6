"""Faces drawn with known attributes."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from vscbench.data import faces
from vscbench.data.faces import Faces

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from vscbench.data import Data


@pytest.fixture(scope="module")
def drawn() -> Data:
    return Faces(train=1500, validation=20, test=500).load()


def test_faces(drawn: Data, check_images: Callable[..., None]) -> None:
    check_images(drawn, (1500, 20, 500), (3, 64, 64), len(faces.PROBABILITIES))
    assert not np.array_equal(drawn.labels["train"][:20], drawn.labels["validation"])
    assert drawn.train.min() < 10
    assert drawn.train.max() > 240


def test_faces_are_a_function_of_the_seed(drawn: Data) -> None:
    """A split does not depend on how many faces the others have."""
    again = Faces(train=70, validation=20, test=1).load()
    np.testing.assert_array_equal(again.validation, drawn.validation)
    np.testing.assert_array_equal(again.labels["validation"], drawn.labels["validation"])
    assert not np.array_equal(Faces(train=1, validation=20, test=1, seed=1).load().validation, drawn.validation)


def test_attributes_are_as_frequent_and_correlated_as_named(source: np.random.Generator) -> None:
    n = 40_000
    labels = faces.draw_labels(n, source)
    names = tuple(faces.PROBABILITIES)
    for name, column in zip(names, labels.T, strict=True):
        assert column.mean() == pytest.approx(faces.PROBABILITIES[name], abs=5 * 0.5 / n**0.5)
    r = np.corrcoef(labels.T)
    for j, k in combinations(range(len(names)), 2):
        pair = {names[j], names[k]}
        expected = next((value for both, value in faces.CORRELATIONS.items() if set(both) == pair), 0)
        assert r[j, k] == pytest.approx(expected, abs=5 / n**0.5)


def test_correlation_of_a_rare_and_a_frequent_attribute(
    source: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "PROBABILITIES", {"rare": 0.1, "frequent": 0.6})
    monkeypatch.setattr(faces, "CORRELATIONS", {("rare", "frequent"): 0.25})
    labels = faces.draw_labels(40_000, source)
    np.testing.assert_allclose(labels.mean(0), [0.1, 0.6], atol=0.01)
    assert np.corrcoef(labels.T)[0, 1] == pytest.approx(0.25, abs=0.02)


def test_given_correlations_can_be_had() -> None:
    """P(second | first) lies in [0, 1], and no attribute is in two pairs."""
    for (first, second), r in faces.CORRELATIONS.items():
        p, q = faces.PROBABILITIES[first], faces.PROBABILITIES[second]
        slope = r * (q * (1 - q) / (p * (1 - p))) ** 0.5
        assert 0 <= q - slope * p <= 1
        assert 0 <= q + slope * (1 - p) <= 1
    paired = [name for pair in faces.CORRELATIONS for name in pair]
    assert len(set(paired)) == len(paired)


def some_faces(labels: NDArray[np.uint8], rng: np.random.Generator, **changes: Any) -> NDArray[np.int64]:
    """Faces that differ in nothing but what is given."""
    nuisance = faces.draw_nuisance(len(labels), np.random.default_rng(5))._replace(**changes)
    return faces.render(labels, nuisance, rng).astype(int)


def test_each_attribute_is_seen_in_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turning it on changes at least 40 pixels of every face by a tenth of the scale or more; the rest not at all."""
    monkeypatch.setattr(faces, "NOISE", 0)
    without = np.zeros((40, len(faces.PROBABILITIES)), np.uint8)
    plain = some_faces(without, np.random.default_rng(0))
    for k, name in enumerate(faces.PROBABILITIES):
        labels = without.copy()
        labels[:, k] = 1
        change = np.abs(some_faces(labels, np.random.default_rng(0)) - plain).max(1)
        assert ((change > 25).sum((1, 2)) >= 40).all(), name
        assert (change == 0).mean() > (0.3 if name == "dark_background" else 0.75), name


def test_attributes_can_be_read_from_the_pixels(drawn: Data) -> None:
    """A linear classifier of pictures of 32×32 finds each of them on faces that it has not seen."""

    def features(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        return images.reshape(len(images), 3, 32, 2, 32, 2).mean((3, 5)).reshape(len(images), -1) / 255

    model = RidgeClassifier(alpha=10).fit(features(drawn.train), drawn.labels["train"].astype(int))
    right = (model.predict(features(drawn.test)) == drawn.labels["test"]).mean(0)
    assert dict(zip(drawn.label_names, right > 0.9, strict=True)) == dict.fromkeys(drawn.label_names, True)


def test_everything_that_varies_changes_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "NOISE", 0)
    labels = np.ones((4, len(faces.PROBABILITIES)), np.uint8)
    plain = some_faces(labels, np.random.default_rng(0))
    nuisance = faces.draw_nuisance(4, np.random.default_rng(5))
    for name, value in nuisance._asdict().items():
        changed = some_faces(labels, np.random.default_rng(0), **{name: value + 0.1})
        assert (np.abs(changed - plain).max((1, 2, 3)) > 1).all(), name


def test_edges_are_soft(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a pixel to the right changes no pixel by more than a small part of the scale, and many by a little."""
    monkeypatch.setattr(faces, "NOISE", 0)
    labels = faces.draw_labels(50, np.random.default_rng(1))
    shift = faces.draw_nuisance(50, np.random.default_rng(5)).shift
    moved = some_faces(labels, np.random.default_rng(0), shift=shift + np.array([0.1, 0], np.float32))
    change = np.abs(moved - some_faces(labels, np.random.default_rng(0)))
    assert change.max() < 50
    assert (change.max((1, 2, 3)) > 5).all()


def test_noise_is_the_only_other_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.zeros((20, len(faces.PROBABILITIES)), np.uint8)
    noisy = some_faces(labels, np.random.default_rng(0))
    monkeypatch.setattr(faces, "NOISE", 0)
    clean = some_faces(labels, np.random.default_rng(1))
    inside = (clean > 20) & (clean < 235)
    assert (noisy - clean)[inside].std() == pytest.approx(0.012 * 255, rel=0.03)


@pytest.mark.parametrize("change", ["chunks", "windows"])
def test_how_faces_are_drawn_makes_no_difference(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """Neither how many at a time, nor that each part is drawn only in the window that it can reach."""
    labels = faces.draw_labels(400, np.random.default_rng(1))
    labels[:100] = 1
    expected = some_faces(labels, np.random.default_rng(0))
    if change == "chunks":
        monkeypatch.setattr(faces, "CHUNK", 7)
    else:
        monkeypatch.setattr(faces._Canvas, "window", lambda self, *_: self)
    found = some_faces(labels, np.random.default_rng(0))
    assert np.abs(found - expected).max() <= 1
