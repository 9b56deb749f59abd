"""Folders of stimuli: names, tables, placement, and what is refused."""

import csv
from pathlib import Path

import numpy as np
import pytest
from photos import astronaut
from PIL import Image

from facerelief.errors import FacereliefError
from facerelief.faces.alignment import EYES_AT, INTER_OCULAR
from facerelief.faces.detector import FaceFinder, load_finder
from facerelief.stimuli.luminance import face_oval
from facerelief.stimuli.making import StimulusSettings, make_stimuli, stimulus_files, stimulus_sources

SIZE = 128


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return load_finder()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The astronaut, dimmed and turned, and a picture without a face."""
    folder = tmp_path_factory.mktemp("photos")
    rgb = astronaut()
    pictures = {"plain": Image.fromarray(rgb), "dim": Image.fromarray((rgb * 0.5).astype(np.uint8))}
    pictures |= {"turned": pictures["plain"].rotate(8, Image.Resampling.BICUBIC)}
    pictures |= {"wall": Image.fromarray(np.full((200, 200, 3), 90, np.uint8))}
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    return [folder / f"{name}.png" for name in pictures]


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "stimuli.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_stimuli_controls_average_and_table(photos: list[Path], tmp_path: Path, finder: FaceFinder) -> None:
    settings = StimulusSettings(size=SIZE, scrambled=True, average=True)
    notes = make_stimuli(photos, tmp_path, settings, finder)
    assert len(notes) == 1 and "wall.png: no face found" in notes[0]
    made = {path.name for path in tmp_path.glob("*.png")}
    assert made == {f"{name}{end}.png" for name in ("plain", "dim", "turned", "average") for end in ("", "-scrambled")}
    assert {path.name for path in stimulus_files(photos[:3], tmp_path, settings)} == made | {"stimuli.csv"}
    rows, mask = table(tmp_path), face_oval(SIZE)
    faces = [row for row in rows if "scrambled" not in row["kind"]]
    inside = [read(tmp_path / row["file"])[..., 0][mask] for row in faces]
    assert np.ptp([one.mean() for one in inside]) < 0.1 and np.ptp([one.std() for one in inside]) < 0.1
    assert [float(row["mean"]) for row in faces] == pytest.approx([one.mean() for one in inside], abs=1e-3)
    background = {int(level) for row in faces for level in np.unique(read(tmp_path / row["file"])[~mask])}
    assert background == {round(float(faces[0]["mean"]))}
    turned = next(row for row in rows if row["file"] == "turned.png")
    plain = next(row for row in rows if row["file"] == "plain.png")
    assert abs(float(turned["roll_degrees"]) - float(plain["roll_degrees"])) == pytest.approx(8, abs=1)
    assert float(turned["inter_ocular_px"]) == pytest.approx(float(plain["inter_ocular_px"]), rel=0.03)


def test_eyes_are_in_their_places(photos: list[Path], tmp_path: Path, finder: FaceFinder) -> None:
    make_stimuli(photos[:3], tmp_path, StimulusSettings(size=256, oval=False, colour="rgb"), finder)
    for name in ("plain", "turned"):
        points = finder(read(tmp_path / f"{name}.png"))[0].landmarks[:, :2] / 256
        left, right = points[[33, 133]].mean(axis=0), points[[362, 263]].mean(axis=0)
        assert (left + right) / 2 == pytest.approx(EYES_AT, abs=0.01)
        assert right - left == pytest.approx((INTER_OCULAR, 0), abs=0.015)


def test_exact_histograms(photos: list[Path], tmp_path: Path, finder: FaceFinder) -> None:
    make_stimuli(photos[:3], tmp_path, StimulusSettings(size=SIZE, exact=True), finder)
    mask = face_oval(SIZE)
    sorted_levels = [np.sort(read(path)[..., 0][mask]) for path in sorted(tmp_path.glob("*.png"))]
    assert len(sorted_levels) == 3 and all((one == sorted_levels[0]).all() for one in sorted_levels)


def test_no_face_in_any(photos: list[Path], tmp_path: Path, finder: FaceFinder) -> None:
    with pytest.raises(FacereliefError, match=r"none of 1 photos can be used; left out: .*no face found"):
        make_stimuli(photos[3:], tmp_path / "out", StimulusSettings(), finder)
    assert not (tmp_path / "out").exists()


def test_photos_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    both = [tmp_path / "neutral" / "002.jpg", tmp_path / "happiness" / "002.jpg", tmp_path / "003.jpg"]
    assert [name for _, name in stimulus_sources(both)] == ["neutral-002", "happiness-002", "003"]
    with pytest.raises(FacereliefError, match="two stimuli would be named"):
        stimulus_sources([both[0], tmp_path / "more" / "neutral" / "002.jpg"])
    assert len(stimulus_sources([both[0], both[0]])) == 1


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"size": 10}, "stimuli of 10 pixels; choose 64 to 2048"),
        ({"colour": "cmyk"}, "no colour 'cmyk'; choose luma or rgb"),
        ({"exact": True, "colour": "rgb"}, "histograms are exact in grey pictures only; leave out --histogram"),
    ],
)
def test_what_cannot_be(wrong: dict, line: str) -> None:
    with pytest.raises(FacereliefError, match=line):
        StimulusSettings(**wrong)
