"""Faces drawn with known attributes: 64×64 colour images whose labels are the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from vscbench.data.dataset import Data
from vscbench.data.sources import Counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

SIZE = 64
CHUNK = 64
"""Faces drawn at a time: their planes stay in the processor's cache."""

PROBABILITIES = {
    "glasses": 0.5,
    "hat": 0.4,
    "smile": 0.5,
    "beard": 0.5,
    "blond_hair": 0.4,
    "long_hair": 0.5,
    "earrings": 0.4,
    "dark_background": 0.5,
}
"""How often each attribute is there."""
CORRELATIONS = {("beard", "long_hair"): -0.5, ("hat", "dark_background"): 0.4}
"""Correlation of the only attributes that depend on each other; no attribute is in two pairs."""
NOISE = 0.012
"""Standard deviation of each pixel's noise, where 1 is white."""


class Nuisance(NamedTuple):
    """What varies beside the attributes, an entry for each face."""

    shift: Floats
    """(N, 2) right and down, pixels."""
    angle: Floats
    """(N,) clockwise, radians."""
    zoom: Floats
    """(N,) size of the head."""
    width: Floats
    """(N,) breadth of the head."""
    gaze: Floats
    """(N, 2) of the irises, pixels."""
    skin: Floats
    """(N,) 0 dark to 1 light."""
    shade: Floats
    """(N,) of hair, 0 to 1."""
    scene: Floats
    """(N, 3) of the background's colour, 0 to 1."""
    clothes: Floats
    """(N, 3) colour."""
    hat: Floats
    """(N,) shade of the hat, 0 to 1."""
    light: Floats
    """(N, 3) brightness, and its slope to the right and down."""


