"""Sets of hippocampi in their layouts, broken in each way, and the real Decathlon."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from medda_lib.datasets import nifti
from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.hippocampus import crops, decathlon
from medda_lib.datasets.hippocampus.source import stored_type
from medda_lib.datasets.registry import HIPPOCAMPI, find, load
from tests.datasets import damage, hippocampi
from tests.datasets.hippocampi import SETS, listing
from tests.datasets.scans import Folder, Points, affine_of, moved, sampled, scan_of


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Folder]:
    """Every tiny set, written once; tests must not change them."""
    base = tmp_path_factory.mktemp("hippocampi")
    return {name: make(base / name) for name, make in SETS.items()}


# --- the grid ---


def _ball(x: Points, y: Points, z: Points) -> NDArray[np.bool_]:
    return np.asarray(x**2 + y**2 + z**2 < 8**2)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SAL", "ILP"])
@pytest.mark.parametrize("spacing", [1.0, 1.5, 3.0])
def test_a_point_lands_where_its_millimetres_say(codes: str, spacing: float) -> None:
    """A ball 6 mm right, 9 in front and 3 above the crop's middle."""
    shape, centre = (40, 42, 44), (30.0, -12.0, 50.0)
    affine = affine_of(codes, (1, 1, 1), shape, centre)

    ball = moved(_ball, (6, 9, 3))
    scan = scan_of(moved(ball, centre), affine, shape)
    image, mask = crops.on_grid(scan, scan.values > 0.5, spacing)
    assert image.shape == mask.shape == tuple(int(side / spacing) for side in (48, 60, 48))
    for values in (image, mask):
        k, i, j = np.average(np.indices(mask.shape).reshape(3, -1), 1, values.ravel())
        middle = (np.array(mask.shape) - 1) / 2
        away = (np.array((k, i, j)) - middle) * spacing
        # slices go up, rows to the back, columns to the patient's left; half a voxel for the fit
        assert away == pytest.approx([3, -9, -6], abs=0.3 if spacing < 3 else 0.51)


