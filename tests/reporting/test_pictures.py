from __future__ import annotations

import numpy as np

from vscbench.reporting.pictures import about_grey, centres, mosaic, picture, tile_shape, tiles


def test_tiles_stand_in_reading_order_with_white_between() -> None:
    images = np.zeros((3, 1, 2, 2), dtype=np.float32)
    images[:, 0] = np.array([0.1, 0.2, 0.3])[:, None, None]
    found = mosaic(images, 2)
    assert found.shape == (5, 5, 3)
    np.testing.assert_allclose(found[[0, 0, 3], [0, 3, 0], 0], [0.1, 0.2, 0.3])
    assert (found[2] == 1).all()
    assert (found[3:, 3:] == 1).all()
    np.testing.assert_allclose(centres(2, 2), [0.5, 3.5])


def test_colours_are_kept() -> None:
    image = np.zeros((1, 3, 2, 2), dtype=np.float32)
    image[0, 1] = 1
    np.testing.assert_array_equal(mosaic(image, 1)[0, 0], [0, 1, 0])


def test_zero_is_grey_and_extremes_are_black_or_white() -> None:
    atoms = np.array([[-2, 0, 1], [0.1, 0, -0.2], [0, 0, 0]], dtype=np.float32).reshape(3, 3, 1, 1)
    np.testing.assert_allclose(about_grey(atoms)[..., 0, 0], [[0, 0.5, 0.75], [0.75, 0.5, 0], [0.5, 0.5, 0.5]])


def test_patches_are_as_square_as_their_size_divides() -> None:
    assert [tile_shape(pixels) for pixels in (64, 12, 7)] == [(8, 8), (3, 4), (1, 7)]


def test_picture_shows_all_atoms_by_falling_norm() -> None:
    atoms = np.eye(4, dtype=np.float32) * [1, 4, 2, 3]
    (axes,) = picture(tiles(atoms)).axes
    shown = np.asarray(axes.images[0].get_array())[..., 0]
    places = [np.unravel_index(k, (2, 2)) for k in (1, 3, 2, 0)]
    for (row, column), (y, x) in zip(np.ndindex(2, 2), places, strict=True):
        assert shown[3 * row + y, 3 * column + x] == 1
