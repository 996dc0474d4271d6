"""What all sources have in common, and the numbers that they gave before they were classes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vscbench import data
from vscbench.errors import UserError
from vscbench.registry import find
from vscbench.settings import model

if TYPE_CHECKING:
    from vscbench.data.dataset import Data

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


@pytest.fixture(params=GOLDEN)
def golden(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of a data set, and a digest of what the code at da54d27 made of them."""
    case: dict[str, Any] = json.loads(json.dumps(GOLDEN[request.param]))
    if "source" in case["spec"]:
        folder = request.getfixturevalue("data_folder")
        case["spec"]["source"] = case["spec"]["source"].replace("DATA", str(folder))
        if not Path(case["spec"]["source"]).exists():
            pytest.skip(f"no {case['spec']['source']}")
    return case


def test_data_are_what_they_were(golden: dict[str, Any]) -> None:
    """Bytes to the last bit; floats, whose last bit is the processor's, to a few."""
    source = data.source(golden["spec"])
    source.check()
    found: Data = source.load()  # type: ignore[assignment]
    assert source.shape == found.shape
    assert list(found.label_names) == golden["label_names"]
    for name, expected in golden["arrays"].items():
        group, _, key = name.partition(".")
        array = getattr(found, group)[key] if key else getattr(found, name)
        assert (list(array.shape), str(array.dtype)) == (expected["shape"], expected["dtype"])
        if array.dtype == np.uint8 and golden["spec"]["kind"] != "faces":
            assert hashlib.sha256(array.tobytes()).hexdigest() == expected["sha256"]
        flat = array.astype(float).ravel()
        some = flat[:: max(1, len(flat) // 5)][:5]
        np.testing.assert_allclose(some, expected["some"], rtol=1e-4, atol=1e-5 if array.dtype != np.uint8 else 1)
        assert (flat**2).sum() == pytest.approx(expected["sum_of_squares"], rel=1e-5)


@pytest.mark.parametrize("kind", data.SOURCES)
def test_every_source_is_a_class_with_settings(kind: str) -> None:
    part = find(data.SOURCES, kind, "kind of data set")
    assert model(part).model_fields["seed"].default == 0
    for name in ("shape", "files", "check", "load"):
        assert hasattr(part, name)


def test_unknown_kind() -> None:
    with pytest.raises(UserError, match=r"there is no kind of data set facs; did you mean faces\?; there are array"):
        data.source({"kind": "facs"})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train": 0}, "train: 0 is not allowed; it must be a whole number, at least 1"),
        ({"trian": 3}, r"unknown key trian; did you mean train\?"),
        ({"test": 1.5}, "test: 1.5 is not allowed; it must be a whole number"),
        ({"seed": "one"}, 'seed: "one" is not allowed; it must be a whole number'),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        data.source({"kind": "digits", "train": 5, "validation": 5, "test": 5, "name": "small"} | settings)


def test_a_source_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_source.py").write_text(
        "from dataclasses import dataclass\n"
        "import numpy as np\n"
        "from vscbench.data import Data\n"
        "from vscbench.data.sources import Source\n"
        "from vscbench.settings import Count\n"
        "@dataclass\n"
        "class Noise(Source):\n"
        "    pixels: Count = 4\n"
        "    @property\n"
        "    def shape(self): return (self.pixels,)\n"
        "    def load(self):\n"
        "        return Data.from_array(np.random.default_rng(0).random((40, self.pixels)))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    spec = {"kind": "my_source:Noise", "pixels": 6, "name": "noise"}
    source = data.source(spec)
    source.check()
    assert (source.shape, source.files) == ((6,), [])
    found = data.prepare(spec, tmp_path / "data")
    assert (found.name, found.shape) == ("noise", (6,))
