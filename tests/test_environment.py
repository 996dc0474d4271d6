"""What `make` and conda install: one set of versions, within the ranges that the package asks for."""

from __future__ import annotations

import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text().splitlines()
PINS = [Requirement(line) for line in LOCK if not line.startswith("#")]
LOCKED = {canonicalize_name(pin.name): pin.specifier for pin in PINS}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ASKED = [*PROJECT["dependencies"], *(line for lines in PROJECT["optional-dependencies"].values() for line in lines)]


@pytest.mark.parametrize("asked", ASKED)
def test_lock_is_within_range(asked: str) -> None:
    """Each dependency, of the extras too, is locked at one version, which its range admits, or asked for at one."""
    requirement = Requirement(asked)
    (pin,) = LOCKED.get(canonicalize_name(requirement.name), requirement.specifier)
    assert pin.operator == "=="
    assert requirement.specifier.contains(pin.version)


@pytest.mark.parametrize("pin", PINS, ids=str)
def test_lock_is_complete(pin: Requirement) -> None:
    """What a locked package needs is locked too, at a version it admits, or by itself (torch's parts for CUDA)."""
    for needed in map(Requirement, requires(pin.name) or ()):
        if needed.marker and not any(needed.marker.evaluate({"extra": extra}) for extra in ("", *pin.extras)):
            continue
        if (locked := LOCKED.get(canonicalize_name(needed.name))) is None:
            assert [part.operator for part in needed.specifier] == ["=="], needed
        else:
            (found,) = locked
            assert needed.specifier.contains(found.version), needed


@pytest.mark.filterwarnings("ignore:pkg_resources is deprecated")  # pip's own, in old releases
@pytest.mark.filterwarnings("ignore:Creating a LegacyVersion:DeprecationWarning")  # the pip of Python 3.11.2
def test_conda_installs_the_lock(tmp_path: Path) -> None:
    """Pip reads the lines of environment.yml that conda hands to it, and finds the lock, then the package."""
    from pip._internal.network.session import PipSession
    from pip._internal.req import parse_requirements

    python, *_, part = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
    (tmp_path / "requirements.lock").symlink_to(ROOT / "requirements.lock")
    written = tmp_path / "condaenv.requirements.txt"
    written.write_text("\n".join(part["pip"]))
    *pins, package = parse_requirements(str(written), PipSession())
    assert {pin.requirement for pin in pins} == {str(pin) for pin in PINS}
    assert package.is_editable
    assert (tmp_path / package.requirement).samefile(tmp_path)


def test_jobs_in_conda_have_what_the_package_needs() -> None:
    """`snakemake --sdm conda`: the environment that each rule names lists the dependencies, and no file beside it."""
    *_, part = yaml.safe_load((ROOT / "workflow/envs/vscbench.yaml").read_text())["dependencies"]
    assert part["pip"] == sorted([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["workflow"]])
