"""Pictures in files of any format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from vscbench.data import pictures
from vscbench.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path


def test_pictures_are_found_by_suffix_in_order(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "below/z.tif", "below/further/c.webp", "Z.bmp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    for name in ("notes.txt", ".hidden.png", "picture", ".cache/a.png", "a.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    found = [str(path.relative_to(tmp_path)) for path in pictures.find(tmp_path)]
    assert found == ["Z.bmp", "a.JPG", "b.png", "below/further/c.webp", "below/z.tif"]


def test_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"source: {tmp_path} holds no pictures \(.png, .jpg"):
        pictures.find(tmp_path)
    with pytest.raises(UserError, match=f"source: there is no folder {tmp_path}/none"):
        pictures.find(tmp_path / "none")


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_picture_is_turned_back(tmp_path: Path, turn: int) -> None:
    exif = Image.Exif()
    exif[pictures.ORIENTATION] = turn
    Image.new("L", (8, 5)).save(tmp_path / "a.png", exif=exif)
    expected = (8, 5) if turn >= 5 else (5, 8)
    assert pictures.size(tmp_path / "a.png") == expected
    with Image.open(tmp_path / "a.png") as image:
        assert pictures.pixels(image, colour=False).shape == (1, *expected)


def made(mode: str) -> Image.Image:
    """A picture whose left half is black and whose right half is white."""
    x = np.zeros((4, 6), np.uint8)
    x[:, 3:] = 255
    if mode == "I;16":
        return Image.fromarray(x.astype(np.uint16) * 257)
    if mode == "I":
        return Image.fromarray(x.astype(np.int32) * 257)
    if mode == "P+transparency":
        image = Image.fromarray(x).convert("P")
        image.info["transparency"] = bytes(256)
        return image
    return Image.fromarray(x).convert("RGB").convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "P+transparency", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I"])
@pytest.mark.parametrize("colour", [False, True])
def test_any_mode_is_made_grey_or_colour(mode: str, colour: bool) -> None:
    found = pictures.pixels(made(mode), colour)
    assert (found.shape, found.dtype) == ((3 if colour else 1, 4, 6), np.uint8)
    assert (found[..., :3] == 0).all()
    assert (found[..., 3:] == 255).all()


def test_channels_come_first() -> None:
    found = pictures.pixels(Image.new("RGB", (2, 2), (10, 20, 30)), colour=True)
    np.testing.assert_array_equal(found[:, 0, 0], [10, 20, 30])


def test_the_middle_is_scaled() -> None:
    """Of a picture three times as wide as it is high the middle third is kept for a square."""
    x = np.zeros((20, 60), np.uint8)
    x[:, 20:40] = 200
    found = pictures.pixels(Image.fromarray(x), colour=False, shape=(10, 10))
    assert found.shape == (1, 10, 10)
    assert (found[:, :, 2:8] == 200).all()
    assert pictures.pixels(Image.fromarray(x), colour=True, shape=(8, 24)).shape == (3, 8, 24)


@pytest.mark.parametrize(
    "image",
    [Image.fromarray(np.ones((2, 2), np.float32)), Image.fromarray(np.full((2, 2), 70_000, np.int32))],
    ids=["float", "32_bits"],
)
def test_pixels_of_unknown_scale(tmp_path: Path, image: Image.Image) -> None:
    image.save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=r"a.tif does not decode \(its pixels are not of 8 or 16 bits\): look"):
        pictures.decode(tmp_path / "a.tif", lambda image: pictures.pixels(image, colour=False), ": look")


@pytest.mark.parametrize("content", [b"", b"no picture" * 99, None], ids=["empty", "text", "half"])
def test_damaged_picture_is_named(tmp_path: Path, source: np.random.Generator, content: bytes | None) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(source.integers(0, 256, (50, 50), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:1500] if content is None else content)
    with pytest.raises(UserError, match=rf"{path} does not decode"):
        pictures.decode(path, lambda image: pictures.pixels(image, colour=False))
    if content is None:  # its header is whole
        assert pictures.size(path) == (50, 50)
        return
    with pytest.raises(UserError, match=rf"{path} does not decode"):
        pictures.size(path)


def test_all_are_decoded_into_their_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pictures, "CHUNK", 3)
    chosen = {"train": [tmp_path / str(k) for k in range(7)], "test": [tmp_path / "9"]}
    arrays: Any = {name: np.zeros((len(paths), 1, 1, 1), np.uint8) for name, paths in chosen.items()}
    pictures.decode_all(chosen, lambda path: np.full((1, 1, 1), int(path.name), np.uint8), arrays)
    assert arrays["train"].ravel().tolist() == list(range(7))
    assert arrays["test"].ravel().tolist() == [9]
