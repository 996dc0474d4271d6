"""torchvision's residual network as an encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence


class ResNet18(nn.Module):
    """torchvision's resnet18 without its classifier, weights drawn at random (no published run uses it).

    Args:
        shape: of an image, (C, H, W) of at least 28×28 pixels.
    """

    features = 512

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        from vscbench.data.torchvision_ops import import_torchvision

        import_torchvision()
        from torchvision.models import resnet18

        self.layers: nn.Module = resnet18(weights=None)
        self.layers.conv1 = nn.Conv2d(shape[0], 64, 7, 2, 3, bias=False)
        self.layers.fc = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, 512) of images (B, C, H, W)."""
        return cast("Tensor", self.layers(x))
