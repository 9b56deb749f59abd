"""A morphable face model to publish: the file, its card, and sheets that show what it holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facerelief import __version__
from facerelief.data.manifest import METADATA
from facerelief.data.portraits import MOST_PITCH, MOST_YAW, DatasetPortraits
from facerelief.editing.jobs.showcase import depth_picture, normal_picture
from facerelief.errors import DatasetError, FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.files import sha256, write_text
from facerelief.files.markdown import escape_text
from facerelief.geometry.depth_maps import render_geometry
from facerelief.geometry.morphable.learning.action_units import EMFACS, ISOLATED_UNITS, UNITS, measure_units
from facerelief.geometry.morphable.learning.expressions import ENOUGH
from facerelief.geometry.morphable.learning.learn import learn_face
from facerelief.geometry.morphable.learning.shape import TRUST
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
from facerelief.training.run.sample_grids import save_grid

CARD = "README.md"
EXPRESSIONS_SHEET, SETTINGS_SHEET, MODES_SHEET = "expressions.jpg", "settings.jpg", "modes.jpg"
FILES = (FACE_FILE, CARD, EXPRESSIONS_SHEET, SETTINGS_SHEET, MODES_SHEET)
_TILE = 160
_SHOWN_MODES = 6
_LIMITS = """\
## What it cannot do

- Its faces are smooth: averages have no pores, no wrinkles of one person, no glasses, and hair without strands.
- Its people are like those in the photos. Brightness and colour of skin are set by hand, not learned.
- Expressions that few photos show mostly follow the action-unit targets: see the table.
"""


def fit_and_write(
    dataset: Path, folder: Path, data_note: str, further: Sequence[Path] = (), progress: Progress = no_progress
) -> list[Path]:
    """Learn a morphable model from a dataset, and write it with its card and sheets.

    Args:
        dataset: The dataset's folder.
        folder: Where to write; absent, empty, or that of an earlier model.
        data_note: What the card says of the photos, Markdown.
        further: Folders of datasets from which expressions alone are learned.
        progress: As `learn_face` calls it.

    Returns:
        The files.

    Raises:
        DatasetError: The dataset has too few persons or no neutral photos; nothing is written.
        FacereliefError: `folder` holds something else, or cannot be written.
    """
    there = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    if folder.is_file() or (there and not (folder / FACE_FILE).is_file()):
        raise FacereliefError(f"{folder} holds something else; choose an empty folder for the face")
    portraits = DatasetPortraits(dataset)
    others = [_shows_neutral(path) for path in further]
    face, facts = learn_face(portraits, others, progress)
    facts |= {"metadata_sha256": sha256(dataset / METADATA), "photos_used": len(portraits.samples)}
    facts["further_sha256"] = [sha256(path / METADATA) for path in further]
    save_face(folder / FACE_FILE, face, facts)
    face = load_face(folder / FACE_FILE)  # as others will see it
    write_text(folder / CARD, face_card(folder / FACE_FILE, facts, data_note))
    save_expressions(folder / EXPRESSIONS_SHEET, face)
    save_settings(folder / SETTINGS_SHEET, face)
    save_modes(folder / MODES_SHEET, face)
    return [folder / name for name in FILES]


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
    landmarks, _ = pose_shape(face.shape(identity, expression), Setting(), 2 * _TILE)
    half = np.tensordot(texture, face.texture_identity, 1) + np.tensordot(expression, face.texture_expression, 1)
    look = Appearance(face.uv_map, full_maps(face.texture + half), face.tint)
    return _halved(render_face(landmarks, landmarks, look, np.full((2 * _TILE, 2 * _TILE, 3), 0.5)))


def _tile(face: MorphableFace, person: Person, expression: str, setting: Setting) -> np.ndarray:
    return _halved(render_portrait(face, person, expression, setting, 2 * _TILE)[0])


def _with_maps(face: MorphableFace, person: Person, expression: str, setting: Setting) -> list[np.ndarray]:
    """Picture, depth and normals, a tile each."""
    _, landmarks = render_portrait(face, person, expression, setting, _TILE)
    relief = render_geometry(dense_mesh(landmarks, 3), landmarks, _TILE)
    return [_tile(face, person, expression, setting), depth_picture(relief), normal_picture(relief)]


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

{len(ISOLATED_UNITS)} smooth movements of single features are added to the modes of expression.

## Where the expressions come from

The last column is how much of an expression's shape comes from photos of it. The rest are targets after Ekman and
Friesen's action units. Each movement is learned by regression over all photos; what photos hardly ever show alone, such
as lowered corners of the mouth, is moved smoothly around its points
(`src/facerelief/geometry/morphable/learning/action_units.py`).
{TRUST} people weigh as much as the targets. In texture few people weigh even less: else their own looks would be taken
for the expression's.

| expression | photos | people | with a neutral photo too | from photos |
|---|--:|--:|--:|--:|
{_counts(facts)}
{_further(facts)}
## What the expressions move

At full strength, in hundredths of an inter-ocular distance (about 0.6 mm). Bold is what EMFACS names, and + or - its
direction.

{_units(load_face(path))}

![Random people with every expression](expressions.jpg)
![One person in other poses and lights, with depth and normals](settings.jpg)
![Modes at -2 and +2 deviations: identity's shape, its texture, expression](modes.jpg)

{_LIMITS}"""


