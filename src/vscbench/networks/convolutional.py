"""Convolutional networks for images of 28×28 and 64×64 pixels (Fallah and Rozell 2022, section 4.2)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

from torch import Tensor, nn

from vscbench.errors import UserError
from vscbench.settings import Count, Positive

if TYPE_CHECKING:
    from collections.abc import Sequence


class Layer(NamedTuple):
    """A 4×4 convolution: output channels (of a generator's last layer those of the image), stride, padding."""

    channels: int
    stride: int
    padding: int


KERNEL = 4
ENCODERS = {
    28: (Layer(64, 2, 1), Layer(64, 2, 1), Layer(128, 1, 0), Layer(128, 2, 0)),
    64: (Layer(64, 2, 1), Layer(64, 2, 1), Layer(128, 2, 1), Layer(256, 2, 1), Layer(256, 2, 0)),
}
"""By side of the image: down to one pixel."""
STARTS = {28: (128, 1), 64: (256, 2)}
"""By side: channels and side of the map that a generator starts from."""
GENERATORS = {
    28: (Layer(128, 2, 0), Layer(64, 1, 0), Layer(64, 2, 1)),
    64: (Layer(128, 2, 1), Layer(128, 2, 1), Layer(64, 2, 1), Layer(64, 2, 1)),
}
"""By side: transposed convolutions before the last, which has stride 2 and padding 1."""


def side_of(shape: Sequence[int]) -> int:
    """The side of square images (C, H, W).

    Raises:
        UserError: there is no network for data of that shape.
    """
    if len(shape) == 3 and shape[1] == shape[2] and shape[1] in ENCODERS:  # noqa: PLR2004
        return shape[1]
    known = " and ".join(f"{side}x{side}" for side in ENCODERS)
    size = "x".join(map(str, shape[1:])) or "vectors"
    raise UserError(f"there is no convolutional network for {size}, only for {known}: choose kind mlp")


def misfit(spec: object, *, shape: Sequence[int], **_: object) -> str:  # noqa: ARG001
    """Why there is no network for data of `shape`; empty where there is one."""
    try:
        side_of(shape)
    except UserError as error:
        return str(error)
    return ""


def scaled(channels: int, width: float) -> int:
    """`width` times as many channels, at least one."""
    return max(1, round(channels * width))


class ConvolutionalEncoder(nn.Module):
    """4×4 convolutions, each with batch-norm and ReLU, down to one pixel.

    Args:
        shape: of an image, (C, 28, 28) or (C, 64, 64).
        width: channels, as a multiple of the paper's.
    """

    def __init__(self, shape: Sequence[int], width: Positive = 1.0) -> None:
        super().__init__()
        layers = ENCODERS[side_of(shape)]
        channels = [shape[0], *(scaled(layer.channels, width) for layer in layers)]
        blocks: list[nn.Module] = []
        for (a, b), layer in zip(pairwise(channels), layers, strict=True):
            blocks += [nn.Conv2d(a, b, KERNEL, layer.stride, layer.padding), nn.BatchNorm2d(b), nn.ReLU()]
        self.layers = nn.Sequential(*blocks)
        self.features = channels[-1]

    unfit = staticmethod(misfit)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, F) of images (B, C, H, W)."""
        return cast("Tensor", self.layers(x)).flatten(1)


class ConvolutionalGenerator(nn.Module):
    """A linear layer, then transposed convolutions with batch-norm and ReLU, a sigmoid.

    Args:
        shape: of an image, (C, 28, 28) or (C, 64, 64).
        latents: K.
        width: channels, as a multiple of the paper's.
    """

    linear: ClassVar[bool] = False
    candidates_at_once = 1
    """Batch-norm ties a batch together: candidates are normalised as the chosen codes will be, one a data point."""

    def __init__(self, shape: Sequence[int], latents: Count = 128, width: Positive = 1.0) -> None:
        super().__init__()
        self.shape, self.latents = tuple(shape), latents
        side = side_of(shape)
        channels, start = scaled(STARTS[side][0], width), STARTS[side][1]
        self.start = (channels, start, start)
        layers: list[nn.Module] = []
        for layer in GENERATORS[side]:
            outputs = scaled(layer.channels, width)
            layers += [nn.ConvTranspose2d(channels, outputs, KERNEL, layer.stride, layer.padding)]
            layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
            channels = outputs
        self.hidden = nn.Sequential(nn.Linear(latents, self.start[0] * start**2), nn.ReLU())
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(channels, shape[0], KERNEL, 2, 1), nn.Sigmoid())

    unfit = staticmethod(misfit)

    def forward(self, codes: Tensor) -> Tensor:
        """Decode codes (..., K) to images (..., C, H, W) in [0, 1]."""
        start = self.hidden(codes.flatten(0, -2)).unflatten(-1, self.start)
        # In the codes' precision, though the network may compute in half of it.
        images: Tensor = self.layers(start).to(codes.dtype).unflatten(0, codes.shape[:-1])
        return images
