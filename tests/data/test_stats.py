import pytest
from rich.console import Console

from facerelief.data.stats import TABLE_COLUMNS, dataset_warnings, render, table4
from facerelief.expressions import EXPRESSIONS

HEADINGS = ("Anger", "Contempt", "Disgust", "Fear", "Happy", "Neutral", "Sadness", "Surprise")


def printed(rows):
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(render(rows))
    return capture.get()


@pytest.fixture
def some(row):
    return [
        row("a1", expression="happiness", identity="ann", split="train"),
        row("a2", expression="happiness", identity="ann", split="train"),
        row("a3", expression="anger", identity="ann", split="train"),
        row("b1", expression="happiness", identity="bob", split="test"),
        row("b2", expression="surprise", identity="bob", split="test", keep=False),
        row("c1", expression="anger", identity="cem", split="val"),
    ]


def test_columns_are_the_papers():
    assert TABLE_COLUMNS == ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def test_rows_and_sums(some):
    counts = {row.name: (row.counts, row.total) for row in table4(some, "mine")}
    assert counts == {
        "mine": ((2, 0, 0, 0, 3, 0, 0, 0), 5),
        "train": ((1, 0, 0, 0, 2, 0, 0, 0), 3),
        "val": ((1, 0, 0, 0, 0, 0, 0, 0), 1),
        "test": ((0, 0, 0, 0, 1, 0, 0, 0), 1),
        "persons": ((2, 0, 0, 0, 2, 0, 0, 0), 3),  # Ann is in two classes and one person
        "left out": ((0, 0, 0, 0, 0, 0, 0, 1), 1),
    }


def test_the_papers_own_line_fits_a_terminal(row):
    sizes = {"anger": 564, "contempt": 580, "disgust": 576, "fear": 548}
    sizes |= {"happiness": 557, "neutral": 585, "sadness": 569, "surprise": 515}
    samples = [row("x", expression=label) for label, count in sizes.items() for _ in range(count)]
    lines = printed(table4(samples, "RaFD-D")).splitlines()
    assert lines[0].split() == ["Dataset", *HEADINGS, "Total"]
    line = next(line for line in lines if line.startswith("RaFD-D"))
    assert line.split()[1:] == ["564", "580", "576", "548", "557", "585", "569", "515", "4,494"]
    assert max(map(len, lines)) <= 80


def balanced(row, photos=60):
    """Eight classes, each photo of a person of its own, in all splits, reviewed."""
    return [
        row(f"{label}{k}", expression=label, split=("train", "train", "val", "test")[k % 4], quality=0.9)
        for label in EXPRESSIONS
        for k in range(photos)
    ]


def test_a_sound_dataset_gives_no_warning(row):
    assert dataset_warnings(balanced(row)) == []


def only(lines, word):
    found = [line for line in lines if word in line]
    assert len(found) == 1, lines
    assert "\n" not in found[0]
    return found[0]


def test_imbalance(row):
    more = [row(f"n{k}", expression="neutral", split="train", quality=0.9) for k in range(540)]
    line = only(dataset_warnings(balanced(row) + more), "imbalance")
    assert "600 photos of neutral, 60 of " in line
    assert "10 to 1" in line
    assert not any("imbalance" in line for line in dataset_warnings(balanced(row) + more[:-1]))


def test_too_few_photos_or_persons(row):
    samples = [s for s in balanced(row) if not (s.expression == "fear" and s.file_name > "rgb/fear4")]
    assert "fear" in only(dataset_warnings(samples), "are few to train")
    crowd = [row(f"anger{k}", expression="anger", identity=f"p{k % 19}", split="train", quality=0.9) for k in range(60)]
    samples = [s for s in balanced(row) if s.expression != "anger"] + crowd
    assert "anger: 60 photos of 19 persons" in only(dataset_warnings(samples), "are few to train")


def test_classes_that_a_split_lacks(row):
    samples = [s for s in balanced(row) if (s.expression, s.split) not in (("fear", "test"), ("anger", "test"))]
    assert only(dataset_warnings(samples), "no photos") == "test: no photos of fear, anger"


def test_photos_that_come_from_few_persons(row):
    crowd = [row(f"c{k}", expression="disgust", identity="cem", quality=0.9) for k in range(30)]
    line = only(dataset_warnings(balanced(row) + crowd), "three persons")
    assert line.startswith("disgust: 36% of its photos show three persons (cem, ")  # (30 + 1 + 1) / 90


def test_colour_that_gives_the_label_away(row):
    coloured = [
        row(f"{label}{k}", expression=label, split=split, quality=0.9, chroma=20.0 if k < share else 1.0)
        for label, share in {"disgust": 45, "anger": 20, "neutral": 12, "fear": 10}.items()
        for k, split in enumerate(["train", "val", "test"] * 20)
    ]
    line = only(dataset_warnings(coloured), "luminance")
    assert line.startswith(
        "disgust: 75% of its photos are in colour, 20% in a typical other class"
    )  # median of 20, 12, 10 of 60


def test_people_and_pictures_in_two_splits(row):
    samples = balanced(row)
    same = [
        row("t1", identity="neutral0", split="test", quality=0.9),
        row("t2", split="val", quality=0.9, fingerprint=samples[0].fingerprint),
        row("t3", split="val", quality=0.9, fingerprint=samples[1].fingerprint, keep=False),
    ]
    found = dataset_warnings(samples + same)
    assert only(found, "identity leak").startswith("identity leak: 1 in more than one split (neutral0)")
    assert only(found, "picture leak").startswith(
        "picture leak: 1 in more than one split (rgb/neutral0.png = rgb/t2.png)"
    )
    assert len(found) == 2


def test_a_dataset_that_was_never_reviewed(row):
    samples = [row(f"a{k}") for k in range(3)]
    only(dataset_warnings(samples), "not reviewed")


def test_nothing_kept(row):
    assert (
        dataset_warnings([row("a", keep=False)])
        == dataset_warnings([])
        == ["no sample is kept: there is nothing to train on"]
    )
    assert "mine" in printed(table4([], "mine"))


def test_a_name_is_no_markup(row):
    from rich.console import Console

    console = Console(width=200)
    with console.capture() as shown:
        console.print(render(table4([row("a")], "[bold]x[/b] [/]")))
    assert "[bold]x[/b] [/]" in shown.get()
