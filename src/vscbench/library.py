"""The library: fit a method to data, use its codes, measure it, compare it with others, save it and load it.

Example:
    >>> import numpy as np, vscbench as vsc
    >>> x = np.random.default_rng(0).laplace(size=(400, 16))
    >>> data = vsc.Data.from_array(x, validation=0.05, test=0.1)
    >>> run = vsc.fit(data, vsc.methods.gaussian_thresh(density=0.1), latents=8, steps=20, progress=False)
    >>> q = run.posterior(x[:3])
    >>> run.decode(q.rsample((20,))).shape
    torch.Size([20, 3, 16])
    >>> bool(vsc.compare([run], only=["sparsity"]).loc["Thresholded Gaussian", "density"] < 1)
    True
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vscbench import config, model, records
from vscbench.data import Data
from vscbench.errors import UserError
from vscbench.fitted import Run
from vscbench.methods import METHODS, Method
from vscbench.metrics import measuring
from vscbench.metrics.evaluation import Past
from vscbench.training import run as training

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Self

    import pandas as pd

    from vscbench.training.trainer import Progress


def fit(
    data: Data,
    method: Method,
    *,
    latents: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    protocol: str | Mapping[str, Any] = "strong",
    generator: Mapping[str, Any] | None = None,
    encoder: Mapping[str, Any] | None = None,
    objective: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    device: str = "auto",
    progress: bool | Progress = True,
) -> Run:
    """Train `method` on `data`.

    Args:
        data: as `Data.from_array` makes them.
        method: one of `vscbench.methods`, or a `Method` of your own, which names a class: `module:Class`.
        latents: K; 128 by default.
        steps: gradient steps; 1,600 by default.
        seed: of weights, noise, and the order of the data: equal seeds on one CPU give equal bits.
        protocol: what lies under all that is said here and under the constants of the method that its caller did not
            give: strong, paper, the path of a YAML file, or its content.
        generator: what decodes, as in a study: `{"kind": "mlp", "widths": [256]}`; a dictionary for vectors by default.
        encoder: what encodes.
        objective: `sampling`, `samples`, `kl_weight` or `noise_variance`, `variance`.
        training: `epochs`, `batch_size`, `optimizer`.
        device: auto, cpu, cuda, cuda:N or mps.
        progress: whether a bar is shown, by tqdm; or a function of step, steps, the history's last row, seconds left.

    Raises:
        UserError: a setting is not valid; it says which, and what may stand there; `data` or `method` is no such thing.

    Example:
        >>> import numpy as np, vscbench as vsc
        >>> data = vsc.Data.from_array(np.random.default_rng(0).laplace(size=(300, 16)))
        >>> vsc.fit(data, vsc.methods.laplacian(), latents=8, steps=10, progress=False).trained.status["status"]
        'completed'
    """
    _check(data)
    if not isinstance(method, Method):
        said = method.__name__ if callable(method) and hasattr(method, "__name__") else repr(method)
        raise UserError(
            f"method: {said} is no Method; one of vscbench.methods is, when called: vscbench.methods.fista(); one of "
            'your own is vscbench.Method("mine", "Mine", {"family": "module:Class"})'
        )
    given = dict(generator or {}) | ({} if latents is None else {"latents": latents})
    learning = dict(training or {}) | ({} if steps is None else {"steps": steps})
    spec = config.spec(
        method,
        data.shape,
        seed=seed,
        name=data.name or "array",
        protocol=protocol,
        generator=given,
        encoder=dict(encoder or {}),
        objective=dict(objective or {}),
        training=learning,
    )
    where, key = model.device(device), config.run_key(spec)
    if progress is True:
        with Bar(method.label) as bar:
            trained = _train(spec, data, device=where, key=key, progress=bar)
    else:
        trained = _train(spec, data, device=where, key=key, progress=progress or (lambda *_: None))
    trained.model.coder.set_step(1, 1)
    trained.model.eval()
    return Run(spec, trained, method.label, data)


_train = training.train


def _check(data: Data) -> None:
    """Raise a `UserError` where `data` are no prepared data."""
    if not isinstance(data, Data):
        raise UserError(f"data: {type(data).__name__} is no Data; make it so: vscbench.Data.from_array(x)")


class Bar:
    """A bar of progress, in a terminal and in a notebook."""

    def __init__(self, label: str) -> None:
        from tqdm.auto import tqdm

        self.bar = tqdm(desc=label, unit="step", leave=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def __call__(self, step: int, steps: int, last: Mapping[str, float], left: float) -> None:  # noqa: ARG002
        """Move on to `step`."""
        self.bar.total = steps
        if last:
            self.bar.set_postfix(
                {"loss": f"{last['train_loss']:.4g}", "density": f"{last['train_density']:.3f}"}, False
            )
        self.bar.update(step - self.bar.n)


def load(folder: str | Path, device: str = "auto") -> Run:
    """The run that `Run.save`, or the workflow, left in `folder`.

    Raises:
        UserError: there is none, a file of it is damaged, or it is of another version; the file is named.

    Example:
        >>> import numpy as np, tempfile, vscbench as vsc
        >>> data = vsc.Data.from_array(np.random.default_rng(0).laplace(size=(300, 16)))
        >>> run = vsc.fit(data, vsc.methods.gaussian(), latents=8, steps=5, progress=False)
        >>> folder = tempfile.mkdtemp()
        >>> run.save(folder)
        >>> bool((vsc.load(folder).encode(data.test[:2]) == run.encode(data.test[:2])).all())
        True
    """
    place = Path(folder)
    spec = records.spec(place)
    loaded = model.load(spec, place / "weights.safetensors", model.device(device))
    status, resources = records.status(place), records.read(records.Resources, place / "resources.json")
    history = records.history(place / "history.csv")
    name = spec["method"]
    label = spec.get("label") or (METHODS[name]().label if name in METHODS else name)
    return Run(spec, training.Trained(loaded, history, status, resources), label)


def evaluate(
    run: Run,
    data: Data | None = None,
    *,
    only: str | Iterable[str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> pd.Series[float]:
    """The metrics of a run on the test part of its data, each with what chance gives (`*_null`) beside it.

    Args:
        run: as `fit` or `load` gives it.
        data: what it was trained on; those that it knows by default.
        only: names of metrics (`vscbench.metrics.METRICS`, or `module:function`); all by default.
        settings: as the `evaluation` section of a study: `{"samples": 20, "bounds": {"points": 100}}`. The lasso's
            `penalties` are by default those published for patches of 256 pixels, 20 and 8. From about √P on, of P
            numbers of variance 1, the best code is all zeros: give smaller ones for smaller data.

    Raises:
        UserError: there is no such metric; the run was loaded and `data` is missing, or of another shape.

    Example:
        >>> import numpy as np, vscbench as vsc
        >>> data = vsc.Data.from_array(np.random.default_rng(0).laplace(size=(300, 16)))
        >>> run = vsc.fit(data, vsc.methods.gaussian(), latents=8, steps=5, progress=False)
        >>> sorted(vsc.evaluate(run, only=["reconstruction"]).index)[:2]
        ['fve_best', 'fve_draw']
    """
    import pandas as pd

    data = run.data if data is None else data
    if data is None:
        raise UserError("this run was loaded: give the data that it is measured on, evaluate(run, data)")
    _check(data)
    if tuple(data.shape) != tuple(run.trained.model.shape):
        raise UserError(f"data points of {tuple(data.shape)}: this run codes {tuple(run.trained.model.shape)}")
    only = [only] if isinstance(only, str) else only
    past = Past(run.spec, run.trained.history, run.trained.resources.get("epoch_seconds", ()))
    values, _ = measuring.evaluate(run.coder, data, settings, run.spec["seed"], run.device, only=only, past=past)
    return pd.Series(values, dtype=float, name=run.label)


def compare(
    runs: Sequence[Run],
    data: Data | None = None,
    *,
    only: str | Iterable[str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """The metrics of several runs, a row each; of runs of one name, repetitions by their seeds, mean and deviation.

    Args:
        runs: as `fit` or `load` gives them.
        data: as of `evaluate`.
        only: as of `evaluate`.
        settings: as of `evaluate`.

    Returns:
        A table with a row for each name; where a name has several runs, `sd` of each metric and `n` stand beside.

    Example:
        >>> import numpy as np, vscbench as vsc
        >>> data = vsc.Data.from_array(np.random.default_rng(0).laplace(size=(300, 16)))
        >>> runs = [vsc.fit(data, vsc.methods.gaussian(), latents=8, steps=5, seed=s, progress=False) for s in (0, 1)]
        >>> vsc.compare(runs, only=["reconstruction"])["n"].tolist()
        [2]
    """
    import pandas as pd

    if isinstance(runs, Run):
        raise UserError("runs: one alone; compare takes a list of them, compare([run, another])")
    chosen = only if only is None or isinstance(only, str) else list(only)
    table = pd.DataFrame([evaluate(run, data, only=chosen, settings=settings) for run in runs])
    groups = table.groupby(level=0, sort=False)
    means, counts = groups.mean(), groups.size()
    if (counts == 1).all():
        return means
    return means.join(groups.std().add_suffix(" sd")).assign(n=counts)
