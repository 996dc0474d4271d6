"""Gates without a gradient, counted from the outputs of the encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from metrics.runs import untrained
from vscbench.coders.amortised import Amortised
from vscbench.metrics.saturation import measure

if TYPE_CHECKING:
    from vscbench.data import Data


@pytest.mark.parametrize("gate", ["logit", "published"])
def test_share_of_gates(data: Data, gate: str) -> None:
    """Of a rectified head those that are positive; of a sigmoid none, as training begins."""
    for head in ("rectified", "sigmoid"):
        e = untrained({"family": "spike_slab", "gate": gate, "head": head}, data)
        assert isinstance(e.coder, Amortised)
        latents = e.coder.latents
        with torch.no_grad():
            outputs = e.coder.heads(e.coder.encoder(e.x))[:, 2 * latents :]
            found = measure(e)
            if head == "sigmoid":
                assert found == {"saturated_gates": 0, "saturated_latents": 0}
            else:
                open_gates = 100 * (outputs > 0).double().mean().item()
                assert found["saturated_gates"] == pytest.approx(open_gates)
                assert 20 < open_gates < 80
            e.coder.heads.bias[2 * latents] = 50  # one latent is always on
        stuck = 0 if (gate, head) == ("published", "sigmoid") else 100 / latents  # which is not clipped
        assert measure(e)["saturated_latents"] == pytest.approx(stuck)


def test_of_gates_alone(data: Data) -> None:
    assert measure(untrained({"family": "gaussian"}, data)) == {}
    assert measure(untrained({"family": "fista"}, data)) == {}
