"""Codes that learn nothing: against scikit-learn's PCA, and few latents."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from vscbench.data import Data
from vscbench.metrics.baselines import baselines


@pytest.fixture(scope="module")
def white() -> Data:
    """Correlated data, z-scored as real data are."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(20, 20)) * np.linspace(2, 0.1, 20)
    return Data.from_array(rng.laplace(size=(650, 20)) @ mixing.T + 3, validation=50, test=100)


@pytest.mark.parametrize("latents", [10, 20, 50])
def test_baselines_computed_directly(white: Data, latents: int) -> None:
    """The zero code scores ½‖x‖²; PCA is sklearn's, with as many components as fit."""
    rows = baselines(white, latents, [20, 0.5])
    found = {(row["method"], row["point"].get("components")): row["metrics"] for row in rows}
    assert len(found) == len(rows)
    x = white.test.astype(np.float64)
    energy = np.square(x).sum(1).mean()
    sizes = {"zero_code": 0, "pca_same_size": min(latents, 20), "pca_same_density": latents // 10}
    curve = {10: (1, 2, 5, 10), 20: (1, 2, 4, 10, 20), 50: (2, 5, 10, 20)}[latents]  # of 5, 10, 20, 50, 100 %
    expected = {(name, None): count for name, count in sizes.items()} | {("pca", count): count for count in curve}
    assert found.keys() == expected.keys()
    for row, components in expected.items():
        codes, rebuilt = np.zeros((len(x), 1)), np.zeros_like(x)
        if components:
            pca = PCA(components).fit(white.train)
            codes = pca.transform(x)
            rebuilt = pca.inverse_transform(codes)
        mse, l1 = np.square(x - rebuilt).mean(), np.abs(codes).sum(1).mean()
        measures = found[row]
        assert measures["density"] == pytest.approx(components / latents)
        assert measures["l1"] == pytest.approx(l1, rel=1e-4)
        for code in ("draw", "mean", "best"):
            assert measures[f"mse_{code}"] == pytest.approx(mse, abs=1e-5)
            assert measures[f"fve_{code}"] == pytest.approx(1 - mse / np.square(x).mean(), abs=1e-5)
            for penalty in (20, 0.5):
                objective = 0.5 * 20 * mse + penalty * l1
                assert measures[f"lasso{penalty:g}_{code}"] == pytest.approx(objective, rel=1e-4)
    assert found["zero_code", None]["lasso20_best"] == pytest.approx(0.5 * energy)
    assert found["zero_code", None]["lasso0.5_best"] == pytest.approx(0.5 * energy)


@pytest.mark.parametrize(("latents", "there"), [(1, False), (4, False), (6, True)])
def test_a_tenth_of_few_latents_is_no_component(white: Data, latents: int, there: bool) -> None:
    rows = baselines(white, latents, [20])
    assert any(row["method"] == "pca_same_density" for row in rows) is there
    assert all(row["metrics"]["density"] > 0 for row in rows if row["method"] != "zero_code")