def test_equal_voxels_are_copied_exactly_whatever_the_size_of_the_crop() -> None:
    chance = np.random.default_rng(0)
    for shape in ((35, 51, 35), (34, 50, 36)):
        affine = affine_of("RAS", (1, 1, 1), shape, (3, 1, 2))
        values = chance.random(shape).astype(np.float32)
        mask = chance.random(shape) > 0.5
        scan = nifti.Scan(nifti.Grid(Path("made.nii.gz"), shape, affine), values)
        image, placed = crops.on_grid(scan, mask, 1.0)
        assert placed.sum() == mask.sum()
        expected = crops.rescaled(values, scan.grid)[::-1, ::-1].transpose(2, 1, 0)
        d, h, w = expected.shape
        k, i, j = ((n - m) // 2 for n, m in zip(image.shape, (d, h, w), strict=True))
        found = [
            np.allclose(image[a : a + d, b : b + h, c : c + w], expected)
            for a in (k, k + 1) for b in (i, i + 1) for c in (j, j + 1)
        ]  # fmt: skip
        assert sum(found) == 1
        assert image.sum() == pytest.approx(expected.sum(), rel=1e-5)  # 0 outside of the crop


def test_coarse_voxels_are_averages() -> None:
    """A checkerboard of 1 mm is grey on voxels of 3 mm, not black or white."""
    shape = (36, 36, 36)
    board = (np.indices(shape).sum(0) % 2).astype(np.float32)
    scan = nifti.Scan(
        nifti.Grid(Path("x.nii.gz"), shape, affine_of("RAS", (1, 1, 1), shape)), board
    )
    image, _ = crops.on_grid(scan, board > 0, 3.0)
    assert np.abs(image[3:-3, 5:-5, 3:-3] - 0.5).max() < 0.05


def test_percentiles_of_the_crop_become_0_and_1() -> None:
    values = np.random.default_rng(1).gamma(2, 500, (20, 20, 20)).astype(np.float32)
    grid = nifti.Grid(Path("x.nii.gz"), (20, 20, 20), affine_of("RAS", (1, 1, 1), (20, 20, 20)))
    found = crops.rescaled(values, grid)
    assert (found == 0).mean() == pytest.approx(0.01, abs=2e-3)
    assert (found == 1).mean() == pytest.approx(0.01, abs=2e-3)
    assert crops.rescaled(values * 1e3 + 7, grid) == pytest.approx(found, abs=1e-4)
    with pytest.raises(DatasetError, match=r"x\.nii\.gz: 98 % of the crop has one value"):
        crops.rescaled(np.zeros_like(values), grid)


@pytest.mark.parametrize("spacing", [0.0, -1.0, 0.7, 5.0])
def test_a_spacing_that_does_not_divide_the_field_is_refused(spacing: float) -> None:
    with pytest.raises(DatasetError, match="spacing"):
        crops.grid_shape(spacing)


@pytest.mark.parametrize("codes", ["RAS", "ASL"])
def test_a_box_is_cut_around_the_label(codes: str) -> None:
    shape = (90, 95, 100)
    affine = affine_of(codes, (1, 1, 1), shape, (4, 5, 6))
    field = moved(hippocampi.hippocampus, (20, -10, 3))
    whole = scan_of(lambda x, y, z: x + 200 * y + 1000 * z, affine, shape)
    part, mask = crops.cut_out(whole, sampled(field, affine, shape) > 0.5)
    inside = np.argwhere(mask)
    size = np.array(mask.shape)
    assert inside.min(0) + inside.max(0) == pytest.approx(size - 1, abs=1)
    x, y, z = np.abs(part.grid.affine[:3, :3]) @ size
    assert (z, y, x) == crops.BOX
    # Each voxel still knows where it is.
    again = sampled(lambda x, y, z: x + 200 * y + 1000 * z, part.grid.affine, mask.shape)
    assert np.allclose(part.values, again, atol=0.1)
    with pytest.raises(DatasetError, match="one side only"):
        crops.cut_out(whole, sampled(field, affine, shape) > -1)


# --- the sets ---


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("decode", [True, False])
def test_a_whole_folder_passes_its_check(
    name: str, decode: bool, shared: dict[str, Folder]
) -> None:
    folder = shared[name]
    report = HIPPOCAMPI[name].check(folder.root, counts=folder.counts, decode=decode)
    assert report.problems == ()
    assert report.found == folder.counts


@pytest.mark.parametrize("name", ["harp", "dryad"])
def test_numbers_are_compared_with_the_card(name: str, shared: dict[str, Folder]) -> None:
    report = HIPPOCAMPI[name].check(shared[name].root, decode=False)
    people = HIPPOCAMPI[name].card.counts["people"]
    assert any(p.startswith(f"people: expected {people}") for p in report.problems)


@pytest.mark.parametrize("name", SETS)
def test_loading_gives_the_same_object_in_every_scan(name: str, shared: dict[str, Folder]) -> None:
    found = HIPPOCAMPI[name].load(shared[name].root, spacing=1.5)
    n = shared[name].counts["scans"]
    assert found.images.shape == found.masks.shape == (n, 32, 40, 32)
    assert found.spacing == (1.5, 1.5, 1.5)
    assert len(set(found.patients)) == n
    assert len(set(found.people)) == shared[name].counts.get("people", n)
    for image, mask in zip(found.images, found.masks, strict=True):
        assert float(mask.sum()) * 1.5**3 == pytest.approx(hippocampi.volume(), rel=0.08)
        k, i, j = np.argwhere(mask.numpy()).mean(0)
        assert (k, i, j) == pytest.approx((15.5, 19.5, 15.5), abs=1.0)  # 1.5 mm; stored voxels: 2
        assert image[mask].mean() > 2 * image[~mask & (image > 0)].mean()
    alone = found.take([1])
    assert (alone.patients, alone.people) == (found.patients[1:2], found.people[1:2])
    assert alone.regimes == found.regimes[1:2]


def test_regimes_are_told_per_scan(shared: dict[str, Folder]) -> None:
    found = HIPPOCAMPI["decathlon"].load(shared["decathlon"].root, spacing=3.0)
    assert found.regimes == ("uint8", "float32", "float32", "float32")
    # Different units, the same tissue: rescaling leaves no trace of the regime.
    levels = [float(i[m].mean()) for i, m in zip(found.images, found.masks, strict=True)]
    assert max(levels) - min(levels) < 0.1


def test_both_sides_are_one_person(shared: dict[str, Folder]) -> None:
    found = HIPPOCAMPI["harp"].load(shared["harp"].root, spacing=3.0)
    assert found.patients[:2] == ("ADNI_002_S_0295_13722_L", "ADNI_002_S_0295_13722_R")
    assert found.people[:2] == ("ADNI_002_S_0295",) * 2
    second = HIPPOCAMPI["harp"].load(shared["harp"].root, spacing=3.0, site="part_35")
    assert second.people == ("ADNI_007_S_0068",) * 2
    with pytest.raises(DatasetError, match="no site 'x'; there are: part_100, part_35"):
        HIPPOCAMPI["harp"].load(shared["harp"].root, site="x")


def test_two_numbers_of_the_decathlon_are_one_person(shared: dict[str, Folder]) -> None:
    found = HIPPOCAMPI["decathlon"].load(shared["decathlon"].root, spacing=3.0)
    assert found.people == ("person_001", "person_001", "person_002", "person_002")
    assert decathlon.person_of("hippocampus_394") == decathlon.person_of("hippocampus_393")
    assert decathlon.person_of("hippocampus_394") != decathlon.person_of("hippocampus_395")
    assert decathlon.person_of("prostate_02") == "prostate_02"


def test_one_label_of_the_decathlon(shared: dict[str, Folder]) -> None:
    root = shared["decathlon"].root
    whole = decathlon.load(root).masks
    front, back = (decathlon.load(root, labels=(k,)).masks for k in (1, 2))
    assert torch.equal(front | back, whole)
    assert not (front & back).any()
    rows = torch.arange(60)[None, None, :, None]
    assert (front * rows).sum() / front.sum() < (back * rows).sum() / back.sum()
    with pytest.raises(DatasetError, match=r"labels: \(3,\); hippocampus has 1 \(Anterior\), 2"):
        decathlon.load(root, labels=(3,))


# --- what can be wrong ---


FAULTS: dict[str, tuple[Callable[[Folder], Path], str]] = {
    "no mask": (damage.remove_mask, "missing|no label|no image"),
    "no image": (damage.remove_image, "missing|no label|no image"),
    "truncated": (damage.truncate, "truncated or damaged"),
    "empty mask": (damage.empty_mask, "every voxel is|the mask is empty"),
    "shifted mask": (damage.shift_mask, "voxels beside"),
    "image as mask": (damage.image_as_mask, "expected"),
    "NaN": (damage.break_value, "not finite"),
}
HALF_A_PAIR = {"no mask", "no image"}  # where a report may name either file


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_check_finds_the_broken_file(name: str, fault: str, tmp_path: Path) -> None:
    folder = SETS[name](tmp_path)
    inflict, message = FAULTS[fault]
    path = inflict(folder)
    report = HIPPOCAMPI[name].check(folder.root, counts={})
    assert report.problems
    with pytest.raises(DatasetError, match=message):
        HIPPOCAMPI[name].load(folder.root, spacing=3.0)
    if fault in HALF_A_PAIR:
        assert any(
            str(folder.image) in problem or str(folder.mask) in problem
            for problem in report.problems
        )
    else:
        assert all(str(path) in problem for problem in report.problems)


def test_a_listed_pair_that_is_not_here_is_a_warning(tmp_path: Path) -> None:
    """A part of the set can be used; half a pair is a damaged copy."""
    folder = SETS["decathlon"](tmp_path)
    folder.image.unlink()
    folder.mask.unlink()
    report = HIPPOCAMPI["decathlon"].check(folder.root)
    assert report.ok
    assert report.found == {"scans": 3, "people": 2}
    assert report.warnings[0].startswith(str(folder.image))
    assert "neither image nor labels are here" in report.warnings[0]
    assert report.warnings[1:] == ("3 scans are here, 260 were published",)
    assert len(HIPPOCAMPI["decathlon"].load(folder.root, spacing=3.0)) == 3
    for path in (folder.root / "imagesTr", folder.root / "labelsTr"):
        shutil.rmtree(path)
    assert "no listed pair is here" in HIPPOCAMPI["decathlon"].check(folder.root).problems[0]


def test_files_of_macos_are_not_scans(shared: dict[str, Folder]) -> None:
    found = decathlon.scan(shared["decathlon"].root)
    assert not any(record.scan.startswith("._") for record in found.records)
    assert found.warnings == found.problems == ()


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "x"}', '{"training": [{"image": "a"}]}'])
def test_a_broken_listing_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"dataset\.json: not a Decathlon listing"):
        decathlon.load(tmp_path)
    (tmp_path / "dataset.json").unlink()
    report = decathlon.check(tmp_path)
    assert "dataset.json: the file is missing" in report.problems[0]


