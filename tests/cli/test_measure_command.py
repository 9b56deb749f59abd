"""facerelief measure: text, JSON, CSV, and what is refused."""

import csv
import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from facerelief.editing import load_editor
from facerelief.faces.detector import load_finder

Command = Callable
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def photos(portrait: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """A smile, the same face without, and a wall."""
    folder = tmp_path_factory.mktemp("measure")
    editor = load_editor(finder=load_finder(), method="morphable")
    still = editor.render(portrait, editor.plan(portrait, editor.finder(portrait)[0], "neutral"), 1.0)
    pictures = {"smile": portrait, "still": still, "wall": np.full((200, 200, 3), 90, np.uint8)}
    for name, rgb in pictures.items():
        Image.fromarray(rgb).save(folder / f"{name}.png")
    return tuple(str(folder / f"{name}.png") for name in pictures)


def test_json(command: Command, photos: tuple[str, str, str]) -> None:
    smile, still, _ = photos
    found = json.loads(command("measure", smile, "--neutral", still, "--json").out)
    assert "movements, not feelings" in found["note"]
    (face,) = found["faces"]
    units = face["action_units"]
    assert face["photo"] == smile and face["neutral"] == still
    assert {"AU12", "AU12L", "AU12R", "AU26"} <= {*units} and "AU26L" not in units and len(face["blendshapes"]) == 47
    assert units["AU12"]["amount"] > 0.5 and units["AU12"]["seen"]
    seen = [name for name in units if units[name]["seen"]]
    assert max(seen, key=lambda name: units[name]["amount"]).startswith("AU12")
    assert all(one["amount"] >= 0 and one["deviation"] > 0 for one in units.values())


def test_csv_has_a_line_a_face(command: Command, photos: tuple[str, str, str]) -> None:
    smile, still, _ = photos
    lines = list(csv.DictReader(io.StringIO(command("measure", smile, still, "--csv").out)))
    assert [line["photo"] for line in lines] == [smile, still]
    assert float(lines[0]["AU12"]) > float(lines[1]["AU12"]) and lines[0]["neutral"] == ""


def test_text_says_what_a_number_is(command: Command, photos: tuple[str, str, str]) -> None:
    smile, still, _ = photos
    text = command("measure", smile, "--neutral", still).out
    assert "lip corner puller" in text and "movements, not feelings" in text and f"compared with {still}" in text


def test_bad_input_is_one_line(refused: Refused, photos: tuple[str, str, str]) -> None:
    smile, _, wall = photos
    assert "no face found" in refused("measure", wall)
    assert "no face found" in refused("measure", smile, "--neutral", wall)
    assert "choose one" in refused("measure", smile, "--json", "--csv")
    assert "there is no face 3" in refused("measure", smile, "--face", "3")
    assert "does not exist" in refused("measure", "nowhere.jpg")
