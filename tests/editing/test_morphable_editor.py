"""The morphable editor, on drawn faces, whose landmarks and whose other expressions are known."""

import functools
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from expression_modes import in_modes
from PIL import Image, ImageFilter

from facerelief.colour import LUMA
from facerelief.editing import Edit, Editor, load_editor
from facerelief.editing.methods import morphable
from facerelief.editing.methods.morphable import MorphableEditor
from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS
from facerelief.faces.detector import Face
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.morphable.random_faces import Person, Setting, pose_shape, random_person
from facerelief.geometry.morphable.renderer import Appearance, Eyes, Light, Skin, render_face
from facerelief.geometry.topology import INNER_LIPS, mirror_vertices
from facerelief.geometry.transfer.mouth import renderer
from facerelief.photos.photo import Photo

LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)  # their outer edge
AT_WORK = [name for name in EXPRESSIONS if name != "neutral"]


@functools.cache
def drawn(
    expression: str = "neutral",
    person: int | None = None,
    size: int = 192,
    strength: float = 1.0,
    skin: float = 1.0,
    as_modes_have_it: bool = False,
    **setting: Any,
) -> tuple[Photo, Face]:
    """A portrait and its face; person None is the average. Placed as without expression, so that heads stay still."""
    face = load_face()
    who = Person(np.zeros(len(face.identity)), np.zeros(len(face.texture_identity)), Skin(), Eyes().colour)
    if person is not None:
        who = random_person(face, np.random.default_rng(person))
    neutral, moved = face.shape(who.identity), face.expression(expression, strength)
    if as_modes_have_it:
        moved = face.movement(in_modes(face, expression, strength))
    how = Setting(**setting)
    still, matrix = pose_shape(neutral, how, size)
    landmarks = (neutral + moved) @ matrix[:, :3].T + matrix[:, 3]
    texture = face.log_albedo(who.texture, expression, strength)
    look = Appearance(face.uv_map, texture, face.tint, how.light, Skin(skin * who.skin.level, who.skin.warmth))
    rgb = render_face(landmarks, still, look, np.full((size, size, 3), (0.3, 0.5, 0.4)))
    rgb.flags.writeable = False  # pixels may be anybody's
    return Photo(rgb, name="drawn.png"), Face(landmarks.astype(np.float32))


@pytest.fixture(scope="module")
def editor() -> Editor:
    return load_editor(method="morphable")


def edited(editor: Editor, photo: Photo, face: Face, to: str, strength: float = 1.0) -> np.ndarray:
    return editor(photo, to, strength=strength, faces=[face]).photo.rgb


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """Mean, in levels."""
    return float(np.abs(first.astype(float) - second).mean())


def enlarged(photo: Photo, factor: int) -> Photo:
    height, width = photo.rgb.shape[:2]
    large = Image.fromarray(photo.rgb).resize((width * factor, height * factor), Image.Resampling.BICUBIC)
    return Photo(np.array(large))


# -- what an edit is like -------------------------------------------------------------------------------------------


def test_all_eight_expressions_are_offered(editor: Editor) -> None:
    assert editor.expressions == EXPRESSIONS
    photo, face = drawn(person=1)
    edits = [editor(photo, name, faces=[face]) for name in EXPRESSIONS]
    assert [edit.expression for edit in edits] == list(EXPRESSIONS)
    pictures = [edit.photo.rgb for edit in edits]
    for k, picture in enumerate(pictures):
        assert (picture.shape, picture.dtype) == (photo.rgb.shape, np.uint8)
        assert all(difference(picture, other) > 0.5 for other in pictures[:k])


