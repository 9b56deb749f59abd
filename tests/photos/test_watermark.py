"""The mark in the pixels: what it changes, what it survives, and that chance does not show it."""

import functools
import hashlib
import io
from collections.abc import Callable

import numpy as np
import pytest
from photos import astronaut, variant
from PIL import Image

from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import Crop
from facerelief.photos.provenance import watermark_detection
from facerelief.photos.provenance.watermark import embed_watermark, watermark_code
from facerelief.photos.provenance.watermark_detection import FALSE_POSITIVE_RATE, detect_watermarks

Picture = np.ndarray


def imprint(rgb: Picture, faces: list[tuple[Crop, str]]) -> Picture:
    image = Image.fromarray(rgb)
    embed_watermark(image, faces)
    return np.asarray(image)


def square(x: float, y: float, side: float, degrees: float = 0) -> Crop:
    """A crop of 160 pixels around the square at x, y, turned around its middle."""
    turn = np.radians(degrees)
    linear = 160 / side * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return Crop(np.column_stack([linear, (80, 80) - linear @ (x + side / 2, y + side / 2)]), 160)


@functools.cache
def portrait() -> Picture:
    """uint8 (400, 400, 3): a head."""
    return np.asarray(Image.fromarray(astronaut()).resize((800, 800), Image.Resampling.LANCZOS))[:400, 200:600]


def resized(rgb: Picture, share: float) -> Picture:
    size = (round(rgb.shape[1] * share), round(rgb.shape[0] * share))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))


def saved(rgb: Picture, kind: str, **options: object) -> Picture:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, kind, **options)
    return np.asarray(Image.open(stream).convert("RGB"))


def jpeg(rgb: Picture, quality: int = 75) -> Picture:
    return saved(rgb, "JPEG", quality=quality)  # 4:2:0, as programs write it


FACE = (80, 70, 232)  # left, top and side of the crop of its face, which is 170 pixels high
SURVIVED: dict[str, Callable[[Picture], Picture]] = {
    "as it is": lambda rgb: rgb,
    "JPEG 75": jpeg,
    "half size": lambda rgb: resized(rgb, 0.5),
    "half size, JPEG 75": lambda rgb: jpeg(resized(rgb, 0.5)),
    "WebP 80": lambda rgb: saved(rgb, "WEBP", quality=80),
    "PNG after JPEG": lambda rgb: saved(jpeg(rgb), "PNG"),
    "grey, darker": lambda rgb: np.repeat((rgb.mean(axis=2, keepdims=True) * 0.8).astype(np.uint8), 3, axis=2),
}


@pytest.fixture(scope="module")
def marked() -> Picture:
    return imprint(portrait(), [(square(*FACE, degrees=6), "surprise")])


@pytest.mark.parametrize("way", SURVIVED)
def test_what_the_mark_survives(marked: Picture, way: str) -> None:
    picture = SURVIVED[way](marked)
    scale = picture.shape[0] / 400
    (mark,) = detect_watermarks(picture)
    assert mark.chance < FALSE_POSITIVE_RATE
    assert mark.expression in ("surprise", None)
    x, y = (np.array(mark.box[:2]) + mark.box[2:]) / 2 / scale
    assert abs(x - FACE[0] - FACE[2] / 2) < FACE[2] / 2 and abs(y - FACE[1] - FACE[2] / 2) < FACE[2] / 2


@pytest.mark.parametrize("share", [0.8, 0.62, 1.3])
def test_resized_by_any_factor_and_cut_it_is_found_at_the_face(marked: Picture, share: float) -> None:
    picture = jpeg(resized(marked[31:, 17:], share), 80)
    x, y, side = (FACE[0] - 17) * share, (FACE[1] - 31) * share, FACE[2] * share
    found = detect_watermarks(picture, [square(x + 2, y - 1, side * 1.02)])  # as a face finder sees it: a little off
    assert [mark.chance < FALSE_POSITIVE_RATE for mark in found] == [True]


