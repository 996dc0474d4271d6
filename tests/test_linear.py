"""Linear layers by oneDNN: values and gradients of torch's own, and which processors have them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from vscbench import linear as module
from vscbench.linear import Linear, linear, mkl_is_slow, product

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATOR = "mkldnn::_linear_pointwise"
INPUTS: dict[str, Callable[[], Tensor]] = {
    "matrix": lambda: torch.randn(100, 256),
    "one_row": lambda: torch.randn(1, 256),
    "no_row": lambda: torch.randn(0, 256),
    "draws": lambda: torch.randn(5, 20, 256),
    "columns": lambda: torch.randn(256, 100).T,
    "part": lambda: torch.randn(100, 768).chunk(3, dim=1)[1],
    "every_other": lambda: torch.randn(100, 512)[:, ::2],
    "repeated": lambda: torch.randn(1, 100, 256).expand(5, 100, 256),
    "constant": lambda: torch.randn(1, 1).expand(100, 256),
}
AMD, INTEL = "AMD EPYC 9R45", "Intel(R) Xeon(R) Platinum 8488C"


@pytest.fixture
def onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """This processor's products by oneDNN, whatever it is."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("torch was built without oneDNN")
    monkeypatch.setattr(module, "mkl_is_slow", lambda: True)


def operators(run: Callable[[], object]) -> set[str]:
    """Names of all that torch computes."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        run()
    return {event.key for event in found.key_averages()}


@pytest.mark.usefixtures("onednn")
@pytest.mark.parametrize("make", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no_bias"])
def test_values_and_gradients(make: Callable[[], Tensor], *, biased: bool) -> None:
    """As torch's in double precision, to single precision; gradients of all shapes in memory too."""
    torch.manual_seed(0)
    x, weight, bias = make(), torch.randn(64, 256), torch.randn(64) if biased else None
    towards = torch.randn(64)
    found, expected = [], []
    for results, function, dtype in ((found, linear, torch.float32), (expected, F.linear, torch.float64)):
        inputs = [t.detach().to(dtype).requires_grad_() for t in (x, weight, bias) if t is not None]
        y = function(*inputs)
        for loss in (y.sum(), y @ towards.to(dtype)):  # their gradients repeat a number, a row
            grads = torch.autograd.grad(loss.sum(), inputs, retain_graph=True)
            results.extend(grads)
        results.append(y)
    assert found[-1].requires_grad
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-4)


def test_gradients_in_double_precision() -> None:
    """Of the function that stands between a layer and oneDNN, whose products are torch's here."""
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((3, 5), (4, 5), (4,)))
    assert torch.autograd.gradcheck(module._Linear.apply, (x, weight, bias))
    assert torch.autograd.gradcheck(module._Linear.apply, (x, weight, None))


@pytest.mark.usefixtures("onednn")
@pytest.mark.parametrize("shape", [(3, 6), (2, 3, 6)], ids=["matrix", "draws"])
def test_overwritten_by_what_follows(shape: tuple[int, ...]) -> None:
    """As by the activations of the networks."""
    torch.manual_seed(0)
    layer, x = Linear(6, 4), torch.randn(shape)
    y = layer(x)
    expected = y.detach().relu()
    torch.testing.assert_close(torch.relu_(y), expected)
    y.sum().backward()
    active = (expected > 0).flatten(0, -2).float()
    torch.testing.assert_close(layer.weight.grad, active.T @ x.flatten(0, -2))


@pytest.mark.usefixtures("onednn")
def test_only_the_gradients_that_are_asked_for() -> None:
    """Nobody asks for the gradient of the data."""
    layer, x = Linear(6, 4), torch.randn(3, 6)
    layer(x).sum().backward()
    assert x.grad is None
    with profile(activities=[ProfilerActivity.CPU]) as found:
        layer(x).sum().backward()
    assert {event.key: event.count for event in found.key_averages()}[OPERATOR] == 2


@pytest.mark.usefixtures("onednn")
def test_who_computes_what() -> None:
    """Single precision by oneDNN, forward and backward; double and half precision by torch."""
    layer, x = Linear(6, 4), torch.randn(3, 6, requires_grad=True)
    assert OPERATOR in operators(lambda: layer(x))
    assert "aten::mm" not in operators(lambda: layer(x).sum().backward())
    assert OPERATOR not in operators(lambda: layer.double()(x.double()))
    with torch.autocast("cpu", torch.bfloat16):
        assert layer.float()(x).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"cpu_name": AMD, "avx512_f": True}, True),
        ({"cpu_name": AMD, "avx512_f": False}, False),
        ({"cpu_name": INTEL, "avx512_f": True}, False),
        ({"architecture": "aarch64"}, False),
    ],
    ids=["amd", "amd_without_avx512", "intel", "arm"],
)
def test_processors(found: dict[str, Any], expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: MappingProxyType(found))
    assert mkl_is_slow.__wrapped__() is (expected and torch.backends.mkldnn.is_available())


def test_others_are_torch_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere nothing stands between a layer and torch, to the last bit."""
    monkeypatch.setattr(module, "mkl_is_slow", lambda: False)
    torch.manual_seed(0)
    layer, x = Linear(6, 4), torch.randn(3, 6)
    own = nn.Linear(6, 4)
    own.load_state_dict(layer.state_dict())
    assert torch.equal(layer(x), own(x))
    assert torch.equal(product(x, layer.weight), x @ layer.weight.T)
    assert OPERATOR not in operators(lambda: layer(x).sum().backward())
