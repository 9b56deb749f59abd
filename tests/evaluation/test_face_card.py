"""A face learned from a drawn dataset and handed on: its files, what its card says, and what its sheets show."""

import re
from pathlib import Path

import numpy as np
import pytest
from known_detector import Shortening, hand_edits_on
from PIL import Image

from facerelief import __version__
from facerelief.checkpoint import load_checkpoint
from facerelief.data.manifest import METADATA, Sample, read_samples
from facerelief.expressions import EXPRESSIONS
from facerelief.files import sha256
from facerelief.geometry.morphable.action_units import EMFACS, SIDES
from facerelief.geometry.morphable.learning import learn
from facerelief.geometry.morphable.model import FACE_FILE, load_face
from facerelief.release import morphable

TILE = 40
NAMES = ["face.safetensors", "README.md", "expressions.jpg", "settings.jpg", "modes.jpg"]
NOTE = "GeneratorOutput for a test: nobody's photos."
CALLS: list[tuple[int, int]] = []

pytest.importorskip("scipy", reason="learning needs scipy")


@pytest.fixture(scope="module")
def fitted(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces") / "mine"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learn, "UV_SIZE", 80)  # a quarter of the pixels
        patch.setattr(morphable, "_TILE", TILE)
        # MediaPipe sees no face in most of these small drawings.
        hand_edits_on(patch)
        patch.setattr(morphable, "load_finder", lambda: Shortening(1.0))
        written = morphable.fit_and_write(pairs, folder, NOTE, progress=lambda *call: CALLS.append(call))
    assert written == [folder / name for name in NAMES]
    return folder


@pytest.fixture(scope="module")
def taken(pairs: Path) -> list[Sample]:
    """The samples that a face is learned from."""
    samples = read_samples(pairs)
    return [s for s in samples if s.keep and s.split == "train" and abs(s.yaw) < 20 and abs(s.pitch) < 25]


@pytest.fixture(scope="module")
def card(fitted: Path) -> str:
    return (fitted / "README.md").read_text(encoding="utf-8")


def table(card: str, heading: str) -> dict[str, list[str]]:
    """A Markdown table's rows by their first cell; `heading` is that of the first column."""
    lines = card[card.rindex(f"| {heading} |") :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: others for first, *others in cells}


def share(text: str) -> float:
    assert re.fullmatch(r"\d+(\.\d)?%", text)
    return float(text[:-1]) / 100


# -- the files ------------------------------------------------------------------------------------------------------


def test_what_is_written_is_whole(fitted: Path) -> None:
    assert sorted(path.name for path in fitted.iterdir()) == sorted(NAMES)
    face = load_face(fitted)
    assert face.mean.shape == (468, 3)
    assert face.amounts.shape == (len(EXPRESSIONS), len(face.rig.names))
    assert face.rig.names == load_face().rig.names  # the package's, where no other is named
    saved = load_checkpoint(fitted / FACE_FILE, "face")
    assert all(np.isfinite(values).all() for values in saved.tensors.values())
    assert face.expression("happiness").any()
    assert not face.expression("neutral").any()


def test_progress_counts_photos(fitted: Path, taken: list[Sample]) -> None:
    """Those that are used, and then those that are compared, and those that are edited."""
    totals = {total for _, total in CALLS}
    assert len(totals) == 1 and totals.pop() == len(CALLS) > len(taken)
    assert [done for done, _ in CALLS] == list(range(1, len(CALLS) + 1))


# -- the card -------------------------------------------------------------------------------------------------------


def test_the_card_names_the_file_and_its_checksum(card: str, fitted: Path) -> None:
    assert card.startswith("# face\n")
    assert f"facerelief\n{__version__}; safetensors" in card
    assert f"SHA-256 `{sha256(fitted / FACE_FILE)}`" in card
    assert f"{(fitted / FACE_FILE).stat().st_size / 1e6:.2f} MB" in card
    assert NOTE in card
    pictures = re.findall(r"!\[.+\]\((.+)\)", card)
    assert len(pictures) == 3
    assert all((fitted / name).is_file() for name in pictures)


def test_the_card_says_of_how_many_photos_and_people_expressions_are_learned(
    card: str, pairs: Path, taken: list[Sample]
) -> None:
    """Here 52 people: too few of each expression to be compared with themselves, of contempt none at all."""
    assert f"\n{len(taken)} kept training photos with yaw below 20 and pitch below 25 degrees;" in card
    assert f"metadata.csv `{sha256(pairs / METADATA)}`" in card
    rows = table(card, "expression")
    assert set(rows) <= set(EXPRESSIONS) - {"neutral", "contempt"}
    assert "happiness" in rows
    for name, (dataset, photos, people, neutral, mouth, explained, doubt, unseen) in rows.items():
        shown = [sample.identity for sample in taken if sample.expression == name]
        used, of = re.fullmatch(r"(\d+) of (\d+)", photos).groups()  # type: ignore[union-attr]
        assert (dataset, int(of)) == ("0", len(shown))
        assert int(used) <= len(shown) and int(people) <= len(set(shown))
        assert neutral in ("their own", "all") and mouth in ("open", "shut")
        assert share(explained) <= 1
        enough = 30 if neutral == "their own" else 100
        assert float(doubt) == pytest.approx(0.6 * (enough / int(people)) ** 0.5, abs=0.01)
        assert re.fullmatch(r"-|AU \d+(, AU \d+)*", unseen)
        required = {f"AU {unit}" for unit in EMFACS[name].required}
        assert unseen == "-" or set(unseen.split(", ")) <= required


def test_the_card_says_what_expressions_are_made_of(card: str, fitted: Path) -> None:
    """As the face has them; what EMFACS requires is bold, and contempt on one side."""
    face = load_face(fitted)
    names = [name for name in EXPRESSIONS if name != "neutral"]
    lines = [line for line in card.splitlines() if line.startswith("| AU ")]
    found = {int(re.findall(r"\d+", line)[0]): [c.strip() for c in line.strip("|").split("|")[1:]] for line in lines}
    assert set(found) == {unit for name in names for unit in EMFACS[name].units}
    for unit, cells in found.items():
        shape = face.rig.amounts({unit: 1.0}, SIDES[:1]).argmax()
        for name, cell in zip(names, cells, strict=True):
            assert bool(cell) == (unit in EMFACS[name].units)
            assert cell.startswith("**") == (unit in EMFACS[name].required)
            if cell:
                assert float(cell.strip("*")) == pytest.approx(face.amounts[EXPRESSIONS.index(name), shape], abs=0.006)
    assert "| AU 14, dimpler (left) |" in card and "| AU 12, lip corner puller |" in card


def test_the_card_repeats_the_command_and_names_the_rigs_source(card: str) -> None:
    assert "```\nfacerelief morphable fit DATASET -o FACE\n```" in card
    assert "https://github.com/ICT-VGL/ICT-FaceKit" in card and "MIT licence" in card
    facts = {"further_sha256": ["a", "b"], "rig_given": True}
    expected = "facerelief morphable fit DATASET -o FACE --rig FaceXModel --expressions-from DATASET_1"
    assert morphable._command(facts) == f"{expected} --expressions-from DATASET_2"


def test_the_card_says_what_the_modes_explain(card: str, fitted: Path) -> None:
    face = load_face(fitted)
    counts = {"identity": face.identity, "expression": face.texture_expression, "texture": face.texture_identity}
    rows = table(card, "modes")
    assert list(rows) == list(counts)
    explained = load_checkpoint(fitted / FACE_FILE, "face").facts["explained"]
    for name, (count, *shares) in rows.items():
        assert int(count) == len(counts[name]) == len(explained[name])
        first, five, everything = map(share, shares)
        assert 0 < first <= five <= everything <= 1
        assert (first, five) == pytest.approx((explained[name][0], explained[name][4]), abs=0.0051)
        assert everything == pytest.approx(explained[name][-1], abs=0.00051)


def test_the_card_says_of_how_many_groups_it_holds_means(card: str, fitted: Path) -> None:
    kinds = len(load_face(fitted).clusters)
    assert f"and {kinds} mean coefficients of clusters of at least 12 people" in card
    assert 1 <= kinds <= 52 // 12


# -- the sheets -----------------------------------------------------------------------------------------------------


def tiles(path: Path, rows: int, columns: int) -> np.ndarray:
    """The tiles of a sheet, float (rows, columns, TILE, TILE, 3)."""
    with Image.open(path) as sheet:
        assert (sheet.format, sheet.size) == ("JPEG", (columns * TILE, rows * TILE))
        pixels = np.asarray(sheet.convert("RGB"), dtype=float)
    return pixels.reshape(rows, TILE, columns, TILE, 3).swapaxes(1, 2)


def test_a_sheet_of_random_persons_with_every_expression(fitted: Path) -> None:
    sheet = tiles(fitted / "expressions.jpg", 8, 8)
    centre = sheet[:, :, 10:30, 10:30]
    happy = EXPRESSIONS.index("happiness")
    moved = np.abs(centre - centre[:, :1]).mean(axis=(2, 3, 4))
    assert (moved[:, happy] > 2).all()  # levels, beside the same person's neutral face
    others = np.abs(centre[1:, 0] - centre[:-1, 0]).mean(axis=(1, 2, 3))
    assert (others > moved[:-1, happy]).mean() > 0.5  # people differ more than expressions
    background = np.abs(sheet[:, 1:, :4, :4] - sheet[:, :1, :4, :4]).mean(axis=(1, 2, 3, 4))
    assert (background < 8).all()  # of one person it stays


def test_a_sheet_of_one_person_in_other_settings(fitted: Path) -> None:
    picture, depth, normal = tiles(fitted / "settings.jpg", 3, 9)
    assert np.ptp(depth, axis=-1).mean() < 2  # grey
    nose, corner = depth[2, 18:28, 15:25], depth[2, :3, :3]  # of the third, which is turned to neither side
    assert nose.mean() > 130
    assert corner.mean() < 5
    red, green, blue = normal[2, 14:28, 12:28].mean(axis=(0, 1))
    assert blue > 200  # it faces the viewer
    assert abs(red - 127.5) < 25 and abs(green - 127.5) < 45
    turned = [tile[14:28, 12:28, 0].mean() for tile in normal[:5]]
    assert turned == sorted(turned)  # from yaw -30, looking to the picture's left, to 30
    nods = [tile[14:28, 12:28, 1].mean() for tile in normal[5:7]]
    assert nods[0] < nods[1]  # from pitch -15 to 15, up
    left_lit, right_lit = (tile[14:28, 8:32].mean(axis=(0, 2)) for tile in picture[7:])
    assert left_lit[:12].mean() - left_lit[12:].mean() > 10
    assert right_lit[12:].mean() - right_lit[:12].mean() > 10


def test_a_sheet_of_modes_at_both_ends(fitted: Path) -> None:
    sheet = tiles(fitted / "modes.jpg", 3, 12)
    low, high = sheet[:, 0::2], sheet[:, 1::2]
    apart = np.abs(low - high).mean(axis=(2, 3, 4))
    assert (apart > 1).all()
    first, last = apart[:, 0], apart[:, -1]
    assert (first > last).all()  # the largest come first
