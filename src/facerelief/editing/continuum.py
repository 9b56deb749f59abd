"""A continuum: one photo at evenly spaced strengths of an expression, each frame measured."""

import csv
import dataclasses
import io
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facerelief.array_types import RGB, Floats
from facerelief.easing import smoothstep
from facerelief.editing.edit import Edit, EditedFace, EditPlan, cautions_of, no_effect
from facerelief.editing.editor import Editor
from facerelief.editing.face_choice import FaceChoice, choose_faces, notes_on_choice, parse_face_choice
from facerelief.editing.regions import WHOLE, check_part
from facerelief.editing.strength import MAX_STRENGTH
from facerelief.editing.video.morph import fit_size
from facerelief.errors import FacereliefError
from facerelief.faces.alignment import align, inter_ocular
from facerelief.faces.detector import Face
from facerelief.files import atomic, write_text
from facerelief.geometry.morphable.measuring import Amount, Measurement, looked_at_again, measure_face
from facerelief.geometry.morphable.model import load_face
from facerelief.photos.color_modes import to_srgb
from facerelief.photos.photo import Photo, read_photo, save_photo
from facerelief.photos.provenance.xmp import mark_edit
from facerelief.progress import Progress, no_progress
from facerelief.tile_sheet import SheetStyle, draw_sheet

TIMINGS = ("linear", "sigmoid", "ease")
_STEPS = (2, 201)  # fewest and most
_STEEP = 10.0  # of the sigmoid: a tenth of the way before 0.28 of the steps
_TILE, _IN_A_ROW = 220, 6  # of the sheet: pixels, frames


@dataclass(frozen=True)
class Continuum:
    """The steps of a continuum. Raises `FacereliefError` for what is out of range.

    Attributes:
        steps: Frames, from none to all of the strength.
        strength: Of the last.
        timing: Of `TIMINGS`: evenly spaced, along a logistic curve, or slow at both ends (3 t^2 - 2 t^3).
        face: One face, as `Editor.__call__` takes it.
        part: Of the face, as `Editor.__call__` takes it.
        fps: Frames a second of a video.
        provenance: Record in the frames that they are edits.

    Example:
        >>> [round(share, 2) for share in Continuum(steps=5, timing="ease").shares()]
        [0.0, 0.16, 0.5, 0.84, 1.0]
    """

    steps: int = 11
    strength: float = 1.0
    timing: str = "linear"
    face: FaceChoice = "largest"
    part: str = WHOLE
    fps: float = 25.0
    provenance: bool = True

    def __post_init__(self) -> None:
        if not _STEPS[0] <= self.steps <= _STEPS[1]:
            raise FacereliefError(f"{self.steps} steps; choose {_STEPS[0]} to {_STEPS[1]}")
        if not 0 < self.strength <= MAX_STRENGTH:
            raise FacereliefError(f"strength {self.strength:g} is out of range; choose above 0 to {MAX_STRENGTH}")
        if self.timing not in TIMINGS:
            raise FacereliefError(f"no timing {self.timing!r}; choose from {', '.join(TIMINGS)}")
        if not 1 <= self.fps <= 60:
            raise FacereliefError(f"{self.fps:g} frames a second; choose 1 to 60")
        check_part(self.part)
        if parse_face_choice(self.face) == "all":
            raise FacereliefError("a continuum is of one face; choose it with --face 2, or leave --face out")

    def shares(self) -> list[float]:
        """The share of the strength for each frame, from 0 to 1."""
        even = np.linspace(0, 1, self.steps)
        if self.timing == "ease":
            even = smoothstep(even)
        if self.timing == "sigmoid":
            curve = np.tanh(_STEEP / 2 * (even - 0.5))
            even = (curve - curve[0]) / (curve[-1] - curve[0])
        return even.tolist()


@dataclass(frozen=True)
class ContinuumFiles:
    """The names of a continuum's files.

    Attributes:
        frames: One a step.
        sheet: All frames' faces, side by side.
        table: Strength and what was measured, a line a frame.
    """

    frames: tuple[Path, ...]
    sheet: Path
    table: Path

    @property
    def all(self) -> list[Path]:
        """Every file."""
        return [*self.frames, self.sheet, self.table]


