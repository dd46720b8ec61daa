"""Sets of whole scans in their official layouts, one broken in each way, and the real ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from medda_lib.datasets import brain_grid, nifti, registry
from medda_lib.datasets.brain_mr import brain_sites as brain_sites_module
from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.prostate_mr import multi_site
from medda_lib.datasets.registry import VOLUMES, find
from medda_lib.datasets.resampling import resample_mask
from medda_lib.datasets.volumes import Volumes
from tests.datasets import damage
from tests.datasets.scans import SETS, Folder, affine_of, store

OPTIONS = {
    "brain_sites": {"size": 64, "step": 8},
    "cc359": {"size": 64, "step": 8},
    "prostate_multi_site": {"size": 24, "slices": 10},
}
SITES = {
    "brain_sites": ("ixi_hh", "ixi_hh", "nichart_106", "nichart_88"),
    "cc359": ("ph15", "ph3", "sm15", "sm3", "ge15", "ge3"),
    "prostate_multi_site": ("A", "A", "B", "C", "D", "E", "F"),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Folder]:
    """Every tiny set, written once; tests must not change them."""
    base = tmp_path_factory.mktemp("sets")
    return {name: make(base / name) for name, make in SETS.items()}


def load(folder: Folder, site: str | None = None) -> Volumes:
    return VOLUMES[folder.name].load(folder.root, site=site, **OPTIONS[folder.name])


@pytest.mark.parametrize("name", VOLUMES)
def test_sites_of_a_card_add_up(name: str) -> None:
    counts = VOLUMES[name].card.counts
    sites = {n: c for n, c in counts.items() if n not in {"scans", "nichart_demo"}}
    assert not sites or sum(sites.values()) == counts["scans"]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("decode", [True, False])
def test_a_whole_folder_passes_its_check(
    name: str, decode: bool, shared: dict[str, Folder]
) -> None:
    folder = shared[name]
    report = VOLUMES[name].check(folder.root, counts=folder.counts, decode=decode)
    assert report.problems == ()
    assert report.found == folder.counts
    published = VOLUMES[name].check(folder.root, decode=False)
    assert any("scans: expected" in problem for problem in published.problems)


@pytest.mark.parametrize("name", SETS)
def test_loading_gives_volumes_masks_names_and_sites(name: str, shared: dict[str, Folder]) -> None:
    whole = load(shared[name])
    n = len(SITES[name])
    assert whole.images.shape == whole.masks.shape
    assert whole.images.shape[0] == len(set(whole.patients)) == n
    assert whole.sites == SITES[name]
    assert torch.all((whole.images >= 0) & (whole.images <= 1))
    assert whole.masks.flatten(1).any(1).all()
    # A mask lies on its target: the image is brighter inside than outside.
    assert whole.images[whole.masks].mean() > 1.5 * whole.images[~whole.masks].mean()
    again = load(shared[name])
    assert torch.equal(whole.images, again.images)


@pytest.mark.parametrize("name", SETS)
def test_one_site_is_the_same_scans_alone(name: str, shared: dict[str, Folder]) -> None:
    whole = load(shared[name])
    for site in dict.fromkeys(SITES[name]):
        one = load(shared[name], site)
        numbers = [i for i, s in enumerate(whole.sites) if s == site]
        assert one.sites == (site,) * len(numbers)
        assert one.patients == whole.take(numbers).patients
        assert torch.equal(one.images, whole.images[numbers])
        assert torch.equal(one.masks, whole.masks[numbers])


def test_nichart_is_both_matrices(shared: dict[str, Folder]) -> None:
    both = load(shared["brain_sites"], "nichart_demo")
    assert both.sites == ("nichart_106", "nichart_88")
    assert both.patients == ("nichart_1", "nichart_2")


def test_brain_scans_of_all_orientations_show_the_same_head(shared: dict[str, Folder]) -> None:
    for name in ("brain_sites", "cc359"):
        whole = load(shared[name])
        assert whole.spacing == (12.0, 3.0, 3.0)
        first = whole.masks[0]
        for mask in whole.masks[
            1:
        ]:  # voxels are 6 mm here, the same object differs by its sampling
            assert 2 * (first & mask).sum() / (first.sum() + mask.sum()) > 0.9


def test_zones_of_the_prostate_are_joined_and_thin_slices_thinned(
    shared: dict[str, Folder],
) -> None:
    folder = shared["prostate_multi_site"]
    whole = load(folder)
    assert whole.images.shape == (7, 10, 24, 24)
    for site, pitch in (("A", 3.6), ("C", 3 * 1.25)):
        one = load(folder, site)
        assert one.spacing == pytest.approx((pitch, 8, 8), rel=1e-3)
        ball = 4 / 3 * np.pi * 25**3
        volume = float(one.masks[0].sum()) * np.prod(one.spacing)
        assert volume == pytest.approx(ball * _share(one.spacing[0]), rel=0.08)
        # Upright: the gland is in the middle of the frame, and symmetric.
        k, i, j = np.argwhere(one.masks[0].numpy()).mean(0)
        assert (k, i, j) == pytest.approx((4.5, 11.5, 11.5), abs=0.6)


def test_the_mask_does_not_decide_which_slices_of_a_prostate_are_taken(tmp_path: Path) -> None:
    """The released code of AIVA takes the slices with gland, those of the unlabelled target too."""
    folder = SETS["prostate_multi_site"](tmp_path)
    record, *_ = multi_site.SOURCE.choose(folder.root, "A")
    scan = nifti.read_scan(record.image)
    everywhere = np.ones(scan.values.shape, dtype=bool)
    corner = np.zeros_like(everywhere)
    corner[0, 0, 0] = True
    taken = [multi_site._frames(scan, mask, 24, 4)[0] for mask in (everywhere, corner)]
    np.testing.assert_array_equal(taken[0], taken[1])


def _share(pitch: float) -> float:
    """How much of the ball of 25 mm lies in the ten slices that are taken."""
    half = min(5 * pitch, 25.0)
    return (half - half**3 / (3 * 25**2)) / (25 - 25 / 3)


def test_missing_slices_are_background(tmp_path: Path) -> None:
    folder = SETS["prostate_multi_site"](tmp_path)
    found = multi_site.load(folder.root, site="F", size=24, slices=30)
    assert found.images.shape == (1, 30, 24, 24)
    assert not found.images[0, :5].any()
    assert not found.images[0, -5:].any()
    assert found.images[0, 8:22].flatten(1).any(1).all()


def test_archives_extracted_one_level_too_deep_are_found(tmp_path: Path) -> None:
    folder = SETS["cc359"](tmp_path / "flat")
    deep = tmp_path / "deep" / "CC359" / "Reconstructed"
    shutil.copytree(folder.root / "Original", deep / "Original" / "Original")
    shutil.copytree(folder.root / "STAPLE", deep / "Silver-standard-STAPLE")
    report = VOLUMES["cc359"].check(tmp_path / "deep", counts=folder.counts)
    assert report.ok, report.text()


def crop_mask(folder: Folder) -> Path:
    grid = nifti.read_grid(folder.mask)
    values = nifti.read_scan(folder.mask).values
    return store(folder.mask, values[:, :, 1:], grid.affine)


def forget_affine(folder: Folder) -> Path:
    scan = nifti.read_scan(folder.image)
    return store(folder.image, scan.values, scan.grid.affine, codes=(0, 0))


FAULTS: dict[str, tuple[Callable[[Folder], Path], str]] = {
    "no mask": (damage.remove_mask, "no mask for this image"),
    "no image": (damage.remove_image, "no image for this mask"),
    "truncated": (damage.truncate, "truncated or damaged: get it again"),
    "empty mask": (damage.empty_mask, "the mask is empty"),
    "shifted mask": (damage.shift_mask, "voxels beside"),
    "cropped mask": (crop_mask, "get both files again"),
    "image as mask": (damage.image_as_mask, "expected"),
    "NaN": (damage.break_value, "1 values are not finite"),
    "no affine": (forget_affine, "neither qform nor sform"),
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_check_finds_the_one_broken_file(name: str, fault: str, tmp_path: Path) -> None:
    folder = SETS[name](tmp_path)
    inflict, message = FAULTS[fault]
    path = inflict(folder)
    report = VOLUMES[name].check(folder.root, counts={})
    assert len(report.problems) == 1, report.text()
    assert report.problems[0].startswith(f"{path}: ")
    assert message in report.problems[0]
    with pytest.raises(DatasetError, match=message):
        load(folder)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "brain_sites",
            "nichart_demo/t1_1.nii.gz",
            "nichart_demo/scan1.nii.gz",
            "like t1_1.nii.gz",
        ),
        (
            "cc359",
            "Original/CC0301_ge_3_49_M.nii.gz",
            "Original/x.nii.gz",
            "no mask for this image",
        ),
    ],
)
def test_a_file_with_another_name_is_a_problem(
    name: str, old: str, new: str, message: str, tmp_path: Path
) -> None:
    folder = SETS[name](tmp_path)
    (folder.root / old).rename(folder.root / new)
    report = VOLUMES[name].check(folder.root, counts={}, decode=False)
    assert any(str(folder.root / new) in p and message in p for p in report.problems)


def test_a_pair_whose_names_say_no_scanner_is_a_problem(tmp_path: Path) -> None:
    folder = SETS["cc359"](tmp_path)
    for path in (folder.image, folder.mask):
        path.rename(path.with_name(path.name.replace("philips", "toshiba")))
    report = VOLUMES["cc359"].check(folder.root, counts={})
    assert len(report.problems) == 1
    assert "expected a name like CC0001_philips_15_55_M.nii.gz" in report.problems[0]


def test_an_unknown_matrix_is_a_problem(tmp_path: Path) -> None:
    folder = SETS["brain_sites"](tmp_path)
    shape = (90, 20, 20)
    path = folder.root / "nichart_demo" / "t1_1.nii.gz"
    store(path, np.random.default_rng(0).random(shape), affine_of("LPS", (2, 6, 6), shape))
    report = VOLUMES["brain_sites"].check(folder.root, counts={})
    assert report.problems == (f"{path}: 90 voxels wide, expected 106 or 88; get it again",)


@pytest.mark.parametrize(
    ("name", "gone"),
    [("brain_sites", "ixi_hh"), ("cc359", "STAPLE"), ("cc359", "Original"),
     ("prostate_multi_site", "I2CVB")],
)  # fmt: skip
def test_a_missing_folder_is_named_with_how_to_get_it(name: str, gone: str, tmp_path: Path) -> None:
    folder = SETS[name](tmp_path)
    shutil.rmtree(folder.root / gone)
    report = VOLUMES[name].check(folder.root, counts={})
    assert any(
        p.startswith(str(folder.root / gone)) and VOLUMES[name].card.how_to_get in p
        for p in report.problems
    )
    with pytest.raises(DatasetError, match=gone):
        load(folder)


@pytest.mark.parametrize("name", SETS)
def test_counts_that_differ_are_a_problem(name: str, shared: dict[str, Folder]) -> None:
    report = VOLUMES[name].check(shared[name].root, counts={"scans": 99}, decode=False)
    assert report.problems == (f"scans: expected 99, found {len(SITES[name])}",)


@pytest.mark.parametrize("name", SETS)
def test_an_unknown_site_lists_the_known_ones(name: str, shared: dict[str, Folder]) -> None:
    with pytest.raises(DatasetError, match=f"no site 'mars'; there are: .*{SITES[name][-1]}"):
        load(shared[name], "mars")


def test_a_set_is_loaded_from_below_the_variable(
    shared: dict[str, Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(shared["cc359"].root.parent))
    assert find("cc359") == shared["cc359"].root
    assert len(registry.load(VOLUMES, "cc359", site="sm3", size=32, step=16)) == 1
    with pytest.raises(DatasetError, match="unknown data set 'kermany'; there are: cc359"):
        registry.load(VOLUMES, "kermany")


def test_many_scans_show_a_progress_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = SETS["prostate_multi_site"](tmp_path)
    monkeypatch.setattr("medda_lib.datasets.volume_source.MANY", 3)
    monkeypatch.setattr("medda_lib.datasets.parallel.PATIENCE", 0)
    multi_site.load(folder.root, size=24)
    assert "reading prostate_multi_site" in capsys.readouterr().err
    multi_site.load(folder.root, size=24, progress=False)
    assert capsys.readouterr().err == ""


@pytest.fixture(scope="module")
def real() -> Path:
    try:
        return find("brain_sites")
    except DatasetError as error:
        pytest.skip(str(error))


@pytest.mark.real
def test_the_real_brain_sites_are_complete(real: Path) -> None:
    report = brain_sites_module.check(real)
    assert report.problems == ()
    assert report.found == VOLUMES["brain_sites"].card.counts


@pytest.mark.real
@pytest.mark.slow
def test_real_heads_land_where_they_should(real: Path) -> None:
    whole = brain_sites_module.load(real, size=128, step=4)
    assert whole.images.shape == (63, 24, 128, 128)
    for image, mask, patient in zip(whole.images, whole.masks, whole.patients, strict=True):
        k, i, j = np.argwhere(mask.numpy()).T
        top = 95 - 4 * int(k.max())  # slices of 1.5 mm between the grid's edge and the brain
        assert 7 <= top <= 23, patient  # 6 mm of air, then scalp, skull and fluid
        assert 60 <= j.mean() <= 67, patient
        assert 60 <= i.mean() <= 77, patient
        assert j.min() > 5, patient  # no head is cut off at the side
        assert j.max() < 122, patient
        assert image[-1].mean() < 0.3 * image[12].mean(), (
            patient
        )  # hardly any head in the top slice


@pytest.mark.real
@pytest.mark.parametrize("site", ["ixi_hh", "nichart_106", "nichart_88"])
def test_right_is_left_of_the_picture_and_the_back_is_below(real: Path, site: str) -> None:
    """The region maps know right from left and brain stem from forehead: an independent witness."""
    records = [r for r in brain_sites_module.scan(real).records if r.site == site][:2]
    for record in records:
        scan = nifti.read_scan(record.image)
        regions = nifti.Scan(scan.grid, nifti.read_scan(record.mask).values)
        target = brain_grid.place(scan).affine()
        right, left = (centre(regions, target, n) for n in (47, 48))  # hippocampi
        cerebellum, brain = centre(regions, target, 38, 39), centre(regions, target, *range(1, 208))
        assert right[2] < 63 < left[2], record.patient
        assert cerebellum[1] > brain[1] + 4, record.patient
        assert cerebellum[0] < brain[0] - 10, record.patient


def centre(regions: nifti.Scan, target: nifti.Affine, *ids: int) -> NDArray[np.float64]:
    """(slice, row, column) on the brain grid of the centroid of some regions."""
    inside = np.isin(regions.values, ids)
    mask = resample_mask(inside, regions.grid.affine, target, brain_grid.shape())
    return np.asarray(np.argwhere(mask).mean(0))
