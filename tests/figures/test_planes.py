"""Three planes: which voxels they show, and a widget that needs no kernel."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ipywidgets import HTML, SelectionSlider, Stack, VBox
from ipywidgets.embed import dependency_state

from medda_lib.figures.display import LIMIT, encode
from medda_lib.figures.planes import PLANES, along, planes
from medda_lib.figures.three_planes import three_planes

SHAPE = (10, 14, 12)
RNG = np.random.default_rng(5)


def volume() -> np.ndarray:
    return RNG.random(SHAPE)


def slanted() -> np.ndarray:
    """A structure that rises as it runs from front to back."""
    mask = np.zeros(SHAPE, bool)
    for row in range(3, 12):
        low = 2 + (row - 3) // 2
        mask[low : low + 3, row, 5:8] = True
    return mask


def test_every_plane_shows_the_voxel_that_it_goes_through() -> None:
    scan, point = volume(), (3, 8, 5)
    for plane in PLANES:
        picture = plane.cut(scan, point)
        assert picture[plane.place(point, scan.shape)] == scan[point]


def test_the_head_is_up_and_the_front_is_up_or_left() -> None:
    scan, point = volume(), (3, 8, 5)
    axial, coronal, sagittal = (plane.cut(scan, point) for plane in PLANES)
    assert np.array_equal(axial, scan[3])
    assert np.array_equal(coronal, scan[::-1, 8])
    assert np.array_equal(sagittal, scan[::-1, :, 5])


def test_points_walk_through_the_middle_of_each_coronal_cut() -> None:
    points = along(slanted(), 5)
    assert [row for _, row, _ in points] == [3, 5, 7, 9, 11]
    assert [low for low, _, _ in points] == [3, 4, 5, 6, 7]
    assert {column for _, _, column in points} == {6}


def test_a_row_without_the_structure_takes_the_nearest_that_has_it() -> None:
    mask = np.zeros((5, 9, 5), bool)
    mask[1, 0, 1] = mask[3, 1, 3] = mask[4, 8, 4] = True
    assert along(mask, 3) == ((1, 0, 1), (3, 4, 3), (4, 8, 4))


def test_points_need_a_structure_that_is_long_enough() -> None:
    with pytest.raises(ValueError, match="not empty"):
        along(np.zeros(SHAPE), 3)
    with pytest.raises(ValueError, match="count: 20 points, but the structure is 9 rows long"):
        along(slanted(), 20)


def test_outlines_of_all_masks_in_all_planes_with_the_planes_marked() -> None:
    truth, scan, point = slanted(), volume(), (4, 6, 6)
    figure = planes(scan, {"reference": truth, "net": np.roll(truth, 1, 2)}, point, (2.0, 1.0, 1.0))
    for axis, plane in zip(figure.axes, PLANES, strict=True):
        assert axis.get_title() == plane.name
        assert len(axis.collections) == 2
        assert np.array_equal(np.asarray(axis.images[0].get_array()), plane.cut(scan, point))
        down, across = plane.place(point, SHAPE)
        across_line, down_line = axis.lines
        assert np.allclose(across_line.get_ydata(), down)
        assert np.allclose(down_line.get_xdata(), across)
    # slices 2 mm apart stretch the two planes that run from head to foot
    assert [axis.get_aspect() for axis in figure.axes] == [1.0, 2.0, 2.0]
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["reference", "net"]


def test_masks_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"net: shape \(10, 14, 11\) is not the scan's"):
        planes(volume(), {"net": slanted()[..., 1:]}, (1, 1, 1))
    with pytest.raises(ValueError, match="the reference at least"):
        planes(volume(), {}, (1, 1, 1))
    with pytest.raises(ValueError, match=r"scan: expected \(d, h, w\)"):
        planes(volume()[0], {"net": slanted()}, (1, 1, 1))


def parts(widget: VBox) -> tuple[SelectionSlider, Stack]:
    slider, stack = widget.children
    return slider, stack


def test_the_slider_links_positions_to_pictures_in_the_browser_alone() -> None:
    widget = three_planes(volume(), {"reference": slanted()}, (1.5, 1.5, 1.5), count=5)
    slider, stack = parts(widget)
    assert slider._options_labels == ("0 mm", "3 mm", "6 mm", "9 mm", "12 mm")
    assert len(stack.children) == 5
    links = [
        (state["state"]["source"], state["state"]["target"])
        for state in dependency_state([widget], drop_defaults=False).values()
        if state["model_name"] == "LinkModel"
    ]
    ends = [f"IPY_MODEL_{slider.model_id}", "index"], [f"IPY_MODEL_{stack.model_id}"]
    assert [(list(s), list(t)) for s, t in links] == [(ends[0], [*ends[1], "selected_index"])]


def test_alt_texts_tell_areas_of_the_coronal_cut() -> None:
    truth = slanted()
    small = truth & (np.arange(SHAPE[2]) < 7)
    widget = three_planes(volume(), {"reference": truth, "net": small}, (1.5, 1.5, 2.0), count=3)
    for page in parts(widget)[1].children:
        assert isinstance(page, HTML)
        alt = re.search(r'alt="([^"]+)"', page.value)
        assert alt is not None
        # 3 x 3 and 3 x 2 voxels of 1.5 mm x 2 mm
        assert "reference 27 square mm, net 18 square mm" in alt[1]


@pytest.mark.slow
def test_a_noisy_crop_of_full_size_fits_a_page() -> None:
    shape = (48, 60, 48)
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"))
    truth = (grid[0] * 3) ** 2 + (grid[1] * 1.5) ** 2 + (grid[2] * 3) ** 2 < 1
    scan = np.clip(0.5 + 0.2 * truth + RNG.normal(0, 0.08, shape), 0, 1)
    masks = {name: np.roll(truth, k, 2) for k, name in enumerate(("reference", "a", "b", "c"))}
    assert len(encode(planes(scan, masks, along(truth, 5)[2]))[1]) <= LIMIT
    assert len(parts(three_planes(scan, masks))[1].children) == 9