def test_another_task_with_several_channels(tmp_path: Path) -> None:
    """As the Decathlon's prostate: T2 and ADC in the last axis, thicker slices."""
    shape, chance = (20, 20, 8), np.random.default_rng(0)
    affine = affine_of("RAS", (2, 2, 3), shape)
    inside = sampled(_ball, affine, shape)
    channels = np.stack(
        [inside * 5 + chance.random(shape), 9 - inside * 5 + chance.random(shape)], -1
    )
    for folder, values, kind in (
        ("imagesTr", channels, np.float32),
        ("labelsTr", inside, np.uint8),
    ):
        (tmp_path / folder).mkdir()
        nib.save(nib.Nifti1Image(values.astype(kind), affine), tmp_path / folder / "a.nii.gz")
    pair = {"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}
    listing(tmp_path, [pair], ("T2", "ADC"))
    with pytest.raises(DatasetError, match=r"channel: .* choose one of 0 \(T2\), 1 \(ADC\)"):
        decathlon.load(tmp_path)
    with pytest.raises(DatasetError, match="channel: hippocampus has no 'DWI'"):
        decathlon.load(tmp_path, channel="DWI")
    field = (24.0, 42.0, 42.0)
    t2, adc = (decathlon.load(tmp_path, channel=c, field=field, spacing=2.0) for c in ("T2", 1))
    assert t2.images.shape == (1, 12, 21, 21)
    assert t2.images[t2.masks].mean() > 0.7
    assert adc.images[adc.masks].mean() < 0.3
    assert torch.equal(t2.masks, adc.masks)
    listing(tmp_path, [pair])  # a listing that says one channel, where the file has two
    with pytest.raises(DatasetError, match=r"a\.nii\.gz: 2 channels; .* argument `channel`"):
        decathlon.load(tmp_path, field=field)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("harp", "35", "x", "the folder is missing"),
        (
            "harp",
            "100/ADNI_002_S_0295_13722_conv.nii.gz",
            "100/head.nii.gz",
            "expected a name like",
        ),
        ("harp", "Labels_35_NIFTI/ADNI_007_S_0068_7_R.nii", "Labels_35_NIFTI/z.nii", "no label"),
        ("dryad", "s02/s02_t1w_standard_defaced_MNI.nii.gz", "s02/x.nii.gz", "file is missing"),
    ],
)
def test_another_name_is_a_problem(
    name: str, old: str, new: str, message: str, tmp_path: Path
) -> None:
    folder = SETS[name](tmp_path)
    (folder.root / old).rename(folder.root / new)
    report = HIPPOCAMPI[name].check(folder.root, counts={}, decode=False)
    assert any(message in problem for problem in report.problems)


