"""Which of the labelled photos are measured, and which other photos show the same people."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from facerelief.array_types import Landmarks
from facerelief.data.dataset import SPLITS
from facerelief.data.sources.labelled import Labelled, first_few, fixed_draw, splits_by_person
from facerelief.editing.face_choice import choose_faces
from facerelief.errors import FacereliefError, NoFaceFound, PhotoError
from facerelief.faces.detector import FaceFinder
from facerelief.faces.pose import head_pose
from facerelief.photos.photo import read_photo
from facerelief.progress import Progress, no_progress


@dataclass(frozen=True)
class Selection:
    """Which photos are measured.

    Attributes:
        split: "train", "val", "test" of people, or "all".
        seed: Of the split, as of `dataset build`.
        people: Names of identities; by default all.
        photos: So many photos, a fixed random subset; by default all.
        max_yaw: Largest turn of the head, degrees.
        min_face_size: Smallest face, pixels.
    """

    split: str = "all"
    seed: int = 0
    people: tuple[str, ...] = ()
    photos: int | None = None
    max_yaw: float = 30.0
    min_face_size: float = 40.0


@dataclass(frozen=True)
class Chosen:
    """The photos that are measured.

    Attributes:
        photos: Those.
        notes: What was left out, a line each.
    """

    photos: list[Labelled]
    notes: list[str]


class FaceLandmarks:
    """The landmarks of the largest face of each photo, found once."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder
        self._found: dict[Labelled, Landmarks | str] = {}

    def __call__(self, one: Labelled) -> Landmarks:
        """(468, 3), pixels of the photo. Raises `FacereliefError` where it has no usable face or cannot be read."""
        if one not in self._found:
            try:
                photo = read_photo(one.photo)
                self._found[one] = choose_faces(self._finder(photo.rgb), "largest", photo.name)[0].landmarks
            except (NoFaceFound, PhotoError) as reason:
                self._found[one] = str(reason)
        found = self._found[one]
        if isinstance(found, str):
            raise NoFaceFound(found)
        return found

    def or_none(self, one: Labelled) -> Landmarks | None:
        """The same, with None for a photo without a usable face."""
        try:
            return self(one)
        except NoFaceFound:
            return None


def choose(
    labelled: Sequence[Labelled], selection: Selection, landmarks: FaceLandmarks, progress: Progress = no_progress
) -> Chosen:
    """Choose the photos that are measured.

    Args:
        labelled: All photos.
        selection: Which of them.
        landmarks: Finds faces.
        progress: Called with the number of photos looked at, and the total.

    Raises:
        FacereliefError: There is no such split or person, or no photo is left.
    """
    if selection.split not in (*SPLITS, "all"):
        raise FacereliefError(f"no split {selection.split!r}; choose from {', '.join(SPLITS)}, all")
    splits, _ = splits_by_person(labelled, selection.seed)
    strangers = sorted({*selection.people} - {*splits})
    if strangers:
        raise FacereliefError(f"no photo of {first_few(strangers)}; name people as the photos' labels do")
    wanted = [
        one
        for one in labelled
        if selection.split in ("all", splits[one.identity]) and one.identity in (selection.people or splits)
    ]
    if selection.photos is not None:
        wanted.sort(key=lambda one: fixed_draw(short_name(one)))
    kept: list[Labelled] = []
    refused = Counter[str]()
    most = len(wanted) if selection.photos is None else selection.photos
    for done, one in enumerate(wanted):
        if len(kept) == most:
            break
        progress(len(kept) if selection.photos else done, most)
        why = _why_not(landmarks.or_none(one), selection)
        refused[why] += 1
        if not why:
            kept.append(one)
    notes = [f"{count} photos are not measured: {why}" for why, count in refused.items() if why]
    if not kept:
        raise FacereliefError(
            f"none of {len(wanted)} photos can be measured ({'; '.join(notes) or 'the selection is empty'}); "
            "choose other people, another --split, or larger limits"
        )
    return Chosen(sorted(kept, key=lambda one: one.photo.as_posix()), notes)


def _why_not(found: Landmarks | None, selection: Selection) -> str:
    if found is None:
        return "no face that can be edited"
    if abs(head_pose(found)[0]) > selection.max_yaw:
        return f"head turned by more than {selection.max_yaw:g} degrees"
    if (found[:, :2].max(axis=0) - found[:, :2].min(axis=0)).max() < selection.min_face_size:
        return f"face smaller than {selection.min_face_size:g} pixels"
    return ""


def short_name(one: Labelled) -> str:
    """A photo's name, with the folder that it lies in."""
    return f"{one.photo.parent.name}/{one.photo.name}"


def true_photos(labelled: Sequence[Labelled]) -> dict[str, dict[str, Labelled]]:
    """By person and expression, the first photo; of people with two expressions or more."""
    found: dict[str, dict[str, Labelled]] = {}
    for one in labelled:
        found.setdefault(one.identity, {}).setdefault(one.expression, one)
    return {person: shown for person, shown in found.items() if len(shown) > 1}


def one_a_person(photos: Sequence[Labelled], expression: str, most: int) -> list[Labelled]:
    """The first photo of an expression of each person, of at most so many people, a fixed random subset.

    Raises:
        FacereliefError: Nobody has one.
    """
    found: dict[str, Labelled] = {}
    for one in photos:
        if one.expression == expression:
            found.setdefault(one.identity, one)
    if not found:
        raise FacereliefError(f"no {expression} photo can be measured; choose photos with some, or other people")
    return [found[name] for name in sorted(sorted(found, key=fixed_draw)[:most])]
