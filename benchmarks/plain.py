"""The published formulations, as plainly as they are described: what the suite is compared with.

Written from the description of the method alone. The objective is the suite's (gates by logit γ, thresholds with the
straight-through estimator), so that tests/test_benchmark_reference.py can hold one against the other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Gamma, kl_divergence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.coders import Amortised
    from vscbench.model import Model

GAMMA_KL_WEIGHT = 0.1
"""Weight of the divergence of a threshold inside that of its latent."""


class Forward(NamedTuple):
    """What one forward pass gives."""

    loss: Tensor
    """Mean over the batch, with a graph through every sample."""
    codes: Tensor
    """(B, S, K)."""
    weight: Tensor
    """(B, S): 1 for the sample of smallest loss, 0 for the others."""


class PlainStep:
    """The published training step: a shuffled copy of the data, S samples with a graph, outer products.

    Args:
        model: an untrained model of the suite, whose weights are copied.
        spec: the specification of its run.
        train: training data (N, P), in float64 as the authors keep it.
        encoder_rate: learning rate of the encoder.
        dictionary_rate: η of the step on the dictionary.
    """

    warmup = 1.0
    """w, the weight of the noise while training starts."""
    temperature = 0.5
    """T of the Concrete gate."""

    def __init__(
        self,
        model: Model,
        spec: dict[str, Any],
        train: NDArray[Any],
        encoder_rate: float,
        dictionary_rate: float,
    ) -> None:
        self.method, self.training = spec["coder"], spec["training"]
        self.samples, self.kl_weight = spec["objective"]["samples"], spec["objective"]["kl_weight"]
        coder: Amortised = model.coder  # type: ignore[assignment]
        layers: nn.Sequential = coder.encoder.layers  # type: ignore[assignment]
        self.features = nn.Sequential(
            *(layer(part.weight, part.bias) if isinstance(part, nn.Linear) else part for part in layers)
        )
        self.heads = nn.ModuleDict()
        names = coder.posterior.heads
        parts = (parameter.detach().chunk(len(names)) for parameter in (coder.heads.weight, coder.heads.bias))
        for name, weight, bias in zip(names, *parts, strict=True):
            self.heads[name] = layer(weight, bias)
        parameters = [*self.features.parameters(), *self.heads.parameters()]
        self.optimizer = torch.optim.SGD(parameters, lr=encoder_rate, momentum=0.9, nesterov=True)
        self.atoms: NDArray[Any] = model.generator.get_parameter("atoms").detach().numpy().copy()  # (P, K)
        self.dictionary_rate = dictionary_rate
        self.train, self.position = train, 0
        self.shuffled = np.random.default_rng(0).permutation(len(train))

    # -------------------------------------------------------------------- step

    def step(self) -> None:
        """One step on the next batch."""
        x = self.batch()
        result = self.descend(x)
        self.move_atoms(x, result)

    def batch(self) -> Tensor:
        """The next batch (B, P), cut out of a re-ordered copy of all the data."""
        size = self.training["batch_size"]
        batch = slice(self.position, self.position + size)
        self.position = (self.position + size) % (len(self.train) // size * size)
        return torch.from_numpy(self.train[self.shuffled][batch].astype(self.atoms.dtype))

    def descend(self, x: Tensor) -> Forward:
        """Back-propagate through every sample and move the encoder."""
        params = self.encode(x)
        result = self.forward(x, params, self.draw(params))
        self.optimizer.zero_grad()
        result.loss.backward()
        self.optimizer.step()
        return result

    def move_atoms(self, x: Tensor, result: Forward) -> None:
        """A ← A + η (mean_b (x - A z) zᵀ - 2 · decay · A)."""
        gradient = self.dictionary_gradient(x, result)
        self.atoms += self.dictionary_rate * (gradient - 2 * self.training["dictionary_decay"] * self.atoms)

    def dictionary_gradient(self, x: Tensor, result: Forward) -> NDArray[Any]:
        """mean_b Σ_s w (x - A z) zᵀ by its definition, B·P·K·S numbers that are then summed: (P, K)."""
        codes = np.ascontiguousarray(result.codes.detach().numpy().transpose(0, 2, 1))  # (B, K, S)
        weight = result.weight.numpy()[:, None, None]  # (B, 1, 1, S)
        residual = x.numpy()[:, :, None] - self.atoms @ codes  # (B, P, S)
        total: NDArray[Any] = (residual[:, :, None] * codes[:, None] * weight).sum((0, 3))
        return total / len(x)

    # --------------------------------------------------------------- objective

    def encode(self, x: Tensor) -> dict[str, Tensor]:
        """Outputs of the heads, repeated for each sample (B, S, K); those of a threshold are not: (B, K)."""
        features = self.features(x)
        outputs = {name: head(features) for name, head in self.heads.items()}
        return {
            name: output if "threshold" in name else output.unsqueeze(1).repeat(1, self.samples, 1)
            for name, output in outputs.items()
        }

    def draw(self, params: dict[str, Tensor]) -> dict[str, Tensor]:
        """Standard noise, and thresholds with a graph to their distribution: (B, S, K) each."""
        like, noise = params["location"], {}
        if self.method["family"] == "laplacian":
            u = torch.rand_like(like) - 0.5
            noise["laplace"] = -u.sign() * torch.log((1 - 2 * u.abs()).clamp(min=1e-6))
        else:
            noise["normal"] = torch.randn_like(like)
        if self.method["family"] == "spike_slab":
            u = torch.rand_like(like).clamp(1e-7, 1 - 1e-7)
            noise["logistic"] = u.log() - torch.log1p(-u)
        if self.method.get("threshold") == "gamma":
            noise["threshold"] = threshold_posterior(params).rsample([self.samples]).transpose(0, 1)
        return noise

    def codes(self, params: dict[str, Tensor], noise: dict[str, Tensor]) -> Tensor:
        """The samples: (B, S, K)."""
        location, w = params["location"], self.warmup
        if self.method["family"] == "spike_slab":
            spread = w * torch.exp(params["log_variance"] / 2) + math.sqrt(1 - w)
            spike = spike_probability(params)
            soft = torch.sigmoid((noise["logistic"] + spike.logit()) / self.temperature)
            gate = soft + (soft.round() - soft).detach()
            return gate * (w * location + noise["normal"] * spread)
        if self.method["family"] == "laplacian":
            deviation = w * params["log_scale"].exp() * noise["laplace"]
        else:
            deviation = torch.exp(params["log_variance"] / 2) * noise["normal"]
        dense = location + deviation
        if self.method.get("threshold", "none") == "none":
            return dense
        threshold = noise.get("threshold", self.method["threshold_value"])
        fixed = deviation.detach()
        shrunk = torch.relu(fixed.abs() - threshold) * fixed.sign()
        sparse = shrunk + location.detach() * (shrunk != 0)
        return dense + sparse - dense.detach()

    def kl(self, params: dict[str, Tensor]) -> Tensor:
        """Divergence of each latent of each sample from its prior: (B, S, K)."""
        prior: float = self.method["spread_prior"]
        location = params["location"]
        if self.method["family"] == "laplacian":
            scale, distance = params["log_scale"].exp(), location.abs()
            kl = distance / prior + math.log(prior) - params["log_scale"] - 1
            kl = kl + scale / prior * torch.exp(-distance / scale)
        else:
            log_ratio = params["log_variance"] - math.log(prior)
            kl = 0.5 * ((location.square() + params["log_variance"].exp()) / prior - 1 - log_ratio)
        if self.method["family"] == "spike_slab":
            spike, prior = spike_probability(params), self.method["spike_prior"]
            off = (1 - spike) * torch.log((1 - spike) / (1 - prior))
            kl = spike * kl + off + spike * torch.log(spike / prior)
        if self.method.get("threshold") == "gamma":
            shape = torch.full_like(params["log_threshold_shape"], 3.0)
            threshold_prior = Gamma(shape, shape / self.method["threshold_value"])
            kl = kl + GAMMA_KL_WEIGHT * kl_divergence(threshold_posterior(params), threshold_prior).unsqueeze(1)
        return kl

    def forward(self, x: Tensor, params: dict[str, Tensor], noise: dict[str, Tensor]) -> Forward:
        """Squared error plus weighted divergence of every sample; the best sample of each data point counts."""
        codes = self.codes(params, noise)
        residual = x.unsqueeze(1) - codes @ torch.from_numpy(self.atoms).T  # (B, S, P)
        loss = residual.square().mean(-1) + self.kl_weight * self.kl(params).sum(-1)  # (B, S)
        weight = torch.zeros_like(loss).scatter_(1, loss.argmin(1, keepdim=True), 1.0)
        return Forward((weight * loss).sum(1).mean(), codes, weight)


def layer(weight: Tensor, bias: Tensor) -> nn.Linear:
    """torch's own linear layer, whatever the suite computes its own by, with a copy of the weights."""
    made = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
    made.load_state_dict({"weight": weight, "bias": bias})
    return made


