"""A class of the user's own through the battery, by the option --coder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import vscbench

MODULE = '''
from dataclasses import dataclass

import torch
from torch import nn

from vscbench.coders import Coder, Posterior
from vscbench.coders.gaussian import Gaussian
from vscbench.settings import Positive


class Rectifier(Coder):
    """Codes are a rectified linear map of the data."""

    def __init__(self, shape, latents: int, gain: Positive = 1.0):
        super().__init__()
        self.into, self.out, self.gain = nn.Linear(shape[0], latents), nn.Linear(latents, shape[0]), gain

    def encode(self, x):
        return self.gain * self.into(x).relu()

    def decode(self, z):
        return self.out(z)


class Crop(Coder):
    """The first pixels are the code: nothing learns."""

    def __init__(self, shape, latents):
        super().__init__()
        self.latents, self.rest = latents, shape[0] - latents

    def encode(self, x):
        return x[:, : self.latents]

    def decode(self, z):
        return nn.functional.pad(z, (0, self.rest))


class Unseeded(Rectifier):
    def encode(self, x):
        return super().encode(x) + torch.rand(())


class Stuck(Rectifier):
    def encode(self, x):
        return super().encode(x).detach()


@dataclass
class Plain(Gaussian):
    """A Gaussian by another name."""


@dataclass
class WrongKL(Gaussian):
    def kl(self, params):
        return 1.5 * super().kl(params)


@dataclass
class WrongMean(Gaussian):
    def mean(self, params):
        return 1.1 * super().mean(params)


@dataclass
class WrongDensity(Gaussian):
    def log_deviation(self, params, deviation):
        return 1.2 * super().log_deviation(params, deviation)
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_module.py").write_text(MODULE)
    return tmp_path


def battery(folder: Path, name: str, *options: str) -> tuple[dict[str, int], str]:
    """How many tests passed, failed, were skipped, and what was said."""
    command = [sys.executable, "-m", "pytest", "--pyargs", "vscbench.testing", "--coder", f"my_module:{name}"]
    # The entry point of an installed package and the plugin of this tree are the same module.
    command += ["-p", "no:vscbench", "-p", "vscbench.testing.plugin", "-p", "no:cacheprovider", "-q", *options]
    path = os.pathsep.join([str(folder), str(Path(vscbench.__file__).parents[1])])
    env = os.environ | {"PYTHONPATH": path}
    said = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False).stdout
    counts = re.findall(r"(\d+) (passed|failed|skipped|error)", said.splitlines()[-1])
    return {what: int(count) for count, what in counts}, said


@pytest.mark.parametrize(("name", "at_least"), [("Rectifier", 11), ("Crop", 11), ("Plain", 150)])
def test_what_is_right_passes_and_nothing_is_skipped(folder: Path, name: str, at_least: int) -> None:
    """A coder of two methods; one that does not learn; a symmetric base, under every threshold."""
    counts, said = battery(folder, name)
    assert set(counts) == {"passed"}, said
    assert counts["passed"] >= at_least


@pytest.mark.parametrize(
    ("name", "test"),
    [
        ("Unseeded", "test_codes_are_a_function_of_the_generator_state"),
        ("Stuck", "test_every_parameter_gets_a_finite_gradient"),
        ("WrongKL", "test_kl_is_the_mean_log_ratio_of_the_densities"),
        ("WrongMean", "test_moments_are_those_of_the_codes"),
        ("WrongDensity", "test_density_is_that_of_the_draws"),
    ],
)
def test_what_is_wrong_fails_where_it_is_wrong(folder: Path, name: str, test: str) -> None:
    counts, said = battery(folder, name, "-k", test)
    assert counts.get("failed"), said


def test_a_class_that_is_not_there_is_refused(folder: Path) -> None:
    _, said = battery(folder, "Absent")
    assert "my_module has no Absent" in said
