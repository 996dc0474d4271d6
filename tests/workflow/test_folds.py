"""A study in which every repetition is a fold: its data, what its runs depend on, what an added repetition plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vscbench import config as configs
from vscbench.config import Run
from vscbench.errors import UserError
from vscbench.planning import Plan
from vscbench.seeds import derive_seed

if TYPE_CHECKING:
    from .conftest import Project

PHOTOS = {"kind": "natural_images", "folds": 3, "train": 60, "validation": 20, "test": 20, "patch_size": 4}
STUDY: dict[str, Any] = {
    "study": "folds",
    "results": "results",
    "repetitions": 4,
    "datasets": {"photos": PHOTOS, "digits": {"kind": "digits", "train": 100, "validation": 20, "test": 20}},
    "experiments": {
        "patches": {"dataset": "photos", "methods": ["fista", "gaussian"], "generator": {"latents": 12}},
        "digits": {"dataset": "digits", "methods": ["gaussian"], "repetitions": 2},
    },
}


def study_of(**photos: Any) -> configs.Study:
    return configs.check(STUDY | {"datasets": STUDY["datasets"] | {"photos": PHOTOS | photos}})


def test_repetitions_take_the_folds_in_turn() -> None:
    study = study_of()
    names = [f"photos.fold-{fold}" for fold in (0, 1, 2, 0)]
    assert configs.data_of_repetitions(study, "patches") == names
    assert configs.data_of_repetitions(study, "digits") == ["digits"] * 2
    assert configs.dataset_names(study, "photos") == names[:3]
    specs = [configs.run_spec(study, Run("patches", "fista", (), k)) for k in range(4)]
    assert [spec["dataset"]["fold"] for spec in specs] == [0, 1, 2, 0]
    assert {spec["dataset"]["name"] for spec in specs} == {"photos"}
    assert [configs.source(study, name).fold for name in names] == [0, 1, 2, 0]


def test_the_seed_of_a_repetition_is_what_it_was() -> None:
    for study in (study_of(), study_of(fold=1)):
        spec = configs.run_spec(study, Run("patches", "fista", (), 3))
        assert spec["seed"] == derive_seed(0, "photos", "fista", 3)


def test_one_fold_for_every_repetition() -> None:
    study = study_of(fold=1)
    assert configs.data_of_repetitions(study, "patches") == ["photos"] * 4
    assert {configs.run_spec(study, Run("patches", "fista", (), k))["dataset"]["fold"] for k in range(4)} == {1}


def test_images_laid_over_folds_take_them_back() -> None:
    images = {"train": ["camera"], "validation": ["rocket"], "test": ["coffee"]}
    overlay = {"datasets": {"photos": {"images": images}}}
    assert configs.dataset_names(configs.check(configs.merge(STUDY, overlay)), "photos") == ["photos"]


@pytest.mark.parametrize("name", ["photos.fold-3", "photo"])
def test_a_fold_that_there_is_not(name: str) -> None:
    with pytest.raises(UserError, match=f"no data set {name}; did you mean photos"):
        configs.source(study_of(), name)


def test_what_is_planned_of_a_study() -> None:
    plan, folds = Plan(study_of()), [f"photos.fold-{fold}" for fold in range(3)]
    assert plan.datasets() == [*folds, "digits"]
    assert plan.datasets("patches") == folds
    assert plan.datasets("patches", 3) == folds[:1]
    assert plan.datasets("digits", 1) == ["digits"]
    fewer = Plan(configs.check(configs.merge(STUDY, {"repetitions": 3})))
    assert fewer.baseline("patches") != plan.baseline("patches")  # a row for each repetition, of the same three files
    assert plan.classifiers("digits", 1)[0].endswith("digits.safetensors")


def test_a_study_of_folds_is_run(project: Project) -> None:
    """Each fold is a file; an added repetition prepares its fold, and measures the codes that learn nothing anew."""
    project.write("config.yaml", STUDY | {"repetitions": 2})
    project.snakemake("metrics")
    found = {path.name for path in (project.folder / "results/data").iterdir()}
    assert found == {"photos.fold-0.safetensors", "photos.fold-1.safetensors", "digits.safetensors"}
    assert project.plan("metrics") == {}
    plan = project.plan("metrics", "--config", "repetitions=3")
    assert plan.pop("assemble_metrics") == plan.pop("metrics") == 1
    assert plan == {"prepare_data": 1, "train_run": 2, "evaluate_run": 2, "measure_baselines": 1}
