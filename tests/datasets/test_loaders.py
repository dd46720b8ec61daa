"""Every data set, tiny and real: the same promises."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.chest_xray import jsrt, lung_xray_b
from medda_lib.datasets.chest_xray.xrays import ChestXrays
from medda_lib.datasets.registry import CHEST_XRAYS, find
from tests.datasets.layouts import Place, picture, save

SIZE = 32
SPLITS = {
    "kermany": {
        "official": {"train", "validation", "test"},
        "official_disjoint": {"train", "validation", "test"},
    },
    "jsrt": {"paper": {"train", "validation", "test"}, "folds": {"fold1", "fold2"}},
    "montgomery": {"paper": {"train", "validation", "test"}, "test": {"test"}},
    "nih_chestxray14": {"paper": {"test"}, "official": {"train_val", "test"}},
    "lung_xray_a": {"test": {"test"}},
    "lung_xray_b": {"test": {"test"}},
    "nih_chestxray14_subset": {"test": {"test"}},
}

PAIRS = {  # the second name of an image that a real set holds twice
    "lung_xray_a": "201-210-500-500-100.jpg",
    "nih_chestxray14_subset": "00002658_002.png",
}


def load(place: Place, **options: object) -> ChestXrays:
    return CHEST_XRAYS[place.name].load(place.root, size=SIZE, **{**place.load, **options})


@pytest.fixture(scope="module")
def whole(place: Place) -> ChestXrays:
    return load(place)


def test_check_finds_everything(place: Place) -> None:
    report = CHEST_XRAYS[place.name].check(place.root, counts=place.counts, **place.check)
    assert report.problems == ()
    assert report.ok
    assert report.found == place.counts
    if place.real and place.name in PAIRS:
        assert [w.split(": ")[0].rsplit("/")[-1] for w in report.warnings] == [PAIRS[place.name]]


def test_images_are_as_the_contract_says(place: Place, whole: ChestXrays) -> None:
    n = len(whole)
    assert whole.images.shape == (n, 1, SIZE, SIZE)
    assert whole.images.dtype == torch.float32
    assert 0 <= whole.images.min() < whole.images.max() <= 1
    assert len(whole.patients) == len(whole.names) == n
    assert len(set(whole.names)) == n


def test_truth_is_as_the_card_says(place: Place, whole: ChestXrays) -> None:
    card = CHEST_XRAYS[place.name].card
    assert whole.rule == card.label_rule
    assert (whole.masks is not None) == bool(card.label_rule)
    assert (whole.labels is not None) == ("pneumonia" in card.counts)
    if whole.masks is not None:
        assert whole.masks.dtype == torch.bool
        assert whole.masks.shape == whole.images.shape
        share = whole.masks.float().mean((1, 2, 3))
        assert ((share > 0.05) & (share < 0.8)).all()
    if whole.labels is not None:
        assert whole.labels.dtype == torch.int64
        assert set(whole.labels.tolist()) == {0, 1}


def test_lungs_are_dark(place: Place, whole: ChestXrays) -> None:
    """Inside the masks it is darker than between and around the lungs, in the masks' bounding box."""
    if whole.masks is None:
        assert not whole.rule
        return
    darker = []
    for image, mask in zip(whole.images[:, 0], whole.masks[:, 0], strict=True):
        rows, columns = mask.any(1).nonzero().squeeze(1), mask.any(0).nonzero().squeeze(1)
        box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        darker.append(bool(image[box][mask[box]].mean() < image[box][~mask[box]].mean()))
    # Masks of lungs and heart leave little bright tissue in the box, and COVID makes lungs bright.
    needed = 0.6 if place.real and whole.rule == "lungs_and_heart" else 0.95
    assert sum(darker) / len(darker) >= needed


def test_split_schemes(place: Place, whole: ChestXrays) -> None:
    """Each scheme of the card loads; its parts are disjoint and, but for one, share no patient."""
    schemes = CHEST_XRAYS[place.name].card.splits
    assert set(schemes) == {*SPLITS[place.name], "patient"}
    for scheme in schemes:
        parts = SPLITS[place.name].get(scheme, {"train", "validation", "test"})
        loaded = {part: load(place, scheme=scheme, split=part) for part in parts}
        names = [name for part in loaded.values() for name in part.names]
        assert len(set(names)) == len(names)
        assert set(names) <= set(whole.names)
        if scheme != "official_disjoint":
            assert len(names) == len(whole)
        if (place.name, scheme) != ("kermany", "official"):
            owners = [set(part.patients) for part in loaded.values()]
            assert sum(map(len, owners)) == len(set().union(*owners))


def test_a_split_is_the_same_images_as_in_the_whole(place: Place, whole: ChestXrays) -> None:
    part = load(place, scheme="patient", split="test", seed=3)
    again = load(place, scheme="patient", split="test", seed=3)
    others = {load(place, scheme="patient", split="test", seed=s).names for s in (4, 5, 6)}
    assert part.names == again.names
    assert others != {part.names}
    rows = [whole.names.index(name) for name in part.names]
    assert rows == sorted(rows)
    torch.testing.assert_close(part.images, whole.images[rows], rtol=0, atol=0)
    for mine, theirs in ((part.labels, whole.labels), (part.masks, whole.masks)):
        assert (mine is None) == (theirs is None)
        if mine is not None and theirs is not None:
            assert torch.equal(mine, theirs[rows])


