from __future__ import annotations

import logging
import pickle
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import Tensor

from metrics import planted
from vscbench.data.batches import inputs
from vscbench.data.digits import Digits
from vscbench.data.torchvision_ops import import_torchvision
from vscbench.errors import UserError
from vscbench.metrics.features import (
    Classifier,
    balanced_accuracy,
    inception,
    load_classifier,
    save_classifier,
    train_classifier,
)
from vscbench.metrics.generation import distances, features_of, measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vscbench.data import Data

CPU = torch.device("cpu")


def cloud(count: int, size: int = 6, shift: float = 0.0, seed: int = 0) -> Tensor:
    """Correlated Gaussian features (N, F)."""
    rng = np.random.default_rng(seed)
    mix = np.eye(size) + 0.4 * np.random.default_rng(99).normal(size=(size, size))
    return torch.from_numpy(rng.normal(size=(count, size)) @ mix + shift).float()


# ------------------------------------------------------------------ FID and KID


def frechet(mean: Any, cov: Any, other_mean: Any, other_cov: Any) -> float:
    """‖μ - μ'‖² + tr(Σ + Σ' - 2 (Σ Σ')^½) by scipy's matrix square root."""
    root = linalg.sqrtm(cov @ other_cov)
    return float(np.square(mean - other_mean).sum() + np.trace(cov + other_cov - 2 * root.real))


def direct_kid(real: NDArray[np.float64], fake: NDArray[np.float64]) -> float:
    """Unbiased MMD² of the kernel (xᵀy/F + 1)³, term by term."""

    def mean(a: NDArray[np.float64], b: NDArray[np.float64], same: bool) -> float:
        terms = [(x @ y / len(x) + 1) ** 3 for i, x in enumerate(a) for j, y in enumerate(b) if not (same and i == j)]
        return float(np.mean(terms))

    return mean(real, real, True) + mean(fake, fake, True) - 2 * mean(real, fake, False)


def test_fid_is_that_of_the_moments() -> None:
    real, fake = cloud(400), 1.3 * cloud(300, shift=0.5, seed=1)
    x, y = real.double().numpy(), fake.double().numpy()
    expected = frechet(x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False))
    assert distances(real, fake, 0)[0] == pytest.approx(expected, rel=1e-9)


def test_fid_of_gaussians_in_closed_form() -> None:
    """Independent features: Σ (Δμ)² + (σ - σ')²."""
    sd, other_sd, shift = np.array([1.0, 2.0, 0.5]), np.array([1.5, 1.0, 0.5]), np.array([0.0, 1.0, -2.0])
    rng = np.random.default_rng(0)
    real, fake = (torch.from_numpy(rng.normal(size=(40_000, 3))) for _ in range(2))
    found = distances(real * torch.from_numpy(sd), fake * torch.from_numpy(other_sd) + torch.from_numpy(shift), 0)[0]
    assert found == pytest.approx(np.sum(shift**2 + (sd - other_sd) ** 2), rel=0.01)


def test_fid_of_few_images_of_many_features() -> None:
    """Covariances of lower rank than the number of features are no obstacle."""
    real, fake = cloud(20, size=50), cloud(20, size=50, seed=1)
    x, y = real.double().numpy(), fake.double().numpy()
    # tr (Σ Σ')^½ is the sum of singular values of the product of centred features.
    singular = np.linalg.svd((x - x.mean(0)) @ (y - y.mean(0)).T / 19, compute_uv=False).sum()
    traces = x.var(0, ddof=1).sum() + y.var(0, ddof=1).sum()
    expected = np.square(x.mean(0) - y.mean(0)).sum() + traces - 2 * singular
    assert distances(real, fake, 0)[0] == pytest.approx(expected, rel=1e-5)


def test_same_images_are_at_distance_zero() -> None:
    real = cloud(300)
    fid, kid = distances(real, real.clone(), 0)
    assert fid == pytest.approx(0, abs=1e-9)
    assert kid < 0  # unbiased: the pairs of an image with itself count on one side only


