"""What FID and KID compare images by: features of a small classifier of our own, or of the user's Inception network."""

from __future__ import annotations

import json
import logging
import math
import pickle
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vscbench.data.batches import inputs
from vscbench.data.torchvision_ops import import_torchvision
from vscbench.errors import UserError
from vscbench.files import atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from vscbench.data import Data

CPU = torch.device("cpu")

log = logging.getLogger(__name__)

SMALLEST = 8
"""Least side of an image, in pixels."""

FEATURES = 64
"""F of the classifier."""

BATCH = 64

RATE = 1e-2
"""Peak of the one-cycle learning rate."""

STEPS = 240
"""Least number of steps: more than one pass for small data sets."""

CHUNK = 500
"""Images classified at once."""


class Classifier(nn.Module):
    """A small convolutional network, images (B, C, H, W) in [0, 1] → logits (B, A) of binary labels.

    Convolutions halve the sides until they are at most 4; the mean over what is left are the features (B, 64).

    Args:
        shape: (C, H, W).
        names: of the A labels.

    Raises:
        UserError: a side is shorter than 8, or there are no labels.
    """

    def __init__(self, shape: Sequence[int], names: Sequence[str]) -> None:
        super().__init__()
        self.shape, self.names = tuple(shape), tuple(names)
        self.accuracy = math.nan
        """Balanced accuracy on the test images, mean over labels."""
        if not self.names:
            raise UserError("the data set has no labels to train the classifier of FID and KID by")
        channels, *sides = self.shape
        if min(sides) < SMALLEST:
            raise UserError(
                f"images of {sides[0]}×{sides[1]} are too small for the classifier: its sides are at least {SMALLEST}"
            )
        halvings = math.ceil(math.log2(max(sides) / 4))
        widths = [*(min(FEATURES, 16 * 2**i) for i in range(halvings)), FEATURES]
        layers: list[nn.Module] = []
        for i, width in enumerate(widths):
            stride = 2 if i < halvings else 1
            layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        self.trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(FEATURES, len(self.names))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, A) of images (B, C, H, W)."""
        logits: Tensor = self.head(self.trunk(2 * images - 1))
        return logits

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Features (B, 64) of images (B, C, H, W) in [0, 1], of the shape that it was trained on."""
        if images.shape[1:] != self.shape:
            raise UserError(
                f"the classifier was trained on images of {self.shape} and is asked about {tuple(images.shape[1:])}: "
                "train one on these data"
            )
        features: Tensor = self.trunk(2 * images - 1)
        return features


