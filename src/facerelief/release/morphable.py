"""A morphable face model to publish: the file, its card, and sheets that show what it holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facerelief import __version__
from facerelief.array_types import Floats
from facerelief.data.manifest import METADATA
from facerelief.data.portraits import MOST_PITCH, MOST_YAW, DatasetPortraits
from facerelief.editing.jobs.showcase import depth_picture, normal_picture
from facerelief.errors import DatasetError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import load_finder
from facerelief.files import sha256, write_text
from facerelief.files.markdown import escape_text
from facerelief.geometry.depth_maps import render_geometry
from facerelief.geometry.morphable.action_units import ACTION_UNITS, EMFACS, SIDES, Rig
from facerelief.geometry.morphable.learning.learn import check_scipy, learn_face
from facerelief.geometry.morphable.learning.rig import learn_rig
from facerelief.geometry.morphable.model import FACE_FILE, MorphableFace, full_maps, load_face, save_face
from facerelief.geometry.morphable.random_faces import (
    Person,
    Setting,
    pose_shape,
    random_person,
    random_setting,
    render_portrait,
)
from facerelief.geometry.morphable.renderer import Appearance, Light, render_face
from facerelief.geometry.reconstructors.morphable import dense_mesh
from facerelief.progress import Progress, no_progress
from facerelief.release.folders import CARD, check_model_folder
from facerelief.training.run.sample_grids import save_grid

EXPRESSIONS_SHEET, SETTINGS_SHEET, MODES_SHEET = "expressions.jpg", "settings.jpg", "modes.jpg"
FACE_FILES = (FACE_FILE, CARD, EXPRESSIONS_SHEET, SETTINGS_SHEET, MODES_SHEET)
_TILE = 160
_SHOWN_MODES = 6
_RIG = (
    "the expression shapes of [ICT-FaceKit](https://github.com/ICT-VGL/ICT-FaceKit) (Li et al., Learning Formation of\n"
    "Physically-Based Face Attributes, CVPR 2020; MIT licence, (c) 2020 USC Institute for Creative Technologies)"
)
_LIMITS = """\
## What it cannot do

- Its faces are smooth: averages have no pores, no wrinkles of one person, no glasses, and hair without strands.
- Its people are like those in the photos. Brightness and colour of skin are set by hand, not learned.
- Expressions that few photos show are mostly what is typical of them: see the table.
- Its expressions move as ICT-FaceKit's head does, in each person alike.
"""


def fit_and_write(
    dataset: Path,
    folder: Path,
    data_note: str,
    further: Sequence[Path] = (),
    rig: Path | None = None,
    progress: Progress = no_progress,
) -> list[Path]:
    """Learn a morphable model from a dataset, and write it with its card and sheets.

    Args:
        dataset: The dataset's folder.
        folder: Where to write; absent, empty, or that of an earlier model.
        data_note: What the card says of the photos, Markdown.
        further: Folders of datasets from which expressions alone are learned.
        rig: ICT-FaceKit's folder FaceXModel; without it, the rig is that of the package's own model.
        progress: As `learn_face` calls it.

    Returns:
        The files.

    Raises:
        DatasetError: The dataset has too few persons or no neutral photos; nothing is written.
        FacereliefError: `folder` holds something else, or cannot be written.
        MissingExtra: SciPy is not installed.
    """
    check_model_folder(folder, FACE_FILE, "face")
    check_scipy()
    portraits = DatasetPortraits(dataset)
    others = [_shows_neutral(path) for path in further]

    def make_rig(mean: Floats) -> Rig:
        return learn_rig(rig, mean) if rig else load_face().rig

    face, facts = learn_face(portraits, load_finder(), make_rig, others, progress)
    facts |= {"metadata_sha256": sha256(dataset / METADATA), "photos_used": len(portraits.samples)}
    facts["rig_given"] = rig is not None
    facts["further_sha256"] = [sha256(path / METADATA) for path in further]
    save_face(folder / FACE_FILE, face, facts)
    face = load_face(folder / FACE_FILE)  # as others will see it
    write_text(folder / CARD, face_card(folder / FACE_FILE, facts, data_note))
    save_expressions(folder / EXPRESSIONS_SHEET, face)
    save_settings(folder / SETTINGS_SHEET, face)
    save_modes(folder / MODES_SHEET, face)
    return [folder / name for name in FACE_FILES]


def _shows_neutral(dataset: Path) -> DatasetPortraits:
    """A dataset to learn expressions from. Raises `DatasetError` where it has nothing to compare them with."""
    portraits = DatasetPortraits(dataset)
    if "neutral" not in portraits.expression:
        raise DatasetError(f"{dataset} has no neutral photos to compare expressions with; label some as neutral")
    return portraits


def save_expressions(path: Path, face: MorphableFace, people: int = 8, seed: int = 3) -> None:
    """A row a random person, a column an expression."""
    rows = []
    for number in range(people):
        random = np.random.default_rng((seed, number))
        person, setting = random_person(face, random), random_setting(random)
        upright = Setting(light=setting.light, gaze=setting.gaze, background=setting.background)
        rows.append([_tile(face, person, name, upright) for name in EXPRESSIONS])
    save_grid(path, rows)


def save_settings(path: Path, face: MorphableFace, seed: int = 4) -> None:
    """One person in other lights and poses: picture, depth and normals."""
    person = random_person(face, np.random.default_rng(seed))
    settings = [Setting(yaw=yaw) for yaw in (-30.0, -15.0, 0.0, 15.0, 30.0)]
    settings += [Setting(pitch=pitch) for pitch in (-15.0, 15.0)]
    settings += [Setting(light=Light((side, 0.2, 0.6), 0.7)) for side in (-1.5, 1.5)]
    columns = [_with_maps(face, person, "happiness", setting) for setting in settings]
    save_grid(path, [list(row) for row in zip(*columns, strict=True)])


def save_modes(path: Path, face: MorphableFace) -> None:
    """The first modes at -2 and +2 deviations; rows: identity's shape, its texture, expression."""
    counts = (len(face.identity), len(face.texture_identity), len(face.expression_modes))
    rows = []
    for part in range(3):
        tiles = []
        for mode, sign in np.ndindex(_SHOWN_MODES, 2):
            coefficients = [np.zeros(count) for count in counts]
            coefficients[part][mode] = (-2.0, 2.0)[sign]
            tiles.append(_of_modes(face, *coefficients))
        rows.append(tiles)
    save_grid(path, rows)


