"""Runs of seconds, trained and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vscbench import config as configs
from vscbench import model as models
from vscbench.coders.fista import Fista
from vscbench.data import Data
from vscbench.files import read_json
from vscbench.methods import METHODS, Method
from vscbench.metrics import METRICS, ON_REQUEST
from vscbench.metrics.evaluation import Evaluation
from vscbench.metrics.measuring import measure_run
from vscbench.networks.dictionary import Dictionary
from vscbench.registry import find
from vscbench.training.run import train, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from vscbench.metrics.evaluation import Measures

CPU = torch.device("cpu")
SAMPLES, PENALTIES = 3, (0.2, 2.0)
SETTINGS: dict[str, Any] = {
    "samples": SAMPLES,
    "penalties": list(PENALTIES),
    "gradients": {"passes": 6, "batches": 2, "samples": [1, 3]},
    "stability": {"draws": 4, "points": 10},
    "amortisation": {"steps": [0, 100], "points": 2, "samples": 1},
}
SOLVERS = ("fista", "admm", "lista", "lista_unrolled", "alista", "lca", "online_dictionary")


def given(name: str) -> dict[str, Any]:
    """What a method is told: a penalty at which codes of 16 pixels are not all zero."""
    return {"penalty": 0.1} if name in SOLVERS else {}


CODERS: dict[str, dict[str, Any]] = {
    **{
        name: {key: value for key, value in method(**given(name)).settings.items() if key != "training"}
        for name, method in METHODS.items()
    },
    "published_gate": METHODS["spike_slab"](gate="published").settings,
    "gumbel": METHODS["spike_slab"](gate_estimator="gumbel").settings,
    "gumbel_rao": METHODS["spike_slab"](gate_estimator="gumbel_rao").settings,
    "exact": METHODS["laplacian_thresh"](threshold={"divergence": "exact"}).settings,
    "published_estimator": METHODS["gaussian_thresh"](threshold={"estimator": "published"}).settings,
    "subgradient": METHODS["laplacian_thresh_gamma"](threshold={"estimator": "subgradient"}).settings,
    "vamp": METHODS["laplacian_thresh_gamma"](prior={"kind": "vamp", "pseudo_inputs": 3}).settings,
    "classifier": METHODS["spike_slab"](prior={"kind": "classifier", "pseudo_inputs": 3}).settings,
}
"""The coders that every metric is tried on: all methods of the package, and what they can be told."""


def spec_of(coder: dict[str, Any], **training: Any) -> dict[str, Any]:
    """The specification of a run of seconds with a coder, on data of 16 pixels."""
    return configs.spec(
        Method("tried", "tried", coder),
        (16,),
        protocol="paper",
        generator={"kind": "dictionary", "latents": 12},
        encoder={"kind": "mlp", "widths": [16]},
        objective={"samples": 3},
        training={
            "epochs": 2,
            "batch_size": 10,
            "optimizer": {"encoder_rate": {"peak": 0.001}, "dictionary_rate": {"initial": 0.1, "final": 0.02}},
        }
        | training,
    )


def trained(coder: dict[str, Any], data: Data, out: Path, **training: Any) -> Path:
    """The folder of a run, trained and measured."""
    spec = spec_of(coder, **training)
    write(train(spec, data, device=CPU, key=configs.run_key(spec)), spec, data.shape, out)
    measure_run(out, data, SETTINGS, CPU)
    return out


def untrained(coder: dict[str, Any], data: Data, x: Tensor | None = None) -> Evaluation:
    """The evaluation of a coder as it begins, on test data or on `x`."""
    spec = spec_of(coder)
    model = models.build(spec, data.shape).eval()
    model.coder.set_step(1, 1)
    return evaluation(model.coder, data if x is None else made_up(x))


def loaded(run: Path, data: Data, samples: int = SAMPLES, seed: int | None = None) -> Evaluation:
    """The evaluation of a trained run."""
    spec = read_json(run / "config.json")
    coder = models.load(spec, run / "weights.safetensors", CPU).coder
    seed = spec["seed"] if seed is None else seed
    return Evaluation(coder, data, seed, CPU, samples=samples, penalties=PENALTIES)


def evaluation(coder: Any, data: Data, penalties: Sequence[float] = PENALTIES) -> Evaluation:
    """The evaluation of a coder that is there."""
    return Evaluation(coder, data, samples=SAMPLES, penalties=penalties)


def measures(e: Evaluation) -> dict[str, Measures]:
    """What each metric measures, by the settings of the runs."""
    return {
        name: find(METRICS, name, "metric")(e, **SETTINGS.get(name, {})) for name in METRICS if name not in ON_REQUEST
    }


def content(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(run / "metrics.json")
    return found


def made_up(x: Tensor, **known: Any) -> Data:
    """A data set whose every part is `x` (N, P...)."""
    part = x.numpy()
    return Data(train=part, validation=part, test=part, **known)


def dictionary(atoms: Tensor) -> Dictionary:
    made = Dictionary((atoms.shape[0],), atoms.shape[1])
    made.atoms.data = atoms
    return made


def of_codes(codes: NDArray[np.float64]) -> Evaluation:
    """An evaluation whose every code is known: on an identity dictionary the lasso's solution is the data, shrunk."""
    size, shrink = codes.shape[1], 2.0**-20
    x = torch.from_numpy(codes + shrink * np.sign(codes)).float()
    e = evaluation(Fista(dictionary(torch.eye(size)), penalty=shrink), made_up(x))
    torch.testing.assert_close(e.best.numpy(), codes.astype(np.float32), rtol=0, atol=1e-6)
    assert torch.equal(e.best != 0, torch.from_numpy(codes != 0))
    return e