def draw_labels(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Attributes (N, A) in the order of `PROBABILITIES`: Bernoulli, with the given correlations."""
    uniform = rng.random((count, len(PROBABILITIES)))
    names = list(PROBABILITIES)
    labels = uniform < np.array(list(PROBABILITIES.values()))
    for (first, second), r in CORRELATIONS.items():
        p, q = PROBABILITIES[first], PROBABILITIES[second]
        slope = r * np.sqrt(q * (1 - q) / (p * (1 - p)))  # P(second | first) = q + slope (first - p)
        k = names.index(second)
        labels[:, k] = uniform[:, k] < q + slope * (labels[:, names.index(first)] - p)
    return labels.astype(np.uint8)


def draw_nuisance(count: int, rng: np.random.Generator) -> Nuisance:
    """Everything else that makes a face, independent of its attributes."""

    def uniform(low: float, high: float, *shape: int) -> Floats:
        return rng.uniform(low, high, (count, *shape)).astype(np.float32)

    return Nuisance(
        shift=uniform(-2, 2, 2),
        angle=uniform(-0.1, 0.1),
        zoom=uniform(1.08, 1.2),
        width=uniform(0.93, 1.05),
        gaze=uniform(-1.1, 1.1, 2) * np.array([1, 0.4], np.float32),
        skin=uniform(0, 1),
        shade=uniform(0, 1),
        scene=uniform(0, 1, 3),
        clothes=uniform(0.3, 0.7, 3),
        hat=uniform(0, 1),
        light=uniform(-1, 1, 3) * np.array([0.06, 0.1, 0.05], np.float32),
    )


@dataclass(kw_only=True)
class Faces(Counted):
    """Faces (N, 3, 64, 64) uint8 and their attributes (N, A).

    Example:
        >>> Faces(train=2, validation=1, test=1).load().label_names[:3]
        ('glasses', 'hat', 'smile')
    """

    shape: ClassVar[tuple[int, ...]] = (3, SIZE, SIZE)

    def load(self) -> Data:
        """The data set; each split has a stream of random numbers of its own."""
        images, labels = {}, {}
        for k, (name, count) in enumerate(self.counts.items()):
            rng = np.random.default_rng([self.seed, k])
            labels[name] = draw_labels(count, rng)
            images[name] = render(labels[name], draw_nuisance(count, rng), rng)
        return Data(
            images["train"], images["validation"], images["test"], labels=labels, label_names=tuple(PROBABILITIES)
        )


def render(labels: NDArray[np.uint8], nuisance: Nuisance, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Images (N, 3, 64, 64) of faces with these attributes (N, A)."""
    images = np.empty((len(labels), 3, SIZE, SIZE), np.uint8)
    for first in range(0, len(labels), CHUNK):
        some = slice(first, first + CHUNK)
        canvas = _face(labels[some].astype(np.float32), Nuisance(*(part[some] for part in nuisance)))
        canvas += NOISE * rng.standard_normal(canvas.shape, np.float32)
        images[some] = np.clip(canvas * 255 + 0.5, 0, 255)
    return images


def _mix(share: Floats, none: tuple[float, ...], full: tuple[float, ...]) -> Floats:
    """Colours (B, 3) between two."""
    start = np.array(none, np.float32)
    return start + share[:, None] * (np.array(full, np.float32) - start)


class _Canvas:
    """Images (B, 3, 64, 64) and the position of each pixel on the face, in pixels from its middle."""

    def __init__(self, n: Nuisance, colour: Floats) -> None:
        self.image = np.broadcast_to(colour[..., None, None], (len(n.angle), 3, SIZE, SIZE)).copy()
        grid = np.arange(SIZE, dtype=np.float32) - SIZE / 2 + 0.5
        x, y = grid - n.shift[:, :1], grid - n.shift[:, 1:]  # (B, 64) each
        cos, sin = np.cos(n.angle) / n.zoom, np.sin(n.angle) / n.zoom
        self.u = (cos[:, None] * x)[:, None, :] + (sin[:, None] * y)[:, :, None]  # (B, 64, 64), right
        self.v = (cos[:, None] * y)[:, :, None] - (sin[:, None] * x)[:, None, :]  # down

    def window(self, top: int, bottom: int, left: int = 0, right: int = SIZE) -> _Canvas:
        """The same canvas, only these rows and columns of it."""
        part = object.__new__(_Canvas)
        rows, columns = slice(top, bottom), slice(left, right)
        part.image = self.image[:, :, rows, columns]
        part.u, part.v = self.u[:, rows, columns], self.v[:, rows, columns]
        return part

    def ellipse(self, x: float | Floats, y: float | Floats, a: float | Floats, b: float | Floats) -> Floats:
        """Distance to the edge of an ellipse in pixels, about: negative inside."""
        x, y, a, b = (np.reshape(value, (-1, 1, 1)).astype(np.float32) for value in (x, y, a, b))
        return (np.square((self.u - x) / a) + np.square((self.v - y) / b) - 1) * (np.minimum(a, b) / 2)

    def paint(self, distance: Floats, colour: Floats, opacity: float | Floats = 1) -> None:
        """Cover what lies inside an edge, softly over a pixel and a half."""
        cover = np.clip(0.5 - distance / 1.5, 0, 1) * np.reshape(opacity, (-1, 1, 1)).astype(np.float32)
        self.image += cover[:, None] * (colour[..., None, None] - self.image)


def _face(labels: Floats, n: Nuisance) -> Floats:
    """Images (B, 3, 64, 64), 0 to 1, before noise."""
    is_ = dict(zip(PROBABILITIES, labels.T, strict=True))
    skin = _mix(n.skin, (0.60, 0.42, 0.32), (0.97, 0.80, 0.69))
    hair = np.where(
        is_["blond_hair"][:, None],
        _mix(n.shade, (0.85, 0.66, 0.27), (0.97, 0.86, 0.52)),
        _mix(n.shade, (0.08, 0.06, 0.05), (0.34, 0.19, 0.10)),
    )
    scene = np.where(is_["dark_background"][:, None], 0.24 + 0.16 * n.scene, 0.68 + 0.16 * n.scene)
    ink = np.full((1, 3), 0.07, np.float32)
    canvas = _Canvas(n, scene)

    canvas.paint(canvas.ellipse(0, 7, 21 * n.width, 27), hair * 0.85, is_["long_hair"])
    low = canvas.window(40, 64)
    low.paint(low.ellipse(0, 36, 25, 13), n.clothes)
    low.paint(np.maximum(np.abs(low.u) - 6, np.abs(low.v - 18) - 8), skin * 0.88)
    middle = canvas.window(20, 48)
    for side in (-1, 1):
        middle.paint(middle.ellipse(side * 15 * n.width, 1, 3, 4.5), skin * 0.9)
    canvas.paint(canvas.ellipse(0, 1, 15 * n.width, 19), skin)

    top = canvas.window(0, 44)
    brow = top.ellipse(0, 6, 13.5 * n.width, 15.5)
    top.paint(np.maximum(top.ellipse(0, -3, 16.8 * n.width, 18.5), np.maximum(-brow, top.v - 3)), hair)

    chin = canvas.window(26, 62, 8, 56)
    lips = chin.ellipse(0, 11.3, 8.2, 4.6)
    beard = np.maximum(chin.ellipse(0, 1, 15 * n.width, 19) - 1, 6.5 - 0.02 * np.square(chin.u) - chin.v)
    chin.paint(np.maximum(beard, -lips), hair * 0.62, is_["beard"])

    eyes = canvas.window(16, 44, 8, 56)
    for side in (-1, 1):
        eyes.paint(eyes.ellipse(side * 6, -2, 3.4, 2.3), np.full((1, 3), 0.95, np.float32))
        eyes.paint(eyes.ellipse(side * 6 + n.gaze[:, 0], -2 + n.gaze[:, 1], 1.9, 1.9), ink)
        eyes.paint(eyes.ellipse(side * 6, -6.6, 4, 1.1), hair * 0.6)
    eyes.paint(eyes.ellipse(0, 3.5, 1.8, 2.9), skin * 0.8)

    mouth = canvas.window(34, 56, 14, 50)
    bend = np.square(mouth.u)
    closed = np.maximum(np.abs(mouth.v - 11 - 0.02 * bend) - 0.8, np.abs(mouth.u) - 4.5)
    mouth.paint(closed, skin * np.array([0.6, 0.35, 0.35], np.float32), 1 - is_["smile"])
    laugh = np.maximum(mouth.v - 15.4 + 0.13 * bend, 8.6 - 0.025 * bend - mouth.v)
    mouth.paint(laugh, np.array([[0.35, 0.05, 0.08]], np.float32), is_["smile"])
    mouth.paint(np.maximum(laugh + 0.9, mouth.v - 10.6), np.full((1, 3), 0.97, np.float32), is_["smile"])

    for side in (-1, 1):
        lens = eyes.ellipse(side * 6.4, -1.8, 5.3, 4.6)
        eyes.paint(lens, ink, 0.5 * is_["glasses"])
        eyes.paint(np.abs(lens) - 0.9, ink, is_["glasses"])

    jewel = np.array([[0.05, 0.85, 0.85]], np.float32)
    lobes = canvas.window(28, 56)
    for side in (-1, 1):
        lobes.paint(lobes.ellipse(side * 16.5 * n.width, 9.5, 3.3, 4.6), jewel, is_["earrings"])

    hat = _mix(n.hat, (0.55, 0.08, 0.12), (0.85, 0.22, 0.30))
    crown = canvas.window(0, 34)
    crown.paint(np.maximum(crown.ellipse(0, -12, 16 * n.width, 15), crown.v + 10), hat, is_["hat"])
    crown.paint(crown.ellipse(0, -10.5, 21.5, 2.8), hat * 0.75, is_["hat"])

    ramp = np.linspace(-1, 1, SIZE, dtype=np.float32)
    light = 1 + n.light[:, 0, None, None] + n.light[:, 1, None, None] * ramp + n.light[:, 2, None, None] * ramp[:, None]
    canvas.image *= light[:, None]
    return canvas.image