def _of_modes(face: MorphableFace, identity: np.ndarray, texture: np.ndarray, expression: np.ndarray) -> np.ndarray:
    """A tile of the face with these coefficients."""
    landmarks, _ = pose_shape(face.shape(identity) + face.movement(expression), Setting(), 2 * _TILE)
    half = np.tensordot(texture, face.texture_identity, 1) + face.wrinkles(expression)
    look = Appearance(face.uv_map, full_maps(face.texture + half), face.tint)
    return _halved(render_face(landmarks, landmarks, look, np.full((2 * _TILE, 2 * _TILE, 3), 0.5)))


def _tile(face: MorphableFace, person: Person, expression: str, setting: Setting) -> np.ndarray:
    return _halved(render_portrait(face, person, expression, setting, 2 * _TILE)[0])


def _with_maps(face: MorphableFace, person: Person, expression: str, setting: Setting) -> list[np.ndarray]:
    """Picture, depth and normals, a tile each."""
    _, landmarks = render_portrait(face, person, expression, setting, _TILE)
    maps = render_geometry(dense_mesh(landmarks, 3), landmarks, _TILE)
    return [_tile(face, person, expression, setting), depth_picture(maps), normal_picture(maps)]


def _halved(rgb: np.ndarray) -> np.ndarray:
    """Half as large, which smooths its edges."""
    return np.asarray(Image.fromarray(rgb).reduce(2))