def threshold_posterior(params: dict[str, Tensor]) -> Gamma:
    """Gamma(α, β) of each latent's threshold: (B, K)."""
    shape, rate = params["log_threshold_shape"].exp(), params["log_threshold_rate"].exp()
    return Gamma(shape.clamp(1e-6, 1e6), rate.clamp(1e-6, 1e6))


def spike_probability(params: dict[str, Tensor]) -> Tensor:
    """γ = exp(-relu(-head)), clamped."""
    return torch.exp(-torch.relu(-params["spike"])).clamp(1e-6, 1 - 1e-6)


def plain_fista(
    x: NDArray[np.float64],
    atoms: NDArray[np.float64],
    penalty: float,
    max_iterations: int = 500,
    tolerance: float = 1e-3,
) -> NDArray[np.float64]:
    """Minimise ½‖x - A z‖² + λ‖z‖₁ for data (B, P): (B, K).

    Starts at Aᵀx with the step 1/‖A‖², and stops for the whole batch at once by its joint relative change.
    """
    step = 1 / np.linalg.norm(atoms, 2) ** 2
    codes = look_ahead = x @ atoms
    momentum = 1.0
    for _ in range(max_iterations):
        target = look_ahead - step * ((look_ahead @ atoms.T - x) @ atoms)
        new = np.sign(target) * np.maximum(np.abs(target) - penalty * step, 0)
        grown = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        look_ahead = new + (momentum - 1) / grown * (new - codes)
        change, size = np.linalg.norm(new - codes), np.linalg.norm(codes)
        codes, momentum = new, grown
        if change <= tolerance * size:
            break
    return codes
