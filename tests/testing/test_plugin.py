"""A class of the user's own through the battery, by the option --coder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
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


class Short(Crop):
    def encode(self, x):
        return x[:, : self.latents - 1]

    def decode(self, z):
        return nn.functional.pad(z, (0, self.rest + 1))


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


@dataclass
class Unnormalised(Gaussian):
    def log_prob_at(self, params, codes, threshold=None):
        return super().log_prob_at(params, codes, threshold) + 0.3
'''


WRONG = {
    "Unseeded": "test_codes_are_a_function_of_the_generator_state",
    "Stuck": "test_every_parameter_gets_a_finite_gradient",
    "Short": "test_shapes_and_dtypes",
    "WrongKL": "test_kl_is_the_mean_log_ratio_of_the_densities",
    "WrongMean": "test_moments_are_those_of_the_codes",
    "WrongDensity": "test_density_is_that_of_the_draws",
    "Unnormalised": "test_density_is_normalised",
}
"""Of what is wrong the test that fails."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_module.py").write_text(MODULE)
    return tmp_path


def run(folder: Path, *names: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The battery for some classes, by the plugin of this tree: the entry point of an installed package is the same."""
    command = [sys.executable, "-m", "pytest", "--pyargs", "vscbench.testing", "-q", *options]
    command += [f"--coder={name}" for name in names]
    command += ["-p", "no:vscbench", "-p", "vscbench.testing.plugin", "-p", "no:cacheprovider"]
    path = os.pathsep.join([str(folder), str(Path(vscbench.__file__).parents[1])])
    env = os.environ | {"PYTHONPATH": path}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def battery(folder: Path, *names: str, options: tuple[str, ...] = ()) -> tuple[Counter[tuple[str, str]], set[str], str]:
    """How often each class of `my_module` passed or failed, the tests that failed as NAME/TEST, and what was said."""
    said = run(folder, *(f"my_module:{name}" for name in names), options=("-rA", "--tb=no", *options)).stdout
    found = re.findall(r"^([A-Z]+) \S+::(\w+)\[my_module:([A-Za-z]+)", said, re.MULTILINE)
    outcomes = Counter((name, what) for what, _, name in found)
    return outcomes, {f"{name}/{test}" for what, test, name in found if what == "FAILED"}, said


@pytest.mark.parametrize("least", [{"Rectifier": 11, "Crop": 11}, {"Plain": 150}], ids=["coders", "posterior"])
def test_what_is_right_passes_and_nothing_is_skipped(folder: Path, least: dict[str, int]) -> None:
    """A coder of two methods, and one that does not learn; a symmetric base, under every threshold."""
    outcomes, _, said = battery(folder, *least)
    assert re.fullmatch(r"\d+ passed in [^,]*", said.splitlines()[-1]), said
    for name, count in least.items():
        assert outcomes[name, "PASSED"] >= count


def test_what_is_wrong_fails_where_it_is_wrong(folder: Path) -> None:
    chosen = " or ".join(f"({name} and {test})" for name, test in WRONG.items())
    _, failed, said = battery(folder, *WRONG, options=("-k", chosen))
    assert {f"{name}/{test}" for name, test in WRONG.items()} <= failed, said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my_module:Absent", "my_module:Absent: my_module has no Absent"),
        ("my_modul:Plain", "my_modul:Plain: there is no module my_modul on the Python path"),
        ("my_module:nn", "my_module:nn: it is no subclass of vscbench.Posterior or vscbench.Coder"),
        ("gausian", "there is no family gausian; did you mean gaussian?"),
    ],
)
def test_what_is_no_coder_is_refused_in_one_line(folder: Path, name: str, said: str) -> None:
    done = run(folder, name)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    (line,) = (done.stderr + done.stdout).strip().splitlines()
    assert line.startswith(f"ERROR: --coder {said}")