def continuum_files(photo: Path, to: str, steps: int, folder: Path) -> ContinuumFiles:
    """Where the continuum of a photo to an expression goes; names are safe in every file system."""
    stem = f"{photo.stem}-{re.sub(r'[^A-Za-z0-9.]+', '-', to).strip('-')}"
    digits = len(str(steps - 1))
    frames = tuple(folder / f"{stem}-{step:0{digits}}.png" for step in range(steps))
    return ContinuumFiles(frames, folder / f"{stem}.jpg", folder / f"{stem}.csv")


@dataclass(frozen=True, eq=False)
class FrameMeasures:
    """What was measured of a frame.

    Attributes:
        strength: Of the edit.
        moved: (468, 2), by how much landmarks differ from those of the first frame, aligned by eyes and nose, in
            inter-ocular distances; None where no face was found.
        shown: Amounts of blendshapes, against the first frame; None where no face was found.
    """

    strength: float
    moved: Floats | None
    shown: Measurement | None

    @property
    def motion(self) -> float | None:
        """Mean length of `moved`."""
        return None if self.moved is None else float(np.linalg.norm(self.moved, axis=1).mean())

    @property
    def action_units(self) -> dict[str, Amount]:
        """By name; empty where no face was found."""
        return self.shown.action_units if self.shown else {}


def shares_of_motion(frames: Sequence[FrameMeasures]) -> list[float | None]:
    """Each frame's motion along that of the last one, as a share of it; None where no face was found.

    Example:
        >>> along, across = np.full((468, 2), (0.1, 0.0)), np.full((468, 2), (0.0, 0.1))
        >>> frames = [FrameMeasures(1, moved, None) for moved in (0 * along, along / 2 + across, along)]
        >>> shares_of_motion(frames)
        [0.0, 0.5, 1.0]
    """
    last = frames[-1].moved if frames else None
    if last is None:
        return [None] * len(frames)
    length = max(float((last**2).sum()), 1e-12)
    return [None if one.moved is None else float((one.moved * last).sum()) / length for one in frames]


def make_continuum(
    editor: Editor, photo: Photo, to: str, how: Continuum, face: Face | None = None
) -> Iterator[tuple[Edit, FrameMeasures]]:
    """Make the frames of a continuum one by one, without writing them.

    Args:
        editor: What edits the photo.
        photo: The photo.
        to: What its face is to show, as `Editor.target` takes it.
        how: The steps.
        face: That face, of those that `Editor.find` gave; by default found again.

    Returns:
        For each step the edited photo, and what is measured of it.

    Raises:
        FacereliefError: As `Editor.__call__`, at once and not at the first step.
    """
    face = face or choose_faces(editor.find(photo), parse_face_choice(how.face), photo.name)[0]
    making = _Making(editor, photo, face, editor.target(to), how)
    return (making(share * how.strength) for share in how.shares())


def write_continuum(
    editor: Editor,
    photo: Photo,
    to: str,
    how: Continuum,
    files: ContinuumFiles,
    kept: Collection[Path] = (),
    progress: Progress = no_progress,
) -> list[str]:
    """Write the frames, the sheet and the table.

    Args:
        editor: What edits the photo.
        photo: The photo.
        to: What its face is to show, as `Editor.target` takes it.
        how: The steps.
        files: Where they go.
        kept: Frames that an earlier, interrupted call wrote: they are not made again.
        progress: Called with the number of frames done, and the total.

    Returns:
        Notes, a line each.

    Raises:
        FacereliefError: As `Editor.__call__`.
    """
    faces, which = editor.find(photo), parse_face_choice(how.face)
    making = _Making(editor, photo, choose_faces(faces, which, photo.name)[0], editor.target(to), how)
    frames, tiles = list[FrameMeasures](), list[RGB]()
    for step, (share, path) in enumerate(zip(how.shares(), files.frames, strict=True)):
        progress(step, how.steps)
        if path not in kept:
            save_photo(making.edit(share * how.strength).photo, path, provenance=how.provenance)
        rgb = read_photo(path).rgb  # what is measured is what is in the file
        frames.append(making.measure(share * how.strength, rgb))
        tiles.append(align(making.face.landmarks, _TILE).cut(rgb))
    _write_sheet(tiles, frames, files.sheet)
    write_text(files.table, _table(frames, files))
    progress(how.steps, how.steps)
    notes, lost = notes_on_choice(faces, which, photo.name), sum(one.moved is None for one in frames)
    notes += [f"{photo.name}: {line}" for line in cautions_of([making.plan])]
    if lost:
        notes.append(f"{photo.name}: no face is found again in {lost} frames; their measures are empty")
    return notes


