"""`facerelief report outside`, with instruments of random numbers, on photos of two people who smile when asked to."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from face_api_files import write_instruments
from photos import astronaut
from PIL import Image

from facerelief.editing import load_editor
from facerelief.photos.photo import Photo

Command = Callable
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def instruments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_instruments(tmp_path_factory.mktemp("instruments"))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, one the mirror image of the other, neutral (edited to be) and smiling."""
    folder = tmp_path_factory.mktemp("people")
    head = np.asarray(Image.fromarray(astronaut()[:230, 110:340]).resize((460, 460), Image.Resampling.LANCZOS))
    editor = load_editor(method="morphable")
    rows = ["path,expression,identity"]
    for identity, pixels in (("ada", head), ("bea", np.ascontiguousarray(head[:, ::-1]))):
        calm = editor(Photo(pixels), "neutral").photo.rgb
        for label, picture in (("happiness", pixels), ("neutral", calm)):
            (folder / label).mkdir(exist_ok=True)
            Image.fromarray(picture).save(folder / label / f"{identity}.png")
            rows.append(f"{label}/{identity}.png,{label},{identity}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


def test_everything_is_measured(command: Command, people: Path, instruments: Path, tmp_path: Path) -> None:
    report, sheet = tmp_path / "report", tmp_path / "mouths.png"
    call = ("report", "outside", people, "--instruments", instruments, "--method", "morphable")
    result = command(
        *call, "--to", "neutral,happiness,contempt", "-o", report, "--sheet", sheet, "--strength-people", 1
    )
    assert (result.code, result.err) == (0, "read as 'csv', by labels.csv\n")
    lines = result.out.splitlines()
    assert lines[0] == f"morphable on {people.name}, strength 1"
    assert lines[1] == "8 edits of 4 photos of 2 people, 4 of them compared with a true photo."
    assert lines[-2:] == [str(sheet), str(report / "report.html")]
    facts = json.loads((report / "report.json").read_text())
    assert {name: one["n"] for name, one in facts["targets"].items()} == {"neutral": 2, "happiness": 2, "contempt": 4}
    assert facts["targets"]["contempt"]["rate"] is None
    assert set(facts["truth"]) == {"happiness to neutral", "neutral to happiness"}
    calm = facts["truth"]["happiness to neutral"]
    # Each true photo is the very edit: what the editor makes is nearly the truth, what it is compared with is not.
    assert calm["edit"]["psnr"]["mean"] > 5 + calm["no edit"]["psnr"]["mean"]
    assert calm["edit"]["mouth_ssim"]["mean"] > 0.85 > calm["no edit"]["mouth_ssim"]["mean"]
    assert calm["edit"]["lips"]["mean"] < 0.015 < 0.03 < calm["no edit"]["lips"]["mean"]
    assert calm["edit"]["identity_median"]["value"] < 0.5 * calm["no edit"]["identity_median"]["value"]
    assert calm["edit"]["movement"]["ratio"]["value"] == pytest.approx(1, abs=0.08)
    # The other person is the mirror image, and smiles in the same way.
    assert calm["mean movement"]["landmarks"]["mean"] < calm["no edit"]["landmarks"]["mean"]
    assert calm["mean movement"]["common_movement"]["ratio"]["value"] == pytest.approx(1, abs=0.35)
    assert facts["real_mouths"]["happiness"]["shows_teeth"]["mean"] == 1  # the astronaut's smile
    assert len(facts["each_edit"]) == 8
    strengths = facts["strengths"]
    assert {name: one["n"] for name, one in strengths.items()} == {"neutral": 1, "happiness": 1, "contempt": 1}
    assert len(facts["each_strength"]) == 3
    assert all(one["folded"] == 0 for one in strengths.values())
    assert strengths["happiness"]["warped"]["shares"] == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5], abs=0.05)
    assert strengths["happiness"]["warped"]["r2_median"] > 0.99
    assert strengths["happiness"]["seen"]["shares"][2] == pytest.approx(0.5, abs=0.25)
    assert len(facts["made_with"]["weights sha256"]) == 64
    with Image.open(sheet) as picture:
        assert picture.width > 100
    assert "Against true photos" in (report / "report.md").read_text()
    for heading in ("Mouths", "Strength"):
        assert f"<h2>{heading}</h2>" in (report / "report.html").read_text()


def test_rate_and_identity_alone_of_chosen_people(command: Command, people: Path, instruments: Path) -> None:
    call = ("report", "outside", people, "--instruments", instruments, "--method", "morphable", "--to", "anger")
    result = command(
        *call, "--no-truth", "--people", "bea", "--photos", 1, "--strength", 0, "--strength-people", 0, "--json"
    )
    assert result.code == 0
    facts = json.loads(result.out)
    assert (facts["photos"], facts["people"], facts["truth"], facts["strengths"]) == (1, 1, {}, {})
    assert facts["targets"]["anger"]["identity_median"]["value"] == pytest.approx(0, abs=0.05)  # strength 0: the photo
    assert facts["made_with"]["selection"].startswith("split all, people ('bea',), photos 1")


def test_what_cannot_be_measured(refused: Refused, people: Path, instruments: Path, tmp_path: Path) -> None:
    call = ("report", "outside", people, "--method", "morphable", "--to", "happy")
    nowhere, manifest = tmp_path / "nowhere", "face_expression_model-weights_manifest.json"
    lines = {
        (): "Missing option '--instruments'",
        ("--instruments", nowhere): f"{nowhere / manifest} cannot be read (No such file or directory); npm pack @vlad",
        ("--instruments", instruments, "--people", "eve"): "no photo of eve; name people as the photos' labels do",
        ("--instruments", instruments, "--strength", 2): "Invalid value for '--strength': ",
        ("--instruments", instruments, "--min-face-size", 999): "none of 4 photos can be measured (4 photos are not",
        ("--instruments", instruments, "--sheet", "x.doc"): "x.doc names no picture format",
        ("--instruments", instruments, "--sheet", "x.png", "--no-truth"): "--sheet shows edits beside true photos; ",
        ("--instruments", instruments, "--split", "tset"): "no split 'tset'; choose from train, val, test, all",
    }
    for arguments, message in lines.items():
        assert message in refused(*call, *arguments), arguments
