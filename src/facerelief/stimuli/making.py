"""From photos to a folder of stimuli, and the table of what was done to each."""

import csv
import dataclasses
import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facerelief.array_types import RGB, Bool, Landmarks, UInt8
from facerelief.colour import to_luma
from facerelief.data.sources.labelled import photos_under
from facerelief.errors import FacereliefError, NoFaceFound, PhotoError
from facerelief.faces.alignment import INTER_OCULAR, Crop, align_eyes
from facerelief.faces.detector import MIN_FACE_SIZE, FaceFinder
from facerelief.files import write_text
from facerelief.photos.photo import Photo, read_photo, save_photo
from facerelief.progress import NotedProgress, no_progress
from facerelief.stimuli.averaging import AverageFace
from facerelief.stimuli.luminance import (
    HistogramTarget,
    LuminanceTarget,
    face_oval,
    match_histogram,
    match_luminance,
    with_luma,
)
from facerelief.stimuli.scrambling import scramble_phase

TABLE, AVERAGE = "stimuli.csv", "average.png"
STIMULUS_SIZES = (64, 2048)  # pixels a side, smallest and largest


@dataclass(frozen=True)
class StimulusSettings:
    """What stimuli are like. Raises `FacereliefError` for what is out of range or contradicts.

    Attributes:
        size: Side in pixels.
        colour: "luma" for grey pictures, "rgb" for colour.
        oval: Whether all but the face's oval is covered by a uniform grey.
        exact: Whether all get the same histogram, not only the same mean and contrast.
        scrambled: Whether each gets a phase-scrambled control.
        average: Whether the average of all faces is made too.
        seed: Of the controls.
    """

    size: int = 512
    colour: str = "luma"
    oval: bool = True
    exact: bool = False
    scrambled: bool = False
    average: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not STIMULUS_SIZES[0] <= self.size <= STIMULUS_SIZES[1]:
            raise FacereliefError(f"stimuli of {self.size} pixels; choose {STIMULUS_SIZES[0]} to {STIMULUS_SIZES[1]}")
        if self.colour not in ("luma", "rgb"):
            raise FacereliefError(f"no colour {self.colour!r}; choose luma or rgb")
        if self.exact and self.colour == "rgb":
            raise FacereliefError("histograms are exact in grey pictures only; leave out --histogram or --colour rgb")


@dataclass(frozen=True)
class Row:
    """A line of the table. Luminance is of the pixels that the oval shows, in levels, before and after."""

    file: str
    kind: str
    source: str
    sha256: str
    edited: str
    inter_ocular_px: float
    roll_degrees: float
    mean_before: float = 0.0
    deviation_before: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0
    histogram: str = ""
    seed: int | str = ""


@dataclass(frozen=True, eq=False)
class _Aligned:
    """A photo whose face was found: its landmarks (468, 3), photo pixels."""

    photo: Path
    landmarks: Landmarks

    def crop(self, size: int) -> Crop:
        return align_eyes(self.landmarks, size)