class _Making:
    def __init__(self, editor: Editor, photo: Photo, face: Face, to: str, how: Continuum) -> None:
        self._editor, self._photo, self._to, self._how = editor, photo, to, how
        self.face = face
        self.plan: EditPlan = editor.plan(photo.rgb, face, to, how.part)
        self._last = editor.render(photo.rgb, self.plan, how.strength)
        if np.array_equal(self._last, photo.rgb):
            raise FacereliefError(f"{photo.name}: {no_effect(to, how.part)}; choose another part or expression")
        self._start: Face | None = None  # where all frames are searched, so that equal ones measure the same
        self._first: Face | None = None  # as it was found in the first frame

    def __call__(self, strength: float) -> tuple[Edit, FrameMeasures]:
        """A frame, and what is measured of it."""
        edit = self.edit(strength)
        return edit, self.measure(strength, edit.photo.rgb)

    def edit(self, strength: float) -> Edit:
        """Make a frame."""
        photo = self._photo
        # No frame has a watermark: the first, which is the photo itself, would differ from all others by it.
        mark = mark_edit(None, self._to, ()) if strength else photo.mark and dataclasses.replace(photo.mark, faces=())
        last = strength == self._how.strength
        rgb = self._last if last else self._editor.render(photo.rgb, self.plan, strength)
        faces = [EditedFace(self.plan, rgb)]
        return Edit(dataclasses.replace(photo.with_rgb(rgb), mark=mark), self._to, faces)

    def measure(self, strength: float, rgb: RGB) -> FrameMeasures:
        """Measure a frame (H, W, 3) against the first one."""
        if self._start is None:
            self._start = self._editor.finder.follow(rgb, self.face) or self.face
        found = looked_at_again(self._editor.finder, rgb, self._start)
        self._first = self._first or found
        if self._first is None or found is None:
            return FrameMeasures(strength, None, None)
        moved = _in_inter_ocular(found) - _in_inter_ocular(self._first)
        return FrameMeasures(strength, moved, measure_face(load_face(), found.landmarks, self._first.landmarks))


def video_frames(files: ContinuumFiles, size: int) -> Iterator[RGB]:
    """The written frames (H, W, 3) in sRGB for a video, the longer side at most `size` pixels, with even sides."""
    for photo in map(read_photo, files.frames):
        yield fit_size(to_srgb(photo.rgb, photo.icc), size)


def _in_inter_ocular(face: Face) -> Floats:
    """Landmarks (468, 2), aligned by eyes and nose."""
    points = align(face.landmarks, 256).to_crop(face.landmarks.astype(np.float64))[:, :2]
    return points / inter_ocular(points)


def _table(frames: Sequence[FrameMeasures], files: ContinuumFiles) -> str:
    """A line a frame: file, strength, mean motion, motion along that of the last frame as a share of it, and units."""
    units = next((list(one.action_units) for one in frames if one.shown), [])
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["file", "strength", "motion", "share_of_motion", *units])
    for path, one, along in zip(files.frames, frames, shares_of_motion(frames), strict=True):
        motion = "" if one.motion is None else f"{one.motion:.5f}"
        share = "" if along is None else f"{along:.4f}"
        amounts = [f"{amount.amount:.3f}" for amount in one.action_units.values()] or [""] * len(units)
        writer.writerow([path.name, f"{one.strength:.4f}", motion, share, *amounts])
    return stream.getvalue()


def _write_sheet(tiles: Sequence[RGB], frames: Sequence[FrameMeasures], path: Path) -> None:
    rows = [tiles[start : start + _IN_A_ROW] for start in range(0, len(tiles), _IN_A_ROW)]
    ends = [(start, min(start + _IN_A_ROW, len(tiles)) - 1) for start in range(0, len(tiles), _IN_A_ROW)]
    names = [f"strength {frames[a].strength:.2f} to {frames[b].strength:.2f}" for a, b in ends]
    with atomic(path) as temporary:
        draw_sheet(rows, (), names, SheetStyle(gap=2)).save(temporary, quality=92)
