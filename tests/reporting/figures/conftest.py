"""Made-up studies that the tests of figures share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .made import LABELS, Made

if TYPE_CHECKING:
    from vscbench.reporting.study import Study

FEW = ("gaussian", "spike_slab", "gaussian_thresh")


@pytest.fixture(scope="session")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Nine methods, two repetitions; one run of a method and both of another diverged."""
    lost = (("spike_slab", 1), ("laplacian_thresh", 0), ("laplacian_thresh", 1))
    references = {"zero_code": (0.0, 1.0), "pca_same_size": (1.0, 0.1), "pca_same_density": (0.1, 0.8)}
    codes = {
        name: {"density": at, "density_best": at, "mse_draw": error, "mse_mean": error, "mse_best": error}
        for name, (at, error) in references.items()
    }
    made = Made(tmp_path_factory.mktemp("linear"))
    return made.experiment("natural_images", tuple(LABELS), diverged=lost, baselines=codes).write()


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A swept and a plain experiment; a run of a method and both of another diverged."""
    made = Made(tmp_path_factory.mktemp("images"))
    made.experiment("digits", FEW, "digits", axes={"latents": [64, 16, 128]}, diverged=(("gaussian", 0, 128),))
    made.experiment("faces", FEW, "faces", latents=64, diverged=(("spike_slab", 0), ("spike_slab", 1)))
    return made.write()


@pytest.fixture(scope="session")
def fashion(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Sweeps over sizes of the code and over densities that have published numbers."""
    made = Made(tmp_path_factory.mktemp("fashion"))
    made.experiment("sizes", FEW, "fashion_mnist", axes={"latents": [20, 256]})
    density = {"gaussian": {}, **{method: {"density": [0.05, 0.2]} for method in FEW[1:]}}
    return made.experiment("densities", FEW, "fashion_mnist", axes=density, latents=64).write()
