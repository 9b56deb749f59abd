"""Forms of raters, by hand: what they may say, and what it comes to."""

import json
from pathlib import Path

import pytest

from facerelief.errors import FacereliefError
from facerelief.evaluation.raters.form import FORM_COLUMNS, Rating, read_form
from facerelief.evaluation.raters.page import rating_tables
from facerelief.evaluation.raters.results import cohens_kappa, rating_facts

HEAD = ",".join(FORM_COLUMNS)
NAMES = ("001.png", "002.png", "003.png", "004.png")


def form(folder: Path, *lines: str, name: str = "anna", head: str = HEAD) -> Path:
    path = folder / f"{name}.csv"
    path.write_text("\n".join((head, *lines)) + "\n")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ada neutral, as she was and made happy; Bea happy, as she was and made neutral."""
    key = [
        {"picture": "001.png", "photo": "a", "identity": "ada", "label": "neutral", "target": None},
        {"picture": "002.png", "photo": "a", "identity": "ada", "label": "neutral", "target": "happiness"},
        {"picture": "003.png", "photo": "b", "identity": "bea", "label": "happiness", "target": None},
        {"picture": "004.png", "photo": "b", "identity": "bea", "label": "happiness", "target": "neutral"},
    ]
    raters = tmp_path / "raters"
    raters.mkdir()
    (raters / "key.json").write_text(json.dumps({"made_with": {"seed": 3}, "pictures": key}))
    return raters


def test_a_form_is_read_as_it_is_filled_in(tmp_path: Path) -> None:
    path = form(tmp_path, "001.png, No ,Happy,5,4,", "002.png,yes,,,,teeth", "003.png,,,,,", "004.png,,3,,,")
    assert read_form(path, NAMES) == {
        "001.png": Rating(False, "happiness", 5, 4, ""),
        "002.png": Rating(True, None, None, None, "teeth"),
        "004.png": Rating(None, "surprise", None, None, ""),  # AffectNet's number
    }
    short = form(tmp_path, "001.png,no", name="ben", head="picture,edited")
    assert read_form(short, NAMES) == {"001.png": Rating(False, None, None, None, "")}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("001.png,maybe,,,,",), "line 2: edited is 'maybe'; write yes or no"),
        (("001.png,no,smug,,,",), "line 2: unknown expression 'smug'; choose from neutral, "),
        (("001.png,no,,6,,",), "line 2: clear is '6'; write a whole number from 1 to 5"),
        (("001.png,no,,,4.5,",), "line 2: realism is '4.5'; write a whole number from 1 to 5"),
        (("001.png,no,,,,", "001.png,yes,,,,"), "line 3: 001.png is rated twice; leave one of its lines"),
        (("009.png,no,,,,",), "line 2: no picture '009.png'; name those of the key"),
        (("001.png,,,,,",), "holds no rating; fill in the form first"),
    ],
)
def test_what_is_no_answer_is_refused_with_its_line(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    path = form(tmp_path, *lines)
    with pytest.raises(FacereliefError) as caught:
        read_form(path, NAMES)
    assert str(caught.value).startswith(str(path)) and said in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_are_no_forms(tmp_path: Path) -> None:
    (tmp_path / "photo.csv").write_bytes(b"\xff\xd8\xff\xe0")
    for path, said in (
        (tmp_path / "none.csv", "cannot be read"),
        (tmp_path / "photo.csv", "cannot be read"),
        (form(tmp_path, "1", head="number"), "has no column picture; use the form.csv that was written"),
    ):
        with pytest.raises(FacereliefError, match=said):
            read_form(path, NAMES)


def test_shares_by_hand(tmp_path: Path, folder: Path) -> None:
    """Two raters, four pictures; Ben leaves one out."""
    anna = form(
        tmp_path,
        "001.png,no,neutral,5,5,",
        "002.png,yes,happiness,5,2,Teeth",
        "003.png,no,happiness,5,5,",
        "004.png,no,neutral,4,4,",
    )
    ben = form(
        tmp_path, "001.png,yes,sadness,2,3,eyes", "002.png,yes,happiness,4,4,teeth", "003.png,no,,,,", name="ben"
    )
    facts = rating_facts(folder, [anna, ben])
    edits, photos = facts["groups"]["edits"], facts["groups"]["photos"]
    assert edits["taken_for_real"] == {"mean": pytest.approx(1 / 3), "low": None, "high": None, "n": 3}
    assert photos["taken_for_real"]["mean"] == 3 / 4
    assert edits["named"]["mean"] == 1 and photos["named"]["mean"] == pytest.approx(2 / 3)
    assert photos["instead"] == "sadness"
    assert (edits["clear"]["mean"], edits["realism"]["mean"]) == (pytest.approx(13 / 3), pytest.approx(10 / 3))
    assert edits["good"] == {"mean": pytest.approx(2 / 3), "low": None, "high": None, "n": 3}
    assert (edits["pictures"], edits["people"]) == (2, 2)
    assert set(facts["groups"]) == {
        *("edits", "photos"),
        *(f"{kind} {name}" for kind in ("edits to", "photos of") for name in ("neutral", "happiness")),
    }
    assert facts["notes"] == ["ben: 1 of 4 pictures are not rated"]
    assert facts["raters"]["ben"]["edits"]["taken_for_real"] == 0
    assert facts["raters"]["anna"]["photos"]["named"] == 1
    assert facts["reasons"]["edits to happiness"] == ["teeth (2)"]
    # Edited: of three pictures both rate, they differ in the first: 2/3 alike; by chance 1/3 * 2/3 + 2/3 * 1/3 = 4/9.
    assert facts["agreement"]["edited"] == pytest.approx((2 / 3 - 4 / 9) / (1 - 4 / 9))
    header, rows = rating_tables(facts)["Pictures"][0][1]
    assert rows[0] == ["edits", "2", "0.33", "1.00", "-", "4.3", "3.3", "0.67"] and len(header) == len(rows[0])


def test_kappa_of_cohens_own_example() -> None:
    """His table 1 (1960): two judges and three diagnoses, of which 0.70 agree and 0.41 would by chance: 0.492."""
    counts = {
        ("a", "a"): 88, ("a", "b"): 14, ("a", "c"): 18,
        ("b", "a"): 10, ("b", "b"): 40, ("b", "c"): 10,
        ("c", "a"): 2, ("c", "b"): 6, ("c", "c"): 12,
    }  # fmt: skip
    pairs = [pair for pair, count in counts.items() for _ in range(count)]
    assert cohens_kappa(pairs) == pytest.approx(0.492, abs=0.001)
    assert cohens_kappa([("a", "a")] * 3) == 1


def test_keys_that_are_none(tmp_path: Path, folder: Path) -> None:
    path = form(tmp_path, "001.png,no,,,,")
    with pytest.raises(FacereliefError, match=r"two forms are called anna; rename one"):
        rating_facts(folder, [path, path])
    for text in ('{"pictures": []}', '{"made_with": {}, "pictures": [{"picture": "001.png"}]}', "[]"):
        (folder / "key.json").write_text(text)
        with pytest.raises(FacereliefError, match=r"key\.json") as caught:
            rating_facts(folder, [path])
        assert "\n" not in str(caught.value)
    with pytest.raises(FacereliefError, match="facerelief report blind PHOTOS -o FOLDER"):
        rating_facts(tmp_path / "nowhere", [path])
