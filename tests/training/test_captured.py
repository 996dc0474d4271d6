"""Runs trained as one model: step by step on a CPU they are what each is by itself; on a GPU a graph repeats itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from training.runs import CODERS, CPU, KEY, spec_of, trainer_of
from vscbench.coders.fista import Fista
from vscbench.coders.published_fista import published_fista
from vscbench.errors import UserError
from vscbench.networks.dictionary import Dictionary
from vscbench.objectives.lasso import lasso_objective
from vscbench.training.captured import CapturedTrainer
from vscbench.training.stacked_fista import CapturedFista, StackedFista, largest_eigenvalue
from vscbench.training.together import Job, stacks, train_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor

    from vscbench.data import Data
    from vscbench.training.trainer import Trainer

SEEDS = (0, 5, 7)
WARMUP = {"initial": 0.2, "final": 1, "start": 0.1, "end": 0.6}
FAMILIES: dict[str, dict[str, Any]] = {
    "gaussian": {"family": "gaussian"},
    "laplacian": {"family": "laplacian", "noise_warmup": WARMUP},
    "spike_slab": {"family": "spike_slab", "noise_warmup": WARMUP, "temperature": {"initial": 1, "final": 0.3}},
    "laplacian_thresh": {"family": "laplacian", "threshold": {"kind": "fixed", "value": 0.1}, "noise_warmup": WARMUP},
    "gaussian_thresh_gamma": {"family": "gaussian", "threshold": {"kind": "gamma", "value": 0.3}},
}
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here: graphs are captured on one alone")


def captured(specs: list[dict[str, Any]], data: Data, device: torch.device = CPU, **more: Any) -> CapturedTrainer:
    return CapturedTrainer(specs, data, device, key=KEY, **more)


def give_noise(trainer: Trainer, step: Callable[[], int], run: int | None) -> None:
    """Noise that is a function of the step: of one run, or of all of them side by side."""
    family = trainer.coder.family

    def noise(params: dict[str, Tensor], samples: int, rng: object) -> dict[str, Tensor]:  # noqa: ARG001
        rows, latents = params["loc"].shape
        points = rows // (1 if run is not None else len(SEEDS))
        stream = torch.Generator().manual_seed(step())
        drawn = torch.rand(3, samples, points, len(SEEDS), latents, generator=stream).clamp(1e-3, 1 - 1e-3)
        drawn = drawn.flatten(2, 3) if run is None else drawn[:, :, :, run]
        normal, laplace = (
            torch.special.ndtri(drawn[0]),
            -torch.sign(drawn[0] - 0.5) * (1 - 2 * (drawn[0] - 0.5).abs()).log(),
        )
        return {"normal": normal, "laplace": laplace, "uniform": drawn[1], "gamma": 3 * drawn[2]}

    given = noise({"loc": torch.zeros(3, 1)}, 1, None).keys()
    used = set(trainer.coder.family.noise({n: torch.zeros(3, 1) for n in family.heads}, 1, torch.Generator())) & given
    family.noise = lambda *args: {name: value for name, value in noise(*args).items() if name in used}


@pytest.mark.parametrize("clip_norm", [None, 0.05], ids=["free", "clipped"])
@pytest.mark.parametrize("family", FAMILIES)
def test_stacked_runs_are_those_that_each_is_by_itself(data: Data, family: str, clip_norm: float | None) -> None:
    """Given the same noise: weights, curves, momentum and order of the data."""
    specs = [spec_of(FAMILIES[family], seed=seed, optimizer={"clip_norm": clip_norm}, epochs=3) for seed in SEEDS]
    stacked = captured(specs, data)
    give_noise(stacked, lambda: int(stacked.clock.step), None)
    stacked.epochs()
    assert stacked.step == 63
    for run, spec in enumerate(specs):
        alone = trainer_of(spec, data)
        give_noise(alone, lambda: alone.step, run)  # noqa: B023  (used within the turn)
        alone.train()
        found, expected = stacked.model_of(run, data).state_dict(), alone.model.state_dict()
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5, msg=lambda text: f"{name}: {text}")  # noqa: B023
        assert len(alone.history) == 3
        for row, other in zip(stacked.history_of(run), alone.history, strict=True):
            assert row.keys() == other.keys()
            assert row == pytest.approx(other, rel=1e-3, abs=1e-6)


PUBLISHED_FISTA = {"family": "fista", "penalty": 0.2, "penalty_warmup": WARMUP, "stop": "published", "tolerance": 1e-6}


def test_stacked_fista_is_that_of_each_dictionary(data: Data) -> None:
    """Given more exact codes than the rule asks for: weights and curves."""
    specs = [spec_of(PUBLISHED_FISTA, seed=seed, epochs=3) for seed in SEEDS]
    stacked = CapturedFista(specs, data, CPU, key=KEY)
    stacked.epochs()
    for run, spec in enumerate(specs):
        alone = trainer_of(spec, data)
        alone.train()
        atoms = alone.coder.atoms
        assert atoms is not None
        torch.testing.assert_close(stacked.model_of(run, data).coder.atoms, atoms, rtol=1e-2, atol=1e-3)
        for row, other in zip(stacked.history_of(run), alone.history, strict=True):
            assert row == pytest.approx(other, rel=1e-2)


def test_each_of_several_lassos_stops_by_itself() -> None:
    """At codes that no longer change, as optimal as those of the plain function, and a run that is done stays."""
    rng = torch.Generator().manual_seed(0)
    coders = [Fista(Dictionary((16,), 12), 0.2 * (1 + n), stop="published") for n in range(3)]
    for n, coder in enumerate(coders):
        coder.generator.atoms.data *= 10.0**n  # of other curvature: each has its own step
    stacked, x = StackedFista(coders), torch.randn(30, 16, generator=rng)
    codes = stacked.encode(x)
    for run, coder in enumerate(coders):
        mine, atoms = x[run::3], coder.generator.atoms.detach()
        plain = published_fista(mine, atoms, 0.2).codes
        objective = [lasso_objective(mine, z @ atoms.T, z, 0.2).mean() for z in (codes[run::3], plain)]
        assert objective[0] <= objective[1] * (1 + 1e-4)
    at = stacked.begin(x)
    at["done"][1] = True
    before = at["codes"].clone()
    stacked.sweep(at)
    assert [bool((now != old).any()) for now, old in zip(at["codes"], before, strict=True)] == [True, False, True]


@pytest.mark.parametrize("rank", [3, 40])
def test_largest_eigenvalue(rank: int) -> None:
    factors = torch.randn(4, 40, rank, generator=torch.Generator().manual_seed(rank)) * torch.tensor(
        [1e-3, 1, 30, 1e4]
    ).view(4, 1, 1)
    gram = factors @ factors.mT
    found = largest_eigenvalue(gram).flatten()
    torch.testing.assert_close(found, torch.linalg.eigvalsh(gram)[:, -1], rtol=2e-3, atol=0)


def of(trainer: CapturedTrainer, data: Data) -> list[dict[str, Any]]:
    """All that must be the same where runs are repeated: weights and curves of each."""
    runs = range(trainer.runs)
    return [{"history": trainer.history_of(run)} | dict(trainer.model_of(run, data).state_dict()) for run in runs]


def assert_same_bits(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    for mine, theirs in zip(one, other, strict=True):
        assert mine.pop("history") == theirs.pop("history")
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            assert torch.equal(value, theirs[name]), name


def test_resumed_runs_end_bit_identical(data: Data, tmp_path: Path) -> None:
    specs = [spec_of(epochs=3, seed=seed) for seed in SEEDS]
    whole = captured(specs, data)
    whole.epochs()
    first = captured(specs, data, checkpoint_path=tmp_path / "checkpoint.pt", checkpoint_seconds=0)
    first.epochs(seconds=0)
    assert first.step == 21
    again = captured(specs, data, checkpoint_path=tmp_path / "checkpoint.pt")
    again.resume()
    again.epochs()
    assert again.step == 63
    assert_same_bits(of(again, data), of(whole, data))


def test_a_run_that_diverges_leaves_the_others_alone(data: Data) -> None:
    """It is told with its step; the others learn on to the same bits."""
    specs = [spec_of("spike_slab", epochs=3, seed=seed) for seed in SEEDS]
    well, ill = captured(specs, data), captured(specs, data)
    with torch.no_grad():
        ill.coder.heads.bias[1, 0, 3] = torch.nan
    for each in (well, ill):
        each.epochs()
    assert ill.step == 63
    assert list(ill.diverged) == [1]
    step, loss = ill.diverged[1]
    assert step == 1
    assert loss != loss  # noqa: PLR0124  (nan)
    assert ill.history_of(1) == []
    of_well, of_ill = of(well, data), of(ill, data)
    assert_same_bits([of_ill[0], of_ill[2]], [of_well[0], of_well[2]])


@pytest.mark.parametrize("change", [{"coder": CODERS["fista"]}, {"generator": {"kind": "mlp", "latents": 12}}])
def test_what_does_not_stack_is_refused(data: Data, change: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="train as one model"):
        captured([spec_of() | change], data)


def test_runs_of_several_methods(data: Data, tmp_path: Path) -> None:
    """Those alike are stacked; each is given at its end and where it is to be kept; what does not stack is left."""
    specs = [spec_of(FAMILIES[name], seed=seed) for name in ("gaussian", "laplacian") for seed in SEEDS[:2]]
    jobs = [Job(spec, data, f"key{n}", tmp_path / f"{n}.pt") for n, spec in enumerate([*specs, spec_of("fista")])]
    assert [len(stack) for stack in stacks(jobs)] == [2, 2, 1]
    ended: list[tuple[str, str, int]] = []
    kept: list[tuple[str, int]] = []
    left = train_together(
        jobs,
        device=CPU,
        done=lambda job, run: ended.append((job.key, run.status["status"], len(run.history))),
        keep=[0.4],
        kept=lambda job, run: kept.append((job.key, run.status["step"])),
    )
    assert left == jobs[4:]
    assert ended == [(f"key{n}", "completed", 2) for n in range(4)]
    assert kept == [(f"key{n}", 21) for n in range(4)]
    alone = captured(specs[2:], data)
    alone.epochs()
    found = {}
    train_together(jobs, device=CPU, done=lambda job, run: found.update({job.key: run}))
    assert_same_bits(
        of(alone, data), [{"history": found[k].history} | found[k].model.state_dict() for k in ("key2", "key3")]
    )


def test_time_that_is_up_leaves_a_checkpoint(data: Data, tmp_path: Path) -> None:
    jobs = [Job(spec_of(seed=seed), data, f"key{seed}", tmp_path / f"{seed}.pt") for seed in SEEDS]
    ended: list[str] = []
    assert train_together(jobs, device=CPU, done=lambda job, _: ended.append(job.key), seconds=0) == jobs
    assert not ended
    assert [path.name for path in tmp_path.iterdir()] == ["0.pt"]
    assert not train_together(jobs, device=CPU, done=lambda job, _: ended.append(job.key))
    assert ended == ["key0", "key5", "key7"]
    assert not list(tmp_path.iterdir())


# --------------------------------------------------------------------------- on a GPU


@pytest.fixture
def deterministic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@CUDA
@pytest.mark.parametrize("family", FAMILIES)
def test_captured_steps_are_those_made_one_by_one(data: Data, family: str) -> None:
    specs = [spec_of(FAMILIES[family], seed=seed, optimizer={"clip_norm": 1.0}, epochs=3) for seed in SEEDS]
    plain, graph = (captured(specs, data, torch.device("cuda")) for _ in range(2))
    graph.prepare()
    for each in (plain, graph):
        each.epochs()
        assert each.step == 63
    assert set(graph.graphs) == {1, 20}
    assert not plain.graphs
    for one, other in zip(of(plain, data), of(graph, data), strict=True):
        assert [row.keys() for row in one.pop("history")] == [row.keys() for row in other.pop("history")]
        for name, value in one.items():
            torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-5)


@CUDA
def test_captured_fista_is_that_made_one_by_one(data: Data) -> None:
    specs = [spec_of(PUBLISHED_FISTA, seed=seed, epochs=3) for seed in SEEDS]
    plain, graph = (CapturedFista(specs, data, torch.device("cuda"), key=KEY) for _ in range(2))
    graph.prepare()
    assert len(graph.graphs) == 3
    for each in (plain, graph):
        each.epochs()
    for one, other in zip(of(plain, data), of(graph, data), strict=True):
        torch.testing.assert_close(one["coder.generator.atoms"], other["coder.generator.atoms"], rtol=1e-4, atol=1e-5)


@CUDA
@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("family", FAMILIES)
def test_captured_runs_repeat_to_the_bit(data: Data, family: str) -> None:
    specs = [spec_of(FAMILIES[family], seed=seed, epochs=3) for seed in SEEDS]
    found = []
    for _ in range(2):
        trainer = captured(specs, data, torch.device("cuda"))
        trainer.prepare()
        trainer.epochs()
        found.append(of(trainer, data))
    assert_same_bits(*found)


@CUDA
@pytest.mark.usefixtures("deterministic")
def test_what_runs_beside_changes_no_bit(data: Data, tmp_path: Path) -> None:
    specs = [spec_of(coder, seed=seed, epochs=3) for coder in FAMILIES.values() for seed in SEEDS]
    jobs = [Job(spec, data, f"key{n}", tmp_path / f"{n}.pt") for n, spec in enumerate(specs)]
    found = []
    for chosen in (jobs, jobs[-3:]):
        ended: dict[str, Any] = {}
        assert not train_together(
            chosen,
            device=torch.device("cuda"),
            done=lambda job, run: ended.update({job.key: run}),  # noqa: B023
        )
        last = [ended[job.key] for job in jobs[-3:]]
        found.append([{"history": run.history} | run.model.state_dict() for run in last])
    assert_same_bits(*found)
