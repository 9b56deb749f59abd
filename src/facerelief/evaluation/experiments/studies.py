"""What the paper's tables compare, as cells of a grid, and at which scales.

A cell is a run of stage 2 that differs from the scale's settings in a few; every cell is trained with every seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from facerelief.errors import FacereliefError


@dataclass(frozen=True)
class Cell:
    """One row of a table.

    Attributes:
        title: Its name in tables.
        editor: Settings of stage 2 that differ from the scale's.
        name: Its name in paths; by default the guide, then what else differs.
        sham: Which maps without geometry it learns from (`data.sham.SHAMS`); "" for the dataset's own.
    """

    title: str
    editor: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    sham: str = ""

    @property
    def slug(self) -> str:
        """Its name in paths."""
        if self.name:
            return self.name
        guide = self.sham or str(self.editor.get("guide", "depth"))
        if guide == "none" and "method" not in self.editor:
            guide = "stargan"
        # As earlier versions named it, so that their studies resume.
        earlier = {"method": "backbone"}
        named = {earlier.get(name, name): value for name, value in self.editor.items() if name != "guide"}
        others = [f"{name}-{value}" for name, value in sorted(named.items())]
        return "_".join([guide, *others]).lower()


@dataclass(frozen=True)
class Study:
    """A table of the paper, or one that it lacks.

    Attributes:
        title: Its heading.
        cells: The rows. The others are compared with the first.
        equal_time: Whether every cell trains for as long as the first, instead of for as many steps; the stage 1 that a
            guided cell needs is part of its time.
        on_second_dataset: Whether it is measured on a second dataset, of other people.
        in_pairs: Whether cells with guidance, whose names end with `WITH_GUIDANCE`, are compared with those without.
    """

    title: str
    cells: tuple[Cell, ...]
    equal_time: bool = False
    on_second_dataset: bool = False
    in_pairs: bool = False


STARGAN = Cell("StarGAN", {"guide": "none"})
_DEPTH = Cell("depth map", {"guide": "depth", "conf_penalty": 0.0})
_HEADLINE = Cell("depth map + penalty", {"guide": "depth", "conf_penalty": 0.1})


def _relief(title: str, **editor: Any) -> Cell:
    return Cell(title, {"method": "relief", **editor})


WITH_GUIDANCE = "_depth"
# In the order in which the paper names them. Each is trained with its own losses, and then with the guidance as well.
_METHODS = {
    "stargan": "StarGAN",
    "ganimation": "GANimation",
    "gannotation": "GANnotation, unpaired",
    "cyclegan": "CycleGAN",
    "icgan": "IcGAN",
    "attgan": "AttGAN",
    "stgan": "STGAN",
    "elegant": "ELEGANT",
    "diat": "DIAT",
    "relief": "relief",
}


def _with_and_without(method: str, title: str) -> tuple[Cell, Cell]:
    guided = {"guide": "depth", "conf_penalty": 0.1, "method": method}
    return (
        Cell(title, {"guide": "none", "method": method}, method),
        Cell(f"{title} + depth", guided, method + WITH_GUIDANCE),
    )


STUDIES = {
    "table1": Study(
        "Table 1: StarGAN, and guidance by depth and normals",
        (STARGAN, _DEPTH, Cell("normal map + penalty", {"guide": "normal", "conf_penalty": 0.1}), _HEADLINE),
    ),
    "table2": Study("Table 2: the second dataset", (STARGAN, _HEADLINE), on_second_dataset=True),
    "table3": Study(
        "Table 3: the weight of the depth network",
        (
            STARGAN,
            replace(_DEPTH, title="depth weight 0.1"),  # the default
            *(Cell(f"depth weight {weight}", {**_DEPTH.editor, "depth_weight": weight}) for weight in (0.2, 0.3, 0.4)),
        ),
    ),
    "penalty": Study(
        "The confidence penalty of Eq. 11, which the paper sets by cross-validation",
        tuple(Cell(f"penalty {beta}", {"guide": "depth", "conf_penalty": beta}) for beta in (0.0, 0.03, 0.1, 0.3, 1.0)),
    ),
    "anchors": Study(
        "What holds G_depth in stage 2",
        (
            Cell("learns on, anchored", {"guide": "depth", "conf_penalty": 0.1}),
            Cell("learns on, no anchor", {"guide": "depth", "conf_penalty": 0.1, "pix_weight": 0.0, "per_weight": 0.0}),
            Cell("frozen", {"guide": "depth", "conf_penalty": 0.1, "freeze_depth": True}),
        ),
    ),
    "objectives": Study(
        "Adversarial objectives at equal time",
        (
            Cell("R1, one D step", {"guide": "depth", "objective": "r1", "d_steps": 1}),
            Cell("WGAN-GP, five D steps", {"guide": "depth", "objective": "wgan-gp", "d_steps": 5}),
        ),
        equal_time=True,
    ),
    "backbone": Study(
        "Effect of guidance and warm start on the relief backbone",
        (
            _relief("no guidance", guide="none"),
            _relief("depth", guide="depth"),
            _relief("normals", guide="normal"),
            _relief("depth and normals", guide="both"),
            _relief("depth, no warm start", guide="depth", warm_start="none"),
        ),
    ),
    "methods": Study(
        "The systems that the paper compares itself to, each without and with guidance by depth, at equal time",
        tuple(cell for name, title in _METHODS.items() for cell in _with_and_without(name, title)),
        equal_time=True,
        in_pairs=True,
    ),
}
STUDIES["evidence"] = Study(
    "Does geometry help? Guidance by depth against maps that carry none",
    (
        STARGAN,
        Cell("StarGAN, class weight 1", {"guide": "none", "cls_weight": 1.0}),
        replace(_HEADLINE, title="depth"),
        Cell("sham: luminance as depth", _HEADLINE.editor, sham="luminance"),
        Cell("sham: another photo's depth", _HEADLINE.editor, sham="shuffled"),
        Cell("normals", {"guide": "normal", "conf_penalty": 0.1}),
    ),
)
DATASET_STUDY = "table4"  # dataset statistics: nothing is trained
STUDY_NAMES = (*STUDIES, DATASET_STUDY)


@dataclass(frozen=True)
class Scale:
    """How large a study is. The dicts hold settings by name, as `--set` takes them.

    Attributes:
        preset: The preset that all runs start from.
        seeds: Number of seeds.
        pictures: Number of pictures of the synthetic dataset that is made where no dataset is given.
        scenes_per_person: Of the synthetic dataset.
        picture_size: Side of its pictures in pixels.
        all: Settings of every run.
        judge: Settings of the expression classifier.
        identity: Settings of the identity encoder.
        depth: Settings of stage 1.
        editor: Settings of stage 2.
        methods: Settings of stage 2 by method; they override `editor`'s. Of width and blocks, a method's preset does.
        pace: Rounds in which cells of equal time are timed, and the fewest steps of a lap.
    """

    preset: str
    seeds: int
    pictures: int
    scenes_per_person: int
    picture_size: int
    all: dict[str, Any]
    judge: dict[str, Any]
    identity: dict[str, Any]
    depth: dict[str, Any]
    editor: dict[str, Any]
    methods: dict[str, dict[str, Any]] = field(default_factory=dict)
    pace: tuple[int, int] = (3, 48)


# What their papers have none of; ELEGANT needs one beside R1 (docs/methods/elegant.md).
_COMPARED = {name: {"warm_up": 0} for name in _METHODS if name not in ("stargan", "relief", "elegant")}
_SPARSE = {"perceptual": "none", "log_every": 20, "sample_every": 10**9}
SCALES = {
    # A test that everything runs, in a minute on two cores; its numbers mean nothing.
    "smoke": Scale(
        "cpu",
        seeds=2,
        pictures=24 * 8,
        scenes_per_person=1,
        picture_size=64,
        all={**_SPARSE, "size": 32, "width": 8, "batch": 16, "r1_every": 2, "precision": "no", "log_every": 4},
        judge={"steps": 40},
        identity={"steps": 6},
        depth={"steps": 2, "blocks": 1, "d_width": 8, "d_max_channels": 64},
        editor={"steps": 8, "blocks": 1, "d_width": 8, "d_max_channels": 64, "warm_up": 2},
        methods=_COMPARED,
        pace=(1, 2),
    ),
    # Table 1 within about three hours on two cores.
    "cpu": Scale(
        "cpu",
        seeds=3,
        pictures=3200,
        scenes_per_person=2,
        picture_size=64,
        all={**_SPARSE, "size": 48},
        judge={"steps": 800, "width": 16, "batch": 64},
        identity={"steps": 600},
        depth={"steps": 400, "width": 24, "blocks": 4, "save_every": 100},
        editor={"steps": 1200, "width": 24, "blocks": 4, "warm_up": 150, "save_every": 100},
        methods={**_COMPARED, "elegant": {"warm_up": 100}, "relief": {"warm_up": 500}},
        pace=(2, 16),
    ),
    # Table 1 in nine minutes on one H200 and 16 cores, twelve jobs at once.
    "gpu": Scale(
        "cpu",
        seeds=3,
        pictures=4800,
        scenes_per_person=2,
        picture_size=64,
        all={**_SPARSE, "size": 64},
        judge={"steps": 1000, "batch": 128},
        identity={"steps": 800},
        depth={"steps": 600, "batch": 32, "save_every": 300},
        editor={"steps": 1500, "batch": 32, "warm_up": 150, "save_every": 500},
        methods={**_COMPARED, "elegant": {"warm_up": 100}, "relief": {"warm_up": 700}},
        pace=(1, 16),
    ),
    # The paper's own numbers: days on one card.
    "paper": Scale(
        "paper",
        seeds=3,
        pictures=87_000,
        scenes_per_person=4,
        picture_size=256,
        all={"size": 256},  # of all methods, whatever their own papers have
        judge={},
        identity={},
        depth={},
        editor={},
    ),
}


def find_study(name: str, only: Sequence[str] = ()) -> Study:
    """The study of a name.

    Args:
        name: One of `STUDIES`.
        only: Slugs of the cells to keep, by default all.

    Raises:
        FacereliefError: There is no such study or cell; the message lists them.
    """
    if name not in STUDIES:
        raise FacereliefError(f"no study {name!r}; choose from {', '.join(STUDY_NAMES)}")
    study = STUDIES[name]
    slugs = [cell.slug for cell in study.cells]
    unknown = next((slug for slug in only if slug not in slugs), None)
    if unknown:
        raise FacereliefError(f"{name} has no cell {unknown!r}; choose from {', '.join(slugs)}")
    return replace(study, cells=tuple(cell for cell in study.cells if not only or cell.slug in only))


def find_scale(name: str) -> Scale:
    """The scale of a name. Raises `FacereliefError` that lists them."""
    if name not in SCALES:
        raise FacereliefError(f"no scale {name!r}; choose from {', '.join(SCALES)}")
    return SCALES[name]