def face_card(path: Path, facts: dict[str, Any], data_note: str) -> str:
    """The model's card, Markdown."""
    return f"""# {escape_text(path.stem)}

A morphable face model: mean, identity, expressions and texture of faces, learned from photos. Made with facerelief
{__version__}; safetensors, {path.stat().st_size / 1e6:.2f} MB, SHA-256 `{sha256(path)}`.

## Data

{data_note}

{facts["photos_used"]:,} kept training photos with yaw below {MOST_YAW:.0f} and pitch below {MOST_PITCH:.0f} degrees;
SHA-256 of the dataset's metadata.csv `{facts["metadata_sha256"]}`. The file holds
averages and modes over them, and {facts["kinds"]} mean coefficients of clusters of at least 12 people: no photo and no
single person.

```
{_command(facts)}
```

## What it explains

| modes | count | first | first five | all |
|---|--:|--:|--:|--:|
{_shares(facts["explained"])}

Photos are fitted with {_more_modes(path, facts)} more modes of expression: what the rig's units move beside these.

## Where the expressions come from

Shapes: {_RIG}, brought to the landmarks (`learning/rig.py`).

How much of them an expression has is learned from photos. People are compared with their own neutral photos, or else
with all neutral photos of the dataset at the same pose; strength 1 is the median. Landmark detectors shorten movements,
so the same movements are given to neutral photos of the dataset and detected there (`learning/responses.py`): amounts
are those with which the edits' landmarks change as people's do, by least squares over the action units that EMFACS
names (Friesen and Ekman, 1983). Of an expression's two forms, with an open and with a shut mouth, one is taken: nobody
shows the mean of both. It is the open one where three of five photos show it.

*explained* is the share of the squared change of landmarks that these units explain. Amounts are drawn to what is
typical of the expression (`action_units.py`, set by eye), the more the fewer people were seen: *weight of the typical*.
A unit that EMFACS requires and photos do not show has its typical amount; so has all of contempt, which people show on
either side.

Datasets: 0 is DATASET{_further(facts)}

| expression | dataset | photos | people | neutral photos | mouth | explained | weight of the typical | units not seen |
|---|--:|--:|--:|---|---|--:|--:|---|
{_learned(facts)}

In texture, people weigh by the square of their number: else a few people's own looks would be taken for the
expression's. Noses have the texture of the skin beside them, joined across, but for the two expressions with AU 9,
which alone wrinkles noses: averages show light on noses that are held lower or higher, and nostrils' edges.

## What the expressions move

Amounts of action units; 1 is the full movement of ICT-FaceKit's shape. Bold: EMFACS requires it.

{_units(facts)}

![Random people with every expression](expressions.jpg)
![One person in other poses and lights, with depth and normals](settings.jpg)
![Modes at -2 and +2 deviations: identity's shape, its texture, expression](modes.jpg)

{_LIMITS}"""


def _command(facts: dict[str, Any]) -> str:
    rig = "--rig FaceXModel" if facts["rig_given"] else ""
    further = " ".join(f"--expressions-from DATASET_{number}" for number in range(1, len(facts["further_sha256"]) + 1))
    return " ".join(part for part in ("facerelief morphable fit DATASET -o FACE", rig, further) if part)


def _more_modes(path: Path, facts: dict[str, Any]) -> int:
    """How many modes of expression a face has that were not learned from photos."""
    return len(load_face(path).expression_modes) - len(facts["explained"]["expression"])


def _shares(explained: dict[str, list[float]]) -> str:
    """A row of Markdown for each kind of modes."""
    return "\n".join(
        f"| {name} | {len(values)} | {values[0]:.0%} | {values[min(4, len(values) - 1)]:.0%} | {values[-1]:.1%} |"
        for name, values in explained.items()
    )


def _further(facts: dict[str, Any]) -> str:
    """The further datasets, by number and checksum."""
    digests = enumerate(facts["further_sha256"], 1)
    return "".join(f"; {number} has the metadata.csv `{digest}`" for number, digest in digests) + "."


def _learned(facts: dict[str, Any]) -> str:
    """A row of Markdown for each expression that was learned."""
    return "\n".join(
        f"| {name} | {one['dataset']} | {one['photos']:,} of {one['of']:,} | {one['people']:,} | "
        f"{'their own' if one['paired'] else 'all'} | {'open' if one['open'] else 'shut'} | {one['explained']:.0%} | "
        f"{one['doubt']:.2f} | {', '.join(f'AU {unit}' for unit in one['typical']) or '-'} |"
        for name, one in facts["learned"].items()
    )


def _units(facts: dict[str, Any]) -> str:
    """A table of action units, a row each, by expression."""
    names = [name for name in EXPRESSIONS if EMFACS[name].units]
    units = sorted({int(unit) for name in names for unit in EMFACS[name].units})
    lines = [f"| | {' | '.join(names)} |", "|---|" + "--:|" * len(names)]
    for unit in units:
        cells = []
        for name in names:
            amount = facts["units"][name].get(unit, facts["units"][name].get(str(unit)))
            text = "" if amount is None else f"{amount:.2f}"
            cells.append(f"**{text}**" if unit in EMFACS[name].required else text)
        side = " (left)" if all(EMFACS[n].sides != SIDES for n in names if unit in EMFACS[n].units) else ""
        lines.append(f"| AU {unit}, {ACTION_UNITS[unit][0]}{side} | {' | '.join(cells)} |")
    return "\n".join(lines)
