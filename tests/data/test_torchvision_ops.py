"""torchvision beside any build of torch."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from vscbench.data import torchvision_ops


def test_torchvision_is_whole_in_a_fresh_process() -> None:
    """Whatever the build of torch: data sets, transforms and models are there, without a warning."""
    code = (
        "from vscbench.data.torchvision_ops import import_torchvision as get\n"
        "tv = get()\n"
        "assert get() is tv\n"
        "import torch, torchvision\n"
        "assert torchvision is tv and tv.datasets.CelebA and tv.transforms.Resize\n"
        "print(tv.models.resnet18(num_classes=3)(torch.zeros(2, 3, 32, 32)).shape)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("torch.Size([2, 3])\n", "")


def test_operators_are_declared_only_where_the_import_fails_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = list(torchvision_ops._declared)
    monkeypatch.setattr(importlib, "import_module", {"torchvision": sys}.get)
    assert torchvision_ops.import_torchvision() is sys

    def fail(_: str) -> None:
        raise RuntimeError("another fault")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(RuntimeError, match="another fault"):
        torchvision_ops.import_torchvision()
    assert torchvision_ops._declared == declared