def test_minc_images_have_to_be_converted(tmp_path: Path) -> None:
    folder = SETS["harp"](tmp_path)
    for path in (folder.root / "35").iterdir():
        path.rename(path.with_name("ADNI_007_S_0068_7.mnc"))
    report = HIPPOCAMPI["harp"].check(folder.root, counts={}, decode=False)
    assert any("convert them to NIfTI" in problem for problem in report.problems)


def test_a_set_is_loaded_from_below_the_variable(
    shared: dict[str, Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(shared["dryad"].root.parent))
    assert find("dryad") == shared["dryad"].root
    assert len(load(HIPPOCAMPI, "dryad", spacing=3.0)) == 4


# --- the real set ---


@pytest.fixture(scope="module")
def real() -> Path:
    try:
        return find("decathlon")
    except DatasetError as error:
        pytest.skip(str(error))


@pytest.mark.real
def test_the_real_decathlon_is_complete(real: Path) -> None:
    report = decathlon.check(real)
    assert report.problems == report.warnings == ()
    assert report.found == HIPPOCAMPI["decathlon"].card.counts


@pytest.mark.real
def test_real_hippocampi_keep_their_volumes_and_regimes(real: Path) -> None:
    found = decathlon.load(real, spacing=1.0)
    labels = [nifti.read_scan(pair[1]).values for pair in decathlon.read_listing(real).pairs]
    raw = np.array([(values > 0).sum() for values in labels])
    assert found.masks.flatten(1).sum(1).numpy().tolist() == raw.tolist()  # mm3, at 1 mm
    assert {r: found.regimes.count(r) for r in set(found.regimes)} == {"uint8": 55, "float32": 205}
    centre = torch.stack([m.nonzero().float().mean(0) for m in found.masks])
    middle = (torch.tensor(found.masks.shape[1:]) - 1) / 2
    assert (centre - middle).abs().max() < 6  # mm
    listed = json.loads((real / "dataset.json").read_text(encoding="utf-8"))
    assert len(found) == len(listed["training"])


@pytest.mark.real
def test_numbers_tell_the_two_scans_of_a_person(real: Path) -> None:
    """Pairs (2 k - 1, 2 k) agree in volume, brightness and regime; pairs (2 k, 2 k + 1) do not."""
    records = {int(r.scan.split("_")[1]): r for r in decathlon.scan(real).records}
    size = {k: np.log(nifti.read_mask(r.mask, nifti.read_grid(r.image), "labels").sum())
            for k, r in records.items()}  # fmt: skip
    level = {k: np.log(1 + np.median(nifti.read_scan(r.image).values)) for k, r in records.items()}
    regime = {k: stored_type(r.image) for k, r in records.items()}
    same, other = (
        [(k, k + 1) for k in records if k % 2 == odd and k + 1 in records] for odd in (1, 0)
    )
    assert len(same) > 80
    assert len(other) > 80
    agree = [np.corrcoef([(size[a], size[b]) for a, b in pairs], rowvar=False)[0, 1]
             for pairs in (same, other)]  # fmt: skip
    assert agree[0] > 0.8
    assert abs(agree[1]) < 0.3
    apart = [np.median([abs(level[a] - level[b]) for a, b in pairs]) for pairs in (same, other)]
    assert apart[0] < 0.3 * apart[1]
    assert all(regime[a] == regime[b] for a, b in same)
    assert not all(regime[a] == regime[b] for a, b in other)