@pytest.mark.parametrize("to", ["AU4", "AU43", "look-left"])
def test_units_are_added_to_what_a_face_shows(editor: Editor, to: str) -> None:
    """A frown, closed eyes or a gaze leave a smile as it is; after an expression the smile has gone, too."""
    photo, face = drawn("happiness", person=1)
    landmarks = face.landmarks
    below = int(landmarks[[0, 61, 291], 1].min())  # from the mouth on
    change = np.abs(edited(editor, photo, face, to).astype(int) - photo.rgb)
    assert not change[below:].any()
    eyes = [landmarks[[33, 133, 159, 145]], landmarks[[263, 362, 386, 374]]]
    brows = [landmarks[[70, 107]], landmarks[[300, 336]]]
    for region in brows if to == "AU4" else eyes:
        (x0, y0), (x1, y1) = region[:, :2].min(axis=0).astype(int) - 2, region[:, :2].max(axis=0).astype(int) + 3
        assert change[y0:y1, x0:x1].mean() > 3
    assert np.abs(edited(editor, photo, face, f"neutral+{to}").astype(int) - photo.rgb)[below:].mean() > 1


@pytest.mark.parametrize(
    "setting", [{}, {"yaw": 25.0, "pitch": -8.0}, {"yaw": -42.0}, {"light": Light((1.0, 0.5, 1.0), 0.6)}]
)
def test_a_drawn_face_comes_near_its_drawing_with_the_expression(editor: Editor, setting: dict[str, Any]) -> None:
    """The drawing is not warped but drawn anew, so that the two ways have little in common."""
    # Folds twice as dark, light on brows and a model's teeth are not drawn.
    for person, share in ((None, 0.9), (1, 0.95)):
        before, face = drawn(person=person, **setting)
        for name in AT_WORK:
            goal = drawn(name, person, **setting)[0].rgb
            assert difference(edited(editor, before, face, name), goal) < share * difference(before.rgb, goal), name
    before, face = drawn(**setting)
    assert difference(edited(editor, before, face, "neutral"), before.rgb) < 0.4  # lips come together


def test_an_expression_goes_back_to_neutral(editor: Editor) -> None:
    """Those with deep creases keep some of them, which landmarks do not tell of; and of contempt 0.89 is left."""
    goal = drawn()[0].rgb
    for name in ("happiness", "fear", "disgust", "contempt"):
        before, face = drawn(name, as_modes_have_it=True)
        assert difference(edited(editor, before, face, "neutral"), goal) < 0.92 * difference(before.rgb, goal), name


@pytest.mark.parametrize("person", [None, 1, 2])
def test_strength_is_the_share_of_the_way(editor: Editor, person: int | None) -> None:
    before, face = drawn(person=person)
    shares = (0.5, 1.0, 1.5)
    for name in ("happiness", "surprise"):
        goals = [drawn(name, person, strength=share)[0].rgb for share in shares]
        results = [edited(editor, before, face, name, share) for share in shares]
        moved = [difference(before.rgb, result) for result in results]
        assert 0 < moved[0] < moved[1] < moved[2]
        nearest = [int(np.argmin([difference(result, goal) for goal in goals])) for result in results]
        assert nearest == sorted(nearest)


@pytest.mark.parametrize(("name", "vertex"), [("surprise", 200), ("happiness", 205)])
def test_a_mole_goes_its_share_of_the_way(editor: Editor, name: str, vertex: int) -> None:
    """On the chin and on a cheek: where the edit of a photo with it differs from that of the photo without."""
    before, face = drawn()
    marked = before.rgb.astype(float)
    rows, columns = np.indices(marked.shape[:2]) + 0.5
    start = face.landmarks[vertex, :2]
    marked *= 1 - 0.5 * np.exp(-((columns - start[0]) ** 2 + (rows - start[1]) ** 2) / 8)[..., None]
    mole = Photo(marked.astype(np.uint8))

    def place(strength: float) -> np.ndarray:
        weight = np.abs(
            edited(editor, mole, face, name, strength) - edited(editor, before, face, name, strength).astype(float)
        )
        weight = weight.sum(axis=2) * (weight.sum(axis=2) > 20)
        return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()

    start, half, whole, more = (place(strength) for strength in (0.0, 0.5, 1.0, 1.5))
    way, drawn_way = whole - start, (drawn(name)[1].landmarks - face.landmarks)[vertex, :2]
    assert np.linalg.norm(way) > 2
    assert float(way @ drawn_way / (drawn_way @ drawn_way)) == pytest.approx(1, abs=0.05)
    assert [float((one - start) @ way / (way @ way)) for one in (half, more)] == pytest.approx([0.5, 1.5], abs=0.1)


