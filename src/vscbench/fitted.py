"""A run of the library: a method that was trained on data, for coding raw data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vscbench.data import Standardisation
from vscbench.data.batches import inputs
from vscbench.errors import UserError
from vscbench.training import run as training

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import ArrayLike
    from torch import Tensor

    from vscbench.coders import Coder, Distribution
    from vscbench.data import Data
    from vscbench.training.run import Trained


@dataclass(frozen=True, eq=False)
class Run:
    """A method that was trained on data: it codes raw data and decodes codes to raw data.

    Raw data are standardised as those were that it learned from: vectors (B, P) by their mean and scale, images
    (B, C, H, W) of bytes to [0, 1]. A single data point, (P,) or (C, H, W), is a batch of one.

    Example:
        >>> import numpy as np, vscbench as vsc
        >>> x = np.random.default_rng(0).normal(5, 2, size=(300, 16))
        >>> run = vsc.fit(vsc.Data.from_array(x), vsc.methods.fista(penalty=0.5), latents=8, steps=5, progress=False)
        >>> run.encode(x[0]).shape, run.decode(run.encode(x[:2])).shape
        (torch.Size([1, 8]), torch.Size([2, 16]))
        >>> run
        Run(FISTA: (16,) to 8 latents, completed at step 5)
    """

    spec: Mapping[str, Any]
    """All that it depends on, as plain values."""
    trained: Trained
    """The model, its history, how it ended and what that took."""
    label: str = ""
    """What tables call it."""
    data: Data | None = field(default=None, repr=False)
    """What it was trained on; None of one that was loaded."""

    def __repr__(self) -> str:
        shape, status = tuple(self.trained.model.shape), self.trained.status
        latents = self.spec["generator"]["latents"]
        return f"Run({self.label}: {shape} to {latents} latents, {status['status']} at step {status['step']})"

    @property
    def coder(self) -> Coder:
        """The coder, of standardised data."""
        return self.trained.model.coder

    @property
    def history(self) -> pd.DataFrame:
        """The curves: one row an epoch."""
        import pandas as pd

        return pd.DataFrame(list(self.trained.history))

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.trained.model.mean.device

    @property
    def standardisation(self) -> Standardisation:
        """From raw data to what the coder reads."""
        mean, scale = (each.double().cpu().numpy() for each in (self.trained.model.mean, self.trained.model.scale))
        return Standardisation(mean, scale)

    def _read(self, x: ArrayLike | Tensor) -> Tensor:
        """Raw data as the coder reads them.

        Raises:
            UserError: they are of another shape, or not finite.
        """
        raw = x if isinstance(x, torch.Tensor) else torch.from_numpy(np.array(x))
        shape = tuple(self.trained.model.shape)
        if tuple(raw.shape) == shape:
            raw = raw.unsqueeze(0)
        if tuple(raw.shape[1:]) != shape:
            raise UserError(f"data points of {tuple(raw.shape[1:])}: this run codes {shape}")
        if raw.is_floating_point() and not raw.isfinite().all():
            raise UserError("data that are not finite cannot be coded")
        if raw.dtype != torch.uint8:
            raw = self.standardisation.standardise(raw).to(torch.get_default_dtype())
        return inputs(raw, self.device)

    def posterior(self, x: ArrayLike | Tensor) -> Distribution:
        """q(z|x) of raw data (B, P...): `rsample`, `log_prob`, `mean`, `active_prob`, `kl`.

        Raises:
            UserError: the method has no posterior, or x is of another shape.
        """
        found = self.coder.posterior(self._read(x))
        if found is None:
            raise UserError(f"{self.label} has no posterior: it gives each data point one code, `encode`")
        return found

    @torch.no_grad()
    def encode(self, x: ArrayLike | Tensor) -> Tensor:
        """The code that stands for each raw data point, the posterior's mean or the solution: (B, K).

        Raises:
            UserError: x is of another shape, or not finite.
        """
        return self.coder.encode(self._read(x))

    def decode(self, z: Tensor) -> Tensor:
        """x̂ of codes (..., K), in the units of the raw data: (..., P...); images in [0, 1]."""
        return self.standardisation.restore(self.coder.decode(z.to(self.device)))

    def save(self, folder: str | Path) -> None:
        """Write weights, specification, history and status to `folder`, as the workflow does; each file atomically."""
        training.write(self.trained, self.spec, self.trained.model.shape, Path(folder))