def test_kid_term_by_term() -> None:
    real, fake = cloud(60), cloud(60, shift=0.3, seed=1)
    expected = direct_kid(real.double().numpy(), fake.double().numpy())
    assert expected > 0.05
    assert distances(real, fake, 0)[1] == pytest.approx(expected, rel=1e-9)


def test_kid_of_subsets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Near that of all images, a function of the seed, and the global random numbers stay as they are."""
    monkeypatch.setattr("vscbench.metrics.generation.SUBSET", 300)
    real, fake = cloud(1500, size=3), cloud(1500, size=3, shift=0.3, seed=1)
    state = torch.get_rng_state()
    found = distances(real, fake, 0)[1]
    assert torch.equal(torch.get_rng_state(), state)
    gram = {
        (a, b): ((x.double() @ y.double().T) / 3 + 1) ** 3
        for a, x in (("r", real), ("f", fake))
        for b, y in (("r", real), ("f", fake))
    }
    within = sum((gram[a, a].sum() - gram[a, a].trace()) / (1500 * 1499) for a in "rf")
    assert found == pytest.approx(float(within - 2 * gram["r", "f"].mean()), rel=0.05)
    assert distances(real, fake, 0)[1] == found
    assert distances(real, fake, 1)[1] != found


def brightness(images: Tensor) -> Tensor:
    """Features by hand: the means of the four quarters, and their product."""
    quarters = torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)
    return torch.cat((quarters, quarters.prod(1, keepdim=True)), 1)


@pytest.fixture
def bright(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Images are compared by hand-made features; how many at a time is listed."""
    seen: list[int] = []

    def features(images: Tensor) -> Tensor:
        seen.append(len(images))
        return brightness(images)

    monkeypatch.setattr("vscbench.metrics.generation.features_of", lambda *_: ("classifier", features))
    return seen


@pytest.mark.usefixtures("bright")
def test_measure_compares_reconstructions_and_samples_with_test_images() -> None:
    e = planted.evaluation()
    found = measure(e, images=450)
    assert set(found) == {f"{d}_classifier_{w}" for d in ("fid", "kid") for w in ("best", "mean", "prior")}
    real = brightness(inputs(e.x[:450], CPU))
    with torch.no_grad():
        made = {"mean": e.mean[:450], "best": e.best[:450], "prior": e.prior_codes(450)}
        for what, codes in made.items():
            fid, _ = distances(real, brightness(e.coder.decode(codes)), 0)
            assert found[f"fid_classifier_{what}"] == pytest.approx(fid, rel=1e-4, abs=1e-7), what
    # The mean codes are exact up to the rounding of pixels; the prior is another distribution.
    assert float(found["fid_classifier_mean"]) < 1e-4
    assert float(found["fid_classifier_mean"]) < 0.01 * float(found["fid_classifier_prior"])


def test_real_features_are_extracted_once(bright: list[int]) -> None:
    measure(planted.evaluation(test=330), images=10_000)
    assert sum(bright) == 4 * 330
    assert max(bright) <= 100  # chunk by chunk


def test_without_features() -> None:
    assert measure(planted.evaluation()) == {}


@pytest.mark.usefixtures("bright")
def test_without_a_prior(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted.Inverse, "sample_prior", lambda *_: None)
    found = measure(planted.evaluation())
    assert set(found) == {f"{d}_classifier_{w}" for d in ("fid", "kid") for w in ("best", "mean")}


@pytest.mark.usefixtures("bright")
def test_one_image_has_no_covariance() -> None:
    with pytest.raises(UserError, match="compare at least 2 test images"):
        measure(planted.evaluation(test=1))


