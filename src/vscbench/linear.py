"""Linear layers, on AMD's processors by oneDNN: MKL, which torch asks, takes twice the time there, without AVX-512."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


@cache
def mkl_is_slow() -> bool:
    """Whether MKL is slow on this processor: told by its name, so that a machine always computes alike."""
    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.10 and later
    known = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return bool(known and found.get("avx512_f") and "AMD" in found.get("cpu_name", ""))


def by_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN multiplies these: in single precision, on such a processor, and there is something to multiply."""
    single = x.dtype == weight.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    return mkl_is_slow() and single and x.device.type == "cpu" and x.numel() > 0


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b of x (..., I), W (O, I) and b (O,), for who needs no graph: (..., O)."""
    if not by_onednn(x, weight):
        return F.linear(x, weight, bias)
    # What torch.compile makes of a linear layer; no public function reaches oneDNN in single precision.
    found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")  # noqa: SLF001
    return found


class _Linear(torch.autograd.Function):
    """x Wᵀ + b of a matrix x (N, I), whose gradients are products too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            product(gradient, weight.T) if of_x else None,
            product(gradient.T, x.T) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b of x (..., I), W (O, I) and b (O,): (..., O)."""
    if not by_onednn(x, weight):
        return F.linear(x, weight, bias)
    if not torch.is_grad_enabled():
        return product(x, weight, bias)
    rows: Tensor = _Linear.apply(x.flatten(0, -2), weight, bias)
    return rows if rows.ndim == x.ndim else rows.unflatten(0, x.shape[:-1])


class Linear(nn.Linear):
    """torch's layer, computed by `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """x Wᵀ + b of x (..., I): (..., O)."""
        return linear(x, self.weight, self.bias)
