"""`facerelief report blind` and `report ratings`, from photos to a page."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from photos import astronaut
from PIL import Image

Command = Callable
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two smiling people, one the mirror image of the other."""
    folder = tmp_path_factory.mktemp("people")
    head = np.asarray(Image.fromarray(astronaut()[:230, 110:340]).resize((460, 460), Image.Resampling.LANCZOS))
    (folder / "happiness").mkdir()
    for name, pixels in (("ada", head), ("bea", head[:, ::-1])):
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / "happiness" / f"{name}.png")
    return folder


def test_from_photos_to_a_page(command: Command, people: Path, tmp_path: Path) -> None:
    folder, report = tmp_path / "raters", tmp_path / "report"
    made = command("report", "blind", people, "-o", folder, "--each", "--to", "neutral", "--method", "morphable")
    assert made.code == 0
    assert made.out.splitlines()[0] == str(folder / "form.csv")
    key = json.loads((folder / "key.json").read_text())
    assert key["made_with"]["method"] == "morphable" and len(key["pictures"]) == 4
    form = tmp_path / "anna.csv"
    with (folder / "form.csv").open() as empty, form.open("w") as filled:
        rows, targets = list(csv.DictReader(empty)), {one["picture"]: one["target"] for one in key["pictures"]}
        table = csv.DictWriter(filled, rows[0].keys())
        table.writeheader()
        for row in rows:
            edited = targets[row["picture"]] is not None
            shows = targets[row["picture"]] or "happiness"
            table.writerow(row | {"edited": "yes" if edited else "no", "shows": shows, "reason": "lips" * edited})
    read = command("report", "ratings", folder, form, "-o", report)
    assert (read.code, read.err) == (0, "")
    assert read.out.splitlines()[:2] == ["ratings of raters", "4 pictures, 1 raters, 4 ratings."]
    facts = json.loads((report / "report.json").read_text())
    assert facts["groups"]["edits to neutral"]["taken_for_real"]["mean"] == 0
    assert facts["groups"]["photos of happiness"]["taken_for_real"]["mean"] == 1
    assert facts["groups"]["edits"]["named"]["mean"] == 1
    page = (report / "report.html").read_text()
    assert "<h2>What gives edits away</h2>" in page and "lips (2)" in page


def test_what_cannot_be_rated(refused: Refused, people: Path, tmp_path: Path) -> None:
    call = ("report", "blind", people, "-o", tmp_path / "raters", "--method", "morphable")
    assert "every photo shows happiness already; name other targets by --to" in refused(*call, "--to", "happy")
    assert "no photo of eve" in refused(*call, "--people", "eve")
    assert "Invalid value for '--size'" in refused(*call, "--size", 2)
    assert "key.json" in refused("report", "ratings", tmp_path, tmp_path / "anna.csv")
    assert not (tmp_path / "raters").exists()