def test_features_are_those_of_the_settings(classifier: Classifier, tmp_path: Path) -> None:
    """The user's Inception before the classifier of the data set."""
    path = tmp_path / "classifier.safetensors"
    save_classifier(classifier, path)
    e = planted.evaluation(classifier=path)
    name, features = features_of(e, None)  # type: ignore[misc]
    assert name == "classifier"
    images = inputs(e.x[:3], CPU)
    assert torch.equal(features(images), classifier.features(images))
    assert {key.split("_")[1] for key in measure(e, images=50)} == {"classifier"}
    with pytest.raises(UserError, match=r"Inception weights absent\.pth are missing"):
        measure(e, inception_weights="absent.pth")


# ------------------------------------------------------------------- classifier


@pytest.fixture(scope="module")
def data() -> Data:
    return Digits(train=1200, validation=100, test=400).load()


@pytest.fixture(scope="module")
def classifier(data: Data) -> Classifier:
    return train_classifier(data, 0)


def test_classifier_learns(data: Data, classifier: Classifier) -> None:
    assert not classifier.training
    with torch.no_grad():
        said = (classifier(inputs(torch.from_numpy(data.test), CPU)) > 0).numpy()
    expected = balanced_accuracy(said, data.labels["test"].astype(bool)).mean()
    assert classifier.accuracy == pytest.approx(expected)
    assert classifier.accuracy > 0.93


def test_balanced_accuracy_by_hand() -> None:
    true = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 0], [0, 1, 0]], dtype=bool)
    said = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [0, 1, 1]], dtype=bool)
    np.testing.assert_array_equal(balanced_accuracy(said, true), [0.75, np.nan, np.nan])


def test_features_are_of_each_image_alone(data: Data, classifier: Classifier) -> None:
    x = inputs(torch.from_numpy(data.test[:20]), CPU)
    together = classifier.features(x)
    assert together.shape == (20, 64)
    assert not together.requires_grad
    alone = torch.cat([classifier.features(each) for each in x.split(1)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-6)
    assert int((together.std(0) > 0).sum()) > 32


def test_classifier_is_a_function_of_its_seed(data: Data) -> None:
    few = replace(data, train=data.train[:150], labels={**data.labels, "train": data.labels["train"][:150]})
    found = []
    for seed in (1, 1, 2):
        torch.rand(1)  # the global random numbers are elsewhere each time
        state = torch.get_rng_state()
        found.append(train_classifier(few, seed, epochs=1).state_dict())
        assert torch.equal(torch.get_rng_state(), state)
    one, same, other = found
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_classifier_reports_its_accuracy(data: Data, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        found = train_classifier(data, 0, epochs=1)
    assert f"balanced accuracy {found.accuracy:.3f}" in caplog.text


def test_fid_of_the_classifier_grows_with_noise(data: Data, classifier: Classifier, rng: torch.Generator) -> None:
    x = inputs(torch.from_numpy(data.test), CPU)
    real = classifier.features(x)
    noisy = [(x + level * torch.randn(x.shape, generator=rng)).clamp(0, 1) for level in (0.0, 0.1, 0.3)]
    clean, little, much = (distances(real, classifier.features(images), 0)[0] for images in noisy)
    assert clean == pytest.approx(0, abs=1e-6)
    assert 10 * abs(clean) < little < 0.5 * much


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 64, 64), (3, 8, 20), (2, 9, 9)])
def test_classifier_takes_images_of_any_size(shape: tuple[int, ...]) -> None:
    net = Classifier(shape, ["a", "b"]).eval()
    assert net(torch.rand(3, *shape)).shape == (3, 2)
    assert net.features(torch.rand(3, *shape)).shape == (3, 64)


def test_classifier_refuses(data: Data, classifier: Classifier) -> None:
    with pytest.raises(UserError, match="7×7 are too small"):
        Classifier((1, 7, 7), ["a"])
    with pytest.raises(UserError, match="no labels"):
        train_classifier(replace(data, labels={}, label_names=()), 0)
    with pytest.raises(UserError, match=r"trained on images of \(1, 8, 8\) and is asked about \(3, 8, 8\)"):
        classifier.features(torch.rand(2, 3, 8, 8))