def test_strength_nought_gives_the_very_photo(editor: Editor) -> None:
    photo, face = drawn("happiness", 1)
    for name in EXPRESSIONS:
        edit = editor(photo, name, strength=0, faces=[face])
        np.testing.assert_array_equal(edit.photo.rgb, photo.rgb)
        np.testing.assert_array_equal(edit.faces[0].after, edit.faces[0].before)


def test_the_source_is_left_alone_and_calls_do_not_depend_on_each_other(editor: Editor) -> None:
    photo, face = drawn(person=1)
    kept = photo.rgb.copy()
    first = editor(photo, "fear", faces=[face])
    edited(editor, photo, face, "anger")
    np.testing.assert_array_equal(edited(editor, photo, face, "fear"), first.photo.rgb)
    np.testing.assert_array_equal(photo.rgb, kept)
    (done,) = first.faces
    np.testing.assert_array_equal(done.before, done.crop.cut(kept))
    np.testing.assert_array_equal(done.after, done.crop.cut(first.photo.rgb))
    assert done.face is face


def between_lips(face: Face, size: int) -> np.ndarray:
    """bool (size, size): the mouth's opening, a pixel away from the lips."""
    inside = polygon_mask(face.landmarks[list(INNER_LIPS), :2], size)
    return inside & np.roll(inside, 1, 0) & np.roll(inside, -1, 0)


@pytest.mark.parametrize("skin", [1.1, 0.5])
def test_a_mouth_that_opens_gets_an_inside(editor: Editor, skin: float) -> None:
    """Teeth below the upper lip, dark behind them, and not the lips drawn out."""
    (before, face), (_, goal_face) = drawn(skin=skin), drawn("surprise", skin=skin)
    opening = between_lips(goal_face, 192)
    assert opening.sum() > 100
    painted = before.rgb.copy()
    column, row = face.landmarks[50, :2].astype(int)
    painted[polygon_mask(face.landmarks[list(LIPS), :2], 192)] = cheek = before.rgb[row, column]
    result = edited(editor, Photo(painted), face, "surprise")
    assert (result[opening].mean(axis=0) < 0.75 * cheek).all()
    rows, columns = np.nonzero(opening)
    upper = rows < np.median(rows)
    luma = result[rows, columns] @ LUMA
    assert np.percentile(luma[upper], 90) > 2 * np.percentile(luma, 25)