def _command(facts: dict[str, Any]) -> str:
    further = " ".join(f"--expressions-from DATASET_{number}" for number in range(1, len(facts["further_sha256"]) + 1))
    return f"facerelief morphable fit DATASET -o FACE {further}".strip()


def _shares(explained: dict[str, list[float]]) -> str:
    """A row of Markdown for each kind of modes."""
    return "\n".join(
        f"| {name} | {len(values)} | {values[0]:.0%} | {values[min(4, len(values) - 1)]:.0%} | {values[-1]:.1%} |"
        for name, values in explained.items()
    )


def _counts(facts: dict[str, Any]) -> str:
    """A row of Markdown for each expression."""
    rows = []
    for name in EXPRESSIONS:
        both = facts["trusted"][name]  # persons with a neutral photo, too
        share = "-" if name == "neutral" else f"{both / (both + TRUST):.0%}"
        rows.append(f"| {name} | {facts['photos'][name]:,} | {facts['persons'][name]:,} | {both:,} | {share} |")
    return "\n".join(rows)


def _further(facts: dict[str, Any]) -> str:
    """Where expressions come from that are learned from further datasets; empty where there are none."""
    if not facts["learned"]:
        return ""
    names = "".join(f"\n{number}. metadata.csv `{digest}`" for number, digest in enumerate(facts["further_sha256"], 1))
    rows = "\n".join(
        f"| {name} | {one['dataset'] + 1} | {one['photos']:,} of {one['of']:,} | {one['people']:,} | "
        f"{'their own' if one['paired'] else 'all'} | {'open' if one['open'] else 'shut'} | {one['missed']:.0%} | "
        f"{one['share']:.0%} | {', '.join(one['targets']) or '-'} |"
        for name, one in facts["learned"].items()
    )
    return f"""
Then expressions are learned from these further datasets, by SHA-256 (`--expressions-from`):
{names}

Of an expression's two forms, with an open and with a shut mouth, the one that more photos show is taken, or the shut
one where EMFACS names pressed lips: nobody shows the mean of both. People are compared with their own neutral photos,
or else with all neutral photos of the dataset at the same pose. Strength 1 is the median. What landmarks missed is
found in mean pictures (`registration.py`), and given beside what they show. *share* is how much of the shape comes from
these photos: all where people are compared with themselves or {ENOUGH} were seen; the rest is as above. Movements that
EMFACS names and photos do not show come from the action-unit targets.

| expression | dataset | photos | people | neutral photos | mouth | landmarks missed | share | from targets |
|---|--:|--:|--:|---|---|--:|--:|---|
{rows}
"""


def _units(face: MorphableFace) -> str:
    """A table of measures, a row each, by expression."""
    moved = measure_units(np.tensordot(face.classes.astype(np.float64), face.expression_modes, 1))
    names = [name for name in EXPRESSIONS if name != "neutral"]
    lines = [f"| | {' | '.join(names)} |", "|---|" + "--:|" * len(names)]
    for unit, row in zip(UNITS, moved.T, strict=True):
        cells = [_unit_cell(100 * row[EXPRESSIONS.index(name)], EMFACS[name].get(unit, 0)) for name in names]
        lines.append(f"| {unit} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _unit_cell(value: float, sign: int) -> str:
    text = f"{value:.1f}".replace("-0.0", "0.0")
    return f"**{text}** ({'+' if sign > 0 else '-'})" if sign else text