def test_saved_classifier_comes_back(classifier: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "sub" / "classifier.safetensors"
    save_classifier(classifier, path)
    loaded = load_classifier(path)
    x = torch.rand(5, 1, 8, 8)
    assert torch.equal(loaded.features(x), classifier.features(x))
    assert (loaded.shape, loaded.names, loaded.accuracy) == (classifier.shape, classifier.names, classifier.accuracy)
    assert not loaded.training
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_broken_classifier_files_are_named(classifier: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "classifier.safetensors"
    with pytest.raises(UserError, match=f"{path} is missing"):
        load_classifier(path)
    save_classifier(classifier, path)
    whole = path.read_bytes()
    for damaged in (whole[:-100], whole[:50], b"", b"not at all" * 10):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=f"{path} is damaged"):
            load_classifier(path)
    from safetensors.torch import save_file

    for metadata in (None, {"classifier": '{"shape": [1, 8, 8], "names": ["a"], "accuracy": 1}'}):
        save_file({"head.weight": torch.zeros(1, 64)}, path, metadata)
        with pytest.raises(UserError, match=f"{path} holds no classifier"):
            load_classifier(path)


# -------------------------------------------------------------------- Inception


@pytest.fixture(scope="module")
def module() -> Any:
    """torch-fidelity's Inception."""
    import_torchvision()
    return pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3", reason="torch-fidelity is an extra")


@pytest.fixture(scope="module")
def inception_weights(module: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, in the form of torch-fidelity's file."""
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(module.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        torch.manual_seed(0)
        network = module.FeatureExtractorInceptionV3("random", ["2048"])
    torch.save(network.state_dict(), path)
    return path


def test_inception_of_grey_and_colour(module: Any, inception_weights: Path) -> None:
    features = inception(inception_weights)
    rng = torch.Generator().manual_seed(0)
    grey = torch.rand(2, 1, 28, 28, generator=rng)
    found = features(grey)
    assert found.shape == (2, 2048)
    colour = features(grey.repeat(1, 3, 1, 1))
    torch.testing.assert_close(found, colour)
    network = module.FeatureExtractorInceptionV3("same", ["2048"], str(inception_weights))
    torch.testing.assert_close(found, network((grey.repeat(1, 3, 1, 1) * 255).round().byte())[0])


def test_inception_sees_the_bytes_of_an_image(
    module: Any, inception_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mirror(torch.nn.Module):
        """Gives back what it is given."""

        def __init__(self, *_: Any) -> None:
            super().__init__()

        def forward(self, pixels: Tensor) -> tuple[Tensor]:
            return (pixels,)

    monkeypatch.setattr(module, "FeatureExtractorInceptionV3", Mirror)
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    found = inception(inception_weights)(inputs(every, CPU))
    assert found.dtype == torch.uint8
    assert torch.equal(found, every.repeat(1, 3, 1, 1))
    between = torch.tensor([-0.1, 0.4, 0.6, 254.6, 300]).view(1, 1, 1, 5) / 255
    assert inception(inception_weights)(between)[0, 0, 0].tolist() == [0, 0, 1, 255, 255]


def test_inception_without_its_weights(inception_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.pth are missing: put .*pth there"):
        inception(tmp_path / "absent.pth")
    path = tmp_path / "weights.pth"
    content = inception_weights.read_bytes()[:1_000_000]
    for damaged in (content, b"", b"no weights"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=f"{path} is damaged"):
            inception(path)
    torch.save({"fc.bias": torch.zeros(3)}, path)
    with pytest.raises(UserError, match="holds other weights"):
        inception(path)


class Trap:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.usefixtures("module")
def test_weights_that_are_a_program_are_not_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "weights.pth", tmp_path / "trace"
    torch.save({"fc.bias": Trap(trace)}, path)
    with pytest.raises(UserError, match=f"{path} is damaged"):
        inception(path)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Trap(trace)))  # noqa: S301  (the trap works)
    assert trace.exists()