def train_classifier(data: Data, seed: int, epochs: int | None = None, device: torch.device = CPU) -> Classifier:
    """A classifier of the labels of the training images, by binary cross entropy; in evaluation mode, on `device`.

    Args:
        data: images (N, C, H, W) uint8 and labels (N, A), memory-mapped or not.
        seed: of weights and order of the images.
        epochs: passes over the training images; as many as make 240 steps of 64 images where None.
        device: where to train.

    Raises:
        UserError: the data have no labels, or are too small for the network.
    """
    images, labels = data.train, data.labels.get("train")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        classifier = Classifier(images.shape[1:], data.label_names if labels is not None else ()).to(device)
    assert labels is not None  # noqa: S101 (the classifier has just refused data without)
    per_epoch = max(1, len(images) // BATCH)
    epochs = epochs or math.ceil(STEPS / per_epoch)
    optimizer = torch.optim.Adam(classifier.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * per_epoch)
    rng = np.random.default_rng(seed)
    started = time.monotonic()
    for _ in range(epochs):
        order = rng.permutation(len(images))
        # A last batch of a few images would make poor statistics.
        for rows in np.array_split(order, per_epoch):
            logits = classifier(inputs(torch.from_numpy(images[rows]), device))
            wanted = torch.from_numpy(labels[rows]).to(logits)
            loss = nn.functional.binary_cross_entropy_with_logits(logits, wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    classifier.eval()
    classifier.accuracy = _accuracy(classifier, data.test, data.labels["test"], device)
    log.info(
        "classifier of %d labels: balanced accuracy %.3f on the test images (%.0f s)",
        len(classifier.names),
        classifier.accuracy,
        time.monotonic() - started,
    )
    return classifier


@torch.no_grad()
def _accuracy(
    classifier: Classifier, images: NDArray[np.uint8], labels: NDArray[np.uint8], device: torch.device
) -> float:
    parts = torch.from_numpy(images).split(CHUNK)
    said = torch.cat([classifier(inputs(part, device)) > 0 for part in parts]).cpu().numpy()
    return float(np.nanmean(balanced_accuracy(said, labels.astype(bool))))


def balanced_accuracy(said: NDArray[np.bool_], true: NDArray[np.bool_]) -> NDArray[np.float64]:
    """½ (rate of true positives + rate of true negatives) of answers (N, A): (A,); nan for a label of one value."""
    with np.errstate(invalid="ignore"):
        sensitivity = (said & true).sum(0) / true.sum(0)
        specificity = (~said & ~true).sum(0) / (~true).sum(0)
    return np.asarray(0.5 * (sensitivity + specificity))


def save_classifier(classifier: Classifier, path: Path) -> None:
    """Write to `path` as safetensors, with shape, names of labels and test accuracy as metadata, atomically."""
    tensors = {name: tensor.contiguous().cpu() for name, tensor in classifier.state_dict().items()}
    about = {"shape": classifier.shape, "names": classifier.names, "accuracy": classifier.accuracy}
    with atomic(path) as partial:
        save_file(tensors, partial, {"classifier": json.dumps(about)})


def load_classifier(path: Path, device: torch.device = CPU) -> Classifier:
    """Read what `save_classifier` wrote, in evaluation mode; a missing or damaged file is a `UserError`."""
    if not path.is_file():
        raise UserError(f"{path} is missing: train the classifier of its data set first")
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})["classifier"])
        classifier = Classifier(about["shape"], about["names"])
        state, expected = load_file(path), classifier.state_dict()
        right = (state[name].dtype == value.dtype for name, value in expected.items())
        sound = all(right) and all(value.isfinite().all() for value in state.values())
        classifier.load_state_dict(state)
        classifier.accuracy = float(about["accuracy"])
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and train the classifier again") from None
    except (KeyError, RuntimeError, TypeError, ValueError):
        sound = False
    if not sound:
        raise UserError(f"{path} holds no classifier of vscbench: delete it and train one")
    return classifier.to(device).eval()


def inception(weights: Path, device: torch.device = CPU) -> Callable[[Tensor], Tensor]:
    """Inception-v3 features, images (B, C, H, W) in [0, 1] → (B, 2048), by torch-fidelity: those of the usual FID.

    Images become 8-bit, greyscale is repeated; torch-fidelity resizes to 299×299 as the original does.

    Args:
        weights: `weights-inception-2015-12-05-6726825d.pth` of torch-fidelity's releases, the user's own copy.
        device: where to compute.

    Raises:
        UserError: torch-fidelity is not installed, or the weights are missing, damaged or another network's.
    """
    if not weights.is_file():
        raise UserError(
            f"Inception weights {weights} are missing: put weights-inception-2015-12-05-6726825d.pth there, "
            "from the release v0.2.0 of github.com/toshas/torch-fidelity, or take the features of the classifier"
        )
    import_torchvision()
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError:
        raise UserError("Inception features need torch-fidelity: pip install 'vscbench[inception]'") from None
    try:
        # torch-fidelity unpickles whatever is in the file: let it see only what holds nothing but tensors.
        torch.load(weights, map_location="cpu", weights_only=True)
        network = FeatureExtractorInceptionV3("inception", ["2048"], str(weights))
    except (pickle.UnpicklingError, RuntimeError, EOFError, TypeError, AttributeError):
        raise UserError(
            f"{weights} is damaged or holds other weights than torch-fidelity's Inception: fetch it again"
        ) from None
    network = network.to(device).eval()

    @torch.no_grad()
    def features(images: Tensor) -> Tensor:
        pixels = (255 * images).round().clamp(0, 255).byte()
        found: Tensor = network(pixels.expand(-1, 3, -1, -1))[0]
        return found

    return features
