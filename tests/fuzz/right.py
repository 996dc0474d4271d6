"""Data of a user that are right, each in a folder: arrays, pictures, IMAGES.mat, CelebA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from safetensors.numpy import save_file
from scipy.io import savemat

if TYPE_CHECKING:
    from pathlib import Path

    Spec = dict[str, Any]

ROWS, PIXELS = 60, 16


def array(folder: Path, suffix: str = ".npz") -> Spec:
    """Vectors with labels and groups."""
    x = np.random.default_rng(0).random((ROWS, PIXELS)).astype(np.float32)
    kinds, sessions = np.arange(ROWS) % 3, np.arange(ROWS) // 6
    if suffix == ".safetensors":
        save_file({"x": x, "kinds": kinds, "sessions": sessions}, folder / "x.safetensors")
    else:
        np.savez(folder / "x.npz", x=x, kinds=kinds, sessions=sessions)
    return {"kind": "array", "source": f"x{suffix}", "key": "x", "labels": "kinds", "groups": "sessions"}


def safetensors(folder: Path) -> Spec:
    """The same in another format."""
    return array(folder, ".safetensors")


def pictures(folder: Path) -> Spec:
    """Ten pictures in two folders."""
    rng = np.random.default_rng(0)
    for k in range(10):
        path = folder / "photos" / ("cats", "dogs")[k % 2] / f"{k}{('.png', '.jpg', '.bmp')[k % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)
    return {"kind": "images", "source": "photos", "size": 12, "labels": True}


def patches(folder: Path) -> Spec:
    """Patches of them."""
    spec = pictures(folder)
    counts = {"train": 50, "validation": 10, "test": 10}
    return {**spec, "size": None, "labels": False, "patches": {"size": 4, **counts}}


def olshausen(folder: Path) -> Spec:
    """Ten small images as IMAGES.mat has them."""
    savemat(folder / "IMAGES.mat", {"IMAGES": np.random.default_rng(0).normal(size=(24, 24, 10))})
    counts = {"train": 50, "validation": 10, "test": 10}
    return {"kind": "olshausen", "source": "IMAGES.mat", "patch_size": 4, "folds": 5, **counts}


def celeba(folder: Path) -> Spec:
    """Nine faces, with their lists."""
    rng = np.random.default_rng(0)
    album = folder / "celeba" / "img_align_celeba"
    album.mkdir(parents=True)
    names = [f"{k + 1:06d}.jpg" for k in range(9)]
    small = Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)).resize((178, 218))
    for name in names:
        small.save(album / name)
    attributes = rng.integers(0, 2, (9, 40)) * 2 - 1
    rows = [f"{name} {' '.join(map(str, row))}" for name, row in zip(names, attributes, strict=True)]
    header = ["9", " ".join(f"Attribute_{k}" for k in range(40))]
    (album.parent / "list_attr_celeba.txt").write_text("\n".join(header + rows) + "\n")
    parts = [f"{name} {part}" for name, part in zip(names, [0] * 5 + [1] * 2 + [2] * 2, strict=True)]
    (album.parent / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")
    return {"kind": "celeba", "source": "celeba", "train": 4, "validation": 1, "test": 2}