def test_the_original_has_none_even_at_its_face() -> None:
    assert detect_watermarks(portrait(), [square(*FACE)]) == []
    assert detect_watermarks(portrait()[:64, :64]) == []


def test_the_expression_is_told() -> None:
    for expression in EXPRESSIONS[::3]:
        (mark,) = detect_watermarks(imprint(portrait(), [(square(*FACE), expression)]), [square(*FACE)])
        assert mark.expression == expression


@pytest.mark.parametrize("words", ["AU12:0.5", "happiness:0.6+surprise:0.4", "like-photo-0123abcd"])
def test_of_what_is_no_expression_none_is_read(words: str) -> None:
    (mark,) = detect_watermarks(imprint(portrait(), [(square(*FACE), words)]), [square(*FACE)])
    assert mark.expression is None and mark.chance < 1e-12


def test_two_faces_have_a_mark_each() -> None:
    both = np.hstack([portrait(), portrait()])
    faces = [(square(*FACE), "anger"), (square(FACE[0] + 400, *FACE[1:]), "happiness")]
    found = sorted(
        detect_watermarks(jpeg(imprint(both, faces)), [crop for crop, _ in faces]), key=lambda mark: mark.box
    )
    assert [mark.expression for mark in found] == ["anger", "happiness"]


@pytest.mark.parametrize("side", [60, 120, 232, 390])
def test_it_is_faint_and_inside_the_crop(side: int) -> None:
    before = portrait()
    crop = square(20, 10, side, degrees=-12)
    change = imprint(before, [(crop, "fear")]).astype(int) - before
    y, x = np.nonzero(change.any(axis=2))
    inside = crop.to_crop(np.column_stack([x, y]) + 0.5)
    assert inside.min() > 0 and inside.max() < 160
    noise = 10 * np.log10(255**2 * 3 * side**2 / (change**2).sum())
    assert 40 < noise < 50  # decibels in the crop
    assert abs(change).max() <= 24


def test_no_face_or_too_little_of_one_changes_nothing() -> None:
    before = portrait()[:300, :300]
    for faces in ([], [(square(290, 290, 100), "fear")], [(square(-500, 0, 100), "fear")]):
        np.testing.assert_array_equal(imprint(before, faces), before)
    flat = np.full((300, 300, 3), 90, np.uint8)
    assert detect_watermarks(flat) == []
    (mark,) = detect_watermarks(imprint(flat, [(square(50, 50, 200), "fear")]))
    assert mark.expression == "fear"


def test_chance_is_what_it_says() -> None:
    """Shares of windows of unmarked pictures below a chance, against that chance: heads and skies of many scenes."""
    chances = []
    for seed in range(25):
        luma = np.asarray(variant(seed, size=320).convert("L"), dtype=np.float32)
        for size in (1.0, 2**0.5, 2.0):
            for _, shown in watermark_detection._windows(luma, size):
                chances.append(watermark_detection._chances()[watermark_detection._right(shown)])
    got = np.concatenate(chances)
    assert len(got) > 5_000
    for chance in (0.1, 0.01):
        assert 0.6 * chance < (got < chance).mean() < 1.4 * chance
    assert got.min() > 1e-8


def test_tails_against_a_closed_form() -> None:
    tails = watermark_detection._tails(4)
    np.testing.assert_allclose(tails, np.array([16, 15, 11, 5, 1]) / 16)
    known = int(watermark_code().known.sum())
    assert watermark_detection._tails(known)[known] == pytest.approx(2.0**-known)


def test_the_code_never_changes() -> None:
    """Marks that this version wrote must be found by all later ones; another code needs another seed beside it."""
    one = watermark_code()
    parts = (one.waves.astype("<i4"), one.known, one.signs.astype("<f4"))
    assert hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest().startswith("78373745bfc464fd")