def stimulus_sources(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """Photos, those of folders too, and the name of each one's stimulus without suffix.

    Raises:
        FacereliefError: There is none, or two stimuli would have one name.
    """
    every = [photo for path in paths for photo in (photos_under(path) if path.is_dir() else [path])]
    photos = list({os.path.realpath(photo): photo for photo in reversed(every)}.values())[::-1]  # each once
    if not photos:
        raise FacereliefError("no photos; name photos, or folders that hold some")
    stems = [photo.stem for photo in photos]
    names = [
        stem if stems.count(stem) == 1 else f"{photo.parent.name}-{stem}"
        for photo, stem in zip(photos, stems, strict=True)
    ]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FacereliefError(f"two stimuli would be named {twice}; rename a photo, or make them in two folders")
    return list(zip(photos, names, strict=True))


def stimulus_files(paths: Sequence[Path], folder: Path, settings: StimulusSettings) -> list[Path]:
    """All files that `make_stimuli` writes."""
    names = [name for _, name in stimulus_sources(paths)] + [Path(AVERAGE).stem] * settings.average
    endings = ["", "-scrambled"] if settings.scrambled else [""]
    return [*(folder / f"{name}{ending}.png" for name in names for ending in endings), folder / TABLE]


def make_stimuli(
    paths: Sequence[Path],
    folder: Path,
    settings: StimulusSettings,
    finder: FaceFinder,
    progress: NotedProgress = no_progress,
) -> list[str]:
    """Write stimuli, their controls and the table. Every photo is read twice, so that memory does not grow with them.

    Args:
        paths: Photos, or folders of them; of each photo the largest face counts.
        folder: Where to write.
        settings: What the stimuli are like.
        finder: Finds the faces.
        progress: Called with the number of photos read, the total, and the photo's name.

    Returns:
        Notes: what was left out, a line each.

    Raises:
        FacereliefError: No photo has a face, or a file cannot be written.

    Example:
        >>> from PIL import Image
        >>> from facerelief.faces.detector import Face
        >>> from facerelief.geometry.morphable import load_face, random_person, random_setting, render_portrait
        >>> model, random = load_face(), np.random.default_rng(0)
        >>> setting = random_setting(random)
        >>> rgb, landmarks = render_portrait(model, random_person(model, random), "neutral", setting, 128)
        >>> Image.fromarray(rgb).save("me.png")
        >>> settings = StimulusSettings(size=64, scrambled=True)
        >>> make_stimuli([Path("me.png")], Path("stimuli"), settings, lambda rgb: [Face(landmarks)])
        []
        >>> [path.name for path in stimulus_files([Path("me.png")], Path("stimuli"), settings)]
        ['me.png', 'me-scrambled.png', 'stimuli.csv']
    """
    making = _Making(folder, settings)
    sources, notes = stimulus_sources(paths), []
    found: list[tuple[_Aligned, str]] = []
    for done, (path, name) in enumerate(sources):
        progress(done, 2 * len(sources), path.name)
        try:
            one = making.look_at(path, finder)
        except (NoFaceFound, PhotoError) as reason:
            notes.append(f"left out: {reason}")
            continue
        found.append((one, name))
    if not found:
        raise FacereliefError(f"none of {len(sources)} photos can be used; {notes[0]}")
    average = making.average([one for one, _ in found]) if settings.average else None
    for done, (one, name) in enumerate(found):
        progress(len(sources) + done, 2 * len(sources), one.photo.name)
        making.write(one, name, average)
    if average is not None:
        making.write_average(average, [one for one, _ in found])
    write_text(folder / TABLE, _table(making.rows))
    progress(2 * len(sources), 2 * len(sources))
    return notes


class _Making:
    def __init__(self, folder: Path, settings: StimulusSettings) -> None:
        self._folder, self._settings = folder, settings
        whole = np.ones((settings.size,) * 2, dtype=bool)
        self._mask: Bool = face_oval(settings.size) if settings.oval else whole
        self._luminance, self._histogram = LuminanceTarget(), HistogramTarget()
        self.rows: list[Row] = []

    def look_at(self, path: Path, finder: FaceFinder) -> _Aligned:
        """Find a photo's face, and count its luminance. Raises `NoFaceFound`."""
        photo = read_photo(path)
        faces = finder(photo.rgb)
        if not faces:
            raise NoFaceFound(f"{path}: no face found")
        if faces[0].size < MIN_FACE_SIZE:  # as of `edit`: more pixels would be made up
            raise NoFaceFound(f"{path}: the face is {faces[0].size:.0f} pixels large, {MIN_FACE_SIZE:.0f} are needed")
        one = _Aligned(path, faces[0].landmarks)
        levels = to_luma(one.crop(self._settings.size).cut(photo.rgb))[self._mask]
        self._luminance.add(levels)
        if self._settings.exact:
            self._histogram.add(levels)
        return one

    def average(self, faces: Sequence[_Aligned]) -> AverageFace:
        """An empty average of these faces."""
        size = self._settings.size
        return AverageFace([one.crop(size).to_crop(one.landmarks) for one in faces], size)

    def write(self, one: _Aligned, name: str, average: AverageFace | None) -> None:
        """Write one photo's stimulus, and add its face to the average."""
        photo, crop = read_photo(one.photo), one.crop(self._settings.size)
        rgb = crop.cut(photo.rgb)
        if average is not None:
            average.add(rgb, crop.to_crop(one.landmarks))
        right, down = crop.inverse[:, 0]
        placed = round(INTER_OCULAR * crop.size / crop.scale, 2), round(math.degrees(math.atan2(down, right)), 3)
        mark = photo.mark and dataclasses.replace(photo.mark, faces=())
        edited = mark.description if mark else ""
        source = Row(f"{name}.png", "face", str(one.photo), photo.digest, edited, *placed)
        self._write(rgb, source, Photo(rgb, name=name, mark=mark))

    def write_average(self, average: AverageFace, faces: Sequence[_Aligned]) -> None:
        """Write the average, which is treated as a photo's crop."""
        placed = round(INTER_OCULAR * self._settings.size, 2), 0.0
        source = Row(AVERAGE, "average", f"{len(faces)} faces", "", "", *placed)
        self._write(average.picture, source, Photo(average.picture, name=AVERAGE))

    def _write(self, rgb: RGB, row: Row, photo: Photo) -> None:
        """Write a crop (S, S, 3) as a stimulus, its control, and their rows of the table."""
        settings, mask = self._settings, self._mask
        before = to_luma(rgb)
        mean, deviation = self._luminance.mean, self._luminance.deviation
        if settings.exact:
            luma = match_histogram(before, mask, self._histogram.levels)
        else:
            luma = match_luminance(before, mask, mean, deviation)
        made = with_luma(rgb, luma) if settings.colour == "rgb" else luma
        made = np.where(mask if made.ndim == 2 else mask[..., None], made, np.uint8(round(mean)))
        row = dataclasses.replace(
            row,
            mean_before=_round(before[mask].mean()),
            deviation_before=_round(before[mask].std()),
            histogram="exact" if settings.exact else "mean and deviation",
        )
        self._save(made, row, photo, mask)
        if settings.scrambled:
            seed = settings.seed + len(self.rows)
            stem = Path(row.file).stem
            control = dataclasses.replace(row, file=f"{stem}-scrambled.png", kind=f"{row.kind}, scrambled", seed=seed)
            self._save(scramble_phase(made, seed), control, photo, np.ones_like(mask))

    def _save(self, picture: UInt8, row: Row, photo: Photo, mask: Bool) -> None:
        rgb = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
        save_photo(Photo(rgb, name=photo.name, mark=photo.mark), self._folder / row.file)
        luma = to_luma(rgb)[mask]
        self.rows.append(dataclasses.replace(row, mean=_round(luma.mean()), deviation=_round(luma.std())))


def _round(value: float) -> float:
    return round(float(value), 3)


def _table(rows: Sequence[Row]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [one.name for one in dataclasses.fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(dataclasses.asdict, rows))
    return stream.getvalue()
