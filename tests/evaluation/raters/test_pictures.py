"""Pictures for raters: what is edited, and that nothing but the picture itself can tell."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from photos import astronaut
from PIL import Image

from facerelief.data.sources.labelled import Labelled
from facerelief.editing import load_editor
from facerelief.errors import FacereliefError
from facerelief.evaluation.outside.people import FaceLandmarks
from facerelief.evaluation.raters.pictures import Shown, show_each, show_once, write_pictures


def labelled(*labels: str) -> list[Labelled]:
    return [Labelled(Path(f"{number}.png"), label, f"person {number}") for number, label in enumerate(labels)]


@pytest.mark.parametrize("count", [1, 7, 40])
def test_every_person_once_and_half_of_them_edited(count: int) -> None:
    photos = labelled(*["neutral", "happiness", "anger", "neutral"] * 10)[:count]
    shown = show_once(photos, ["happiness", "neutral", "fear"], seed=1)
    assert sorted(one.photo.photo for one in shown) == sorted(one.photo for one in photos)
    edited = [one for one in shown if one.target]
    assert len(edited) == max(1, count // 2)
    assert not any(one.target == one.photo.expression for one in edited)
    assert shown == show_once(photos, ["happiness", "neutral", "fear"], seed=1)
    if count == 40:
        assert shown != show_once(photos, ["happiness", "neutral", "fear"], seed=2)
        assert [one.photo for one in shown] != photos
        often = Counter(one.target for one in edited)
        assert max(often.values()) - min(often.values()) <= 4
        assert 5 <= sum(one.target is not None for one in shown[:20]) <= 15  # where in the order says nothing


def test_nobody_is_shown_twice() -> None:
    """Of people with several photos one is drawn, not always the same."""
    photos = [Labelled(Path(f"{n}-{k}.png"), "anger", f"person {n}") for n in range(20) for k in range(3)]
    shown = show_once(photos, ["happiness"], seed=4)
    assert sorted(one.photo.identity for one in shown) == sorted({one.identity for one in photos})
    assert {one.photo.photo.name.partition("-")[2] for one in shown} == {"0.png", "1.png", "2.png"}
    assert sum(one.target is not None for one in shown) == 10


def test_photos_that_show_the_only_target_are_left_as_they_are() -> None:
    shown = show_once(labelled("happiness", "happiness", "neutral"), ["happiness"], seed=0)
    assert [one.photo.expression for one in shown if one.target] == ["neutral"]
    with pytest.raises(FacereliefError, match="every photo shows happiness already; name other targets by --to"):
        show_once(labelled("happiness", "happiness"), ["happiness"], seed=0)


def test_each_photo_as_it_is_and_edited_to_each() -> None:
    photos = labelled("neutral", "happiness")
    shown = show_each(photos, ["happiness", "fear"], seed=3)
    every = {(one.photo.photo.name, one.target) for one in shown}
    assert every == {(name, target) for name in ("0.png", "1.png") for target in (None, "happiness", "fear")}
    assert len(shown) == 6


def test_nothing_but_the_picture_tells(tmp_path: Path) -> None:
    head = Image.fromarray(astronaut()[:230, 110:340]).resize((460, 460), Image.Resampling.LANCZOS)
    head.save(tmp_path / "me.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    one = Labelled(tmp_path / "me.jpg", "happiness", "me")
    editor, folder = load_editor(method="morphable"), tmp_path / "raters"
    landmarks = FaceLandmarks(editor.finder)
    given = [Shown(one, None), Shown(one, "neutral")]
    form = write_pictures(editor, given, landmarks, folder, {"seed": 0}, size=230)
    assert form == folder / "form.csv"
    names = ["001.png", "002.png"]
    assert form.read_text().splitlines() == ["picture,edited,shows,clear,realism,reason", *(f"{n},,,,," for n in names)]
    pictures = [Image.open(folder / "pictures" / name) for name in names]
    assert [(one.format, one.size, one.mode, one.info) for one in pictures] == [("PNG", (230, 230), "RGB", {})] * 2
    real, edit = (np.asarray(one).astype(int) for one in pictures)
    with Image.open(tmp_path / "me.jpg") as photo:
        expected = np.asarray(photo.convert("RGB").resize((230, 230), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(real - expected).mean() < 1
    assert np.abs(edit - real)[120:190, 60:170].mean() > 2  # the mouth
    assert (edit[:20] == real[:20]).all()
    key = json.loads((folder / "key.json").read_text())
    assert [(one["picture"], one["label"], one["target"]) for one in key["pictures"]] == [
        ("001.png", "happiness", None),
        ("002.png", "happiness", "neutral"),
    ]

    write_pictures(editor, given[:1], landmarks, folder, {}, size=230)
    assert [path.name for path in (folder / "pictures").iterdir()] == ["001.png"]  # none of before is left
    (folder / "key.json").unlink()
    with pytest.raises(FacereliefError, match="pictures exists and has no key beside it; choose another folder"):
        write_pictures(editor, given[:1], landmarks, folder, {})