# --- what is special in one data set ----------------------------------------------------------


def test_kermany_labels_patients_and_overlap(tiny_places: dict[str, Place]) -> None:
    place = tiny_places["kermany"]
    whole = load(place)
    of = dict(zip(whole.names, whole.patients, strict=True))
    assert of["person1_bacteria_1"] == of["person1_virus_2"] == "person1"
    assert of["IM-0115-0001"] == of["IM-0115-0002"] == "IM-0115"
    assert of["NORMAL2-IM-0052-0001-0002"] == "NORMAL2-IM-0052"
    assert whole.labels is not None
    expected = [int(name.startswith("person")) for name in whole.names]
    assert whole.labels.tolist() == expected
    report = CHEST_XRAYS["kermany"].check(place.root, counts=place.counts)
    assert report.ok
    assert "person3" in report.warnings[0]
    assert "person3" in load(place, split="train").patients
    assert "person3" not in load(place, scheme="official_disjoint", split="train").patients
    assert "person3" in load(place, scheme="official_disjoint", split="test").patients


def test_kermany_original_release_names(tmp_path: Path) -> None:
    names = {"NORMAL": "NORMAL-28501-0001", "PNEUMONIA": "BACTERIA-7422-0001"}
    for part in ("train", "test"):
        for label, name in names.items():
            save(tmp_path / part / label / f"{name}.jpeg", picture(40, 40, 0))
    whole = CHEST_XRAYS["kermany"].load(tmp_path, size=8)
    assert set(whole.patients) == {"28501", "7422"}


def test_jsrt_is_inverted_and_its_heart_is_optional(tiny_places: dict[str, Place]) -> None:
    place = tiny_places["jsrt"]
    raw = jsrt.RawForm(64).read(place.root / "All247images" / "JPCLN001.IMG", 64)
    assert raw[32, 18] < 0.4 < raw[32, 32]  # lung, then mediastinum
    lungs, both = load(place), load(place, rule="lungs_and_heart")
    assert lungs.masks is not None
    assert both.masks is not None
    assert (both.rule, lungs.rule) == ("lungs_and_heart", "lungs")
    assert (both.masks | lungs.masks).equal(both.masks)
    assert both.masks[:, :, 20, 16].all()
    assert not lungs.masks[:, :, 20, 16].any()


def test_jsrt_paper_split_tests_on_the_second_fold(tiny_places: dict[str, Place]) -> None:
    place = tiny_places["jsrt"]
    test = load(place, scheme="paper", split="test")
    assert test.names == load(place, scheme="folds", split="fold2").names
    assert all(int(name[5:]) % 2 == 0 for name in test.names)
    # 111 and 13 of 124, scaled to the 12 images here
    assert len(load(place, scheme="paper", split="train")) == 11
    assert len(load(place, scheme="paper", split="validation")) == 1


def test_montgomery_unites_both_lungs(tiny_places: dict[str, Place]) -> None:
    whole = load(tiny_places["montgomery"])
    assert whole.masks is not None
    assert whole.masks[..., 16, 9].all()
    assert whole.masks[..., 16, 22].all()
    assert whole.images.mean() > 0.4  # 12-bit values are scaled by 4095, not by 65535


def test_nih_selects_pneumonia_among_findings_and_draws_normals(
    tiny_places: dict[str, Place],
) -> None:
    place = tiny_places["nih_chestxray14"]
    some, every = load(place), load(place, normals=None)
    assert some.labels is not None
    assert every.labels is not None
    assert (int((some.labels == 0).sum()), int(some.labels.sum())) == (4, 12)
    assert (int((every.labels == 0).sum()), int(every.labels.sum())) == (6, 12)
    assert set(some.names) < set(every.names)
    assert "00000001_001" in some.names  # Infiltration|Pneumonia
    assert "00000003_000" not in every.names  # Cardiomegaly


def test_lung_xray_b_groups_a_case() -> None:
    days = ("admission", "3-days")
    assert (
        len({lung_xray_b.source(f"covid-19-pneumonia-rapidly-progressive-{d}") for d in days}) == 1
    )
    assert lung_xray_b.source("covid-19-pneumonia-12") != lung_xray_b.source(
        "covid-19-pneumonia-28"
    )


def test_the_real_subset_has_patients_in_both_classes() -> None:
    """The number that the card states: 21."""
    try:
        root = find("nih_chestxray14_subset")
    except DatasetError:
        pytest.skip("the real NIH subset is not below MEDDA_DATA")
    whole = CHEST_XRAYS["nih_chestxray14_subset"].load(root, size=8, scheme="test")
    assert whole.labels is not None
    pairs = set(zip(whole.patients, whole.labels.tolist(), strict=True))
    assert len(pairs) - len(set(whole.patients)) == 21