@pytest.mark.parametrize("to", ["surprise", "fear"])
def test_the_rim_of_a_mouth_has_no_steps_in_a_large_photo(
    editor: Editor, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the dark inside ends at the lower lip runs as a smooth curve: pixels of the crop are 9.6 of the photo's."""
    monkeypatch.setattr(renderer, "_SUNK", 0.2)  # no lower teeth between the dark and the lip
    photo, face = drawn(size=192)
    large = Face(face.landmarks * 8)
    rgb = edited(editor, enlarged(photo, 8), large, to, 0.6).astype(float).sum(axis=2)
    left, right = (large.landmarks[k, 0] for k in (80, 310))  # the upper lip but for its corners
    rows = []
    for column in range(int(left), int(right)):
        top = int(large.landmarks[13, 1])
        inside = top + int(np.argmin(rgb[top : top + 180, column]))
        dark, lip = rgb[inside, column], rgb[inside : inside + 120, column].max()
        rows.append(inside + int(np.argmax(rgb[inside:, column] > dark + 0.8 * (lip - dark))))
    x = np.linspace(-1, 1, len(rows))
    assert len(rows) > 200
    assert np.quantile(np.abs(rows - np.polyval(np.polyfit(x, rows, 6), x)), 0.95) < 3  # 4.6 of steps of a pixel


def test_a_mouth_that_is_open_keeps_its_inside(editor: Editor) -> None:
    open_mouth, face = drawn("surprise")
    green = open_mouth.rgb.copy()
    green[between_lips(face, 192)] = (0, 200, 0)
    result = edited(editor, Photo(green), face, "surprise")
    red, level, blue = result[between_lips(face, 192)].mean(axis=0)
    assert level > 3 * max(red, blue)


def test_even_skin_does_not_glow(editor: Editor) -> None:
    """Where a photo shows no fold there is none to be taken away; what an expression draws is dark."""
    face = drawn("happiness")[1]
    even = Photo(np.full((192, 192, 3), (200, 160, 130), np.uint8))
    for name in AT_WORK:
        mouths = [polygon_mask(one.landmarks[list(LIPS), :2], 192) for one in (face, drawn(name)[1])]
        near = np.asarray(Image.fromarray(np.logical_or(*mouths)).filter(ImageFilter.MaxFilter(9)))
        result = edited(editor, even, face, name)[~near].astype(int)
        assert (result <= even.rgb[~near] + 3).all(), name  # beside a dark line cubic interpolation overshoots
        assert (result @ LUMA).min() < even.rgb[0, 0] @ LUMA - 5, name


def test_a_grey_photo_stays_grey(editor: Editor) -> None:
    photo, face = drawn(person=2)
    luma = np.asarray(Image.fromarray(photo.rgb).convert("L"))
    grey = Photo(luma[..., None].repeat(3, axis=2))
    for name in AT_WORK:
        result = edited(editor, grey, face, name)
        assert (result == result[..., :1]).all()
        assert difference(result, grey.rgb) > 0.5


# -- where it changes a photo ---------------------------------------------------------------------------------------


def turned(face: Face, degrees: float, centre: tuple[float, float]) -> Face:
    """The face turned in the picture, and shifted to a centre."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    points = face.landmarks - face.landmarks.mean(axis=0)
    return Face((points @ np.array([(c, s, 0), (-s, c, 0), (0, 0, 1)]) + (*centre, 0)).astype(np.float32))


@pytest.mark.parametrize("degrees", [0.0, 20.0, 135.0])
def test_nothing_changes_outside_the_crop_and_little_at_its_border(editor: Editor, degrees: float) -> None:
    random = np.random.default_rng(0)
    noise = Photo(random.integers(0, 256, (300, 330, 3), dtype=np.uint8))
    face = turned(drawn()[1], degrees, (160, 150))
    edit = editor(noise, "surprise", strength=1.5, faces=[face])
    amount = np.abs(edit.photo.rgb.astype(int) - noise.rgb).max(axis=2)
    crop = edit.faces[0].crop
    rows, columns = np.mgrid[:300, :330] + 0.5
    places = crop.to_crop(np.column_stack([columns.ravel(), rows.ravel()])).reshape(300, 330, 2) * (100 / crop.size)
    depth = np.minimum(places, 100 - places).min(axis=2)  # per cent of the side, from the border inwards
    assert not amount[depth < 0].any()
    assert amount[depth > 10].mean() > 20
    assert amount[(depth > 0) & (depth < 1)].mean() < amount[depth > 10].mean() / 20
    for side in (places[..., 0], 100 - places[..., 0], places[..., 1], 100 - places[..., 1]):
        nearest = side == depth
        means = [amount[nearest & (depth > k) & (depth < k + 1)].mean() for k in range(6)]
        assert all(far >= 0.95 * near for near, far in pairwise(means))


def rotated(picture: np.ndarray, landmarks: np.ndarray) -> tuple[Photo, Face]:
    """A quarter turn counter-clockwise: what was right is up."""
    x, y, z = landmarks.T
    return Photo(np.rot90(picture).copy()), Face(np.column_stack([y, picture.shape[1] - x, z]).astype(np.float32))


def test_a_photo_lying_on_its_side(editor: Editor) -> None:
    """All turns with it, the light in a mouth too: photos lie on their side, people rarely do."""
    photo, face = drawn(person=1)
    lying, its_face = rotated(photo.rgb, face.landmarks)
    for name in EXPRESSIONS:
        upright = edited(editor, photo, face, name)
        back = np.rot90(edited(editor, lying, its_face, name), -1)
        assert difference(back, upright) <= 0.02 * difference(upright, photo.rgb)


def test_a_mirrored_photo_has_the_mirrored_edit(editor: Editor) -> None:
    """But for contempt, which is shown on one side of the mouth."""
    photo, face = drawn(person=1)
    points = face.landmarks[mirror_vertices()] * (-1, 1, 1) + (photo.rgb.shape[1], 0, 0)
    mirror, its_face = Photo(photo.rgb[:, ::-1].copy()), Face(points.astype(np.float32))
    for name in EXPRESSIONS[1:]:
        straight = edited(editor, photo, face, name)
        back = edited(editor, mirror, its_face, name)[:, ::-1]
        share = difference(back, straight) / difference(straight, photo.rgb)
        assert share > 0.5 if name == "contempt" else share < 0.3, name


@pytest.mark.parametrize("size", [64, 200])
def test_size_makes_no_difference(editor: Editor, size: int) -> None:
    """A photo, and the same four times as large."""
    small, face = drawn(person=2, size=size)
    large, its_face = enlarged(small, 4), Face(face.landmarks * 4)
    for name in ("happiness", "surprise", "anger"):
        expected = edited(editor, small, face, name)
        reduced = np.asarray(Image.fromarray(edited(editor, large, its_face, name)).reduce(4))
        beside = np.ones((size, size), bool)
        low, high = (limit(face.landmarks[list(LIPS), :2], axis=0).astype(int) for limit in (np.min, np.max))
        beside[low[1] - 3 : high[1] + 4, low[0] - 3 : high[0] + 4] = False  # there, teeth are a pixel of the smaller
        whole = difference(expected, small.rgb)  # folds are found in pixels
        assert difference(reduced, expected) < (0.4 if size < 100 else 0.25) * whole
        assert difference(reduced[beside], expected[beside]) * beside.mean() < 0.25 * whole


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(slice(0, 192), slice(70, 192)), (slice(60, 192), slice(0, 192)), (slice(0, 140), slice(0, 120))],
)
def test_a_face_partly_outside_the_photo(editor: Editor, rows: slice, columns: slice) -> None:
    """What is left of it changes as in the whole photo, but for what folds are filled with from beside it."""
    photo, face = drawn(person=1)
    part = Photo(photo.rgb[rows, columns].copy())
    shifted = Face(face.landmarks - np.float32((columns.start, rows.start, 0)))
    inner = np.zeros(part.rgb.shape[:2], bool)
    inner[16:-16, 16:-16] = True
    for name in ("happiness", "surprise", "sadness"):
        expected, result = edited(editor, photo, face, name)[rows, columns], edited(editor, part, shifted, name)
        assert result.shape == expected.shape
        assert difference(result[inner], expected[inner]) < 0.1 * difference(expected[inner], part.rgb[inner])


def test_several_faces_one_after_the_other(editor: Editor) -> None:
    """Only they change; where two crops overlap, the second edit goes on from the first."""
    canvas = np.full((230, 520, 3), (90, 120, 100), np.uint8)
    faces = []
    for person, size, (x, y) in ((1, 192, (10, 20)), (2, 160, (330, 40)), (1, 128, (200, 90))):
        picture, face = drawn(person=person, size=size)
        canvas[y : y + size, x : x + size] = picture.rgb
        faces.append(Face(face.landmarks + np.float32((x, y, 0))))
    photo = Photo(canvas)
    together = editor(photo, "surprise", face="all", faces=faces)
    assert [done.face for done in together.faces] == faces
    step: Edit | None = None
    for number in (1, 2, 3):
        source = photo if step is None else step.photo
        step = editor(source, "surprise", face=number, faces=faces)
        moved = (step.photo.rgb != source.rgb).any(axis=2)
        rows, columns = np.nonzero(moved)
        crop = step.faces[0].crop
        x, y = crop.to_crop(np.column_stack([columns, rows]) + 0.5).T
        assert min(x.min(), y.min()) > 0 and max(x.max(), y.max()) < crop.size
        assert moved.sum() > 0.2 * 128**2
    assert step is not None
    np.testing.assert_array_equal(together.photo.rgb, step.photo.rgb)


def test_of_expressions_taken_from_photos_the_last_used_are_kept(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another thread takes one meanwhile."""
    photos = [Photo(np.full((8, 8, 3), level, np.uint8)) for level in range(4)]
    landmarks = drawn("happiness")[1].landmarks
    monkeypatch.setattr(morphable, "_MOST_LEARNED", 2)
    monkeypatch.setattr(MorphableEditor, "_seen_landmarks", lambda self, photo: landmarks)
    editor.learned.clear()
    first, second = map(editor.take_expression, photos[:2])
    assert editor.take_expression(photos[0]) == first
    third = editor.take_expression(photos[2])
    assert list(editor.learned) == [first, third]
    match, others = morphable.match_movement, [photos[1]]

    def meanwhile(*arguments: Any) -> Any:
        if others:
            editor.take_expression(others.pop())
        return match(*arguments)

    monkeypatch.setattr(morphable, "match_movement", meanwhile)
    fourth = editor.take_expression(photos[3])
    assert list(editor.learned) == [second, fourth]
    assert editor.target(f"{fourth}:0.5+AU4") == f"{fourth}:0.5+AU4"


def test_users_of_one_editor_do_not_meet(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of what one took from a photo is none of another's; the photo is measured once for both."""
    photo, landmarks, measured = Photo(np.full((8, 8, 3), 99, np.uint8)), drawn("happiness")[1].landmarks, []
    monkeypatch.setattr(MorphableEditor, "_seen_landmarks", lambda self, photo: measured.append(photo) or landmarks)
    editor.learned.clear()
    one, other = editor.private(), editor.private()
    name = one.take_expression(photo)
    for stranger in (other, editor):
        assert not stranger.learned
        with pytest.raises(FacereliefError, match=f"nothing is called '{name}'"):
            stranger.target(name)
    assert one.target(name) == other.take_expression(photo) == name
    assert len(measured) == 1


def test_what_was_planned_is_done_whatever_is_taken_meanwhile(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    (photo, face), other = drawn(), drawn("anger")[1].landmarks
    shown = iter([drawn("happiness")[1].landmarks, other])
    monkeypatch.setattr(MorphableEditor, "_seen_landmarks", lambda self, photo: next(shown))
    name = editor.take_expression(Photo(np.full((8, 8, 3), 77, np.uint8)))
    plan = editor.plan(photo.rgb, face, f"{name}:0.8+AU4:0.2")
    before = editor.render(photo.rgb, plan, 1.0)
    editor.learned[name] = editor.learned[editor.take_expression(Photo(np.full((8, 8, 3), 78, np.uint8)))]
    np.testing.assert_array_equal(editor.render(photo.rgb, plan, 1.0), before)
    anew = editor.plan(photo.rgb, face, f"{name}:0.8+AU4:0.2")
    assert (editor.render(photo.rgb, anew, 1.0) != before).any()
    editor.learned.clear()
    np.testing.assert_array_equal(editor.render(photo.rgb, plan, 1.0), before)
