"""`facerelief train depth | expression | judge | identity`."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facerelief.cli.command import Commands
from facerelief.cli.commands.report import warn_of_chance
from facerelief.cli.console import bar, out, say
from facerelief.cli.options import COLOURS, TRAINED, ExpressionsOption, TrainingData, one_of
from facerelief.cli.training_data import training_dataset
from facerelief.config import (
    GEOMETRY_TARGETS,
    GUIDES,
    OBJECTIVES,
    WARM_STARTS,
    ClassifierTraining,
    Config,
    DepthTraining,
    ExpressionTraining,
    IdentityTraining,
)
from facerelief.errors import FacereliefError
from facerelief.expressions import resolve_all
from facerelief.training.presets import PRESETS, make_config

if TYPE_CHECKING:
    from facerelief.data import Dataset
    from facerelief.training.geometry_probe import ProbeResult

app = Commands(help="Train the depth network, an expression editor, the classifier (judge), or the identity encoder.")

# Shown beside the bar.
_WATCHED = ("G_depth/pix", "G/rgb/rec", "G/rgb/cls", "G/depth/cls", "judge/cls", "identity/contrast")

RunFolder = Annotated[
    Path,
    typer.Option("-o", "--out", help="The run's folder. Run the same command again to resume.", show_default=False),
]
Preset = Annotated[
    str,
    one_of(
        choices=tuple(PRESETS),
        help="paper: the paper's sizes and steps, and StarGAN's settings where it gives none. gpu: 128 px. cpu: 64 px.",
    ),
]
Colour = Annotated[
    str | None, one_of(choices=COLOURS, help="The networks' input. Default: luma if much of the dataset is grey.")
]
Objective = Annotated[
    str | None,
    one_of(
        choices=OBJECTIVES, help="wgan-gp: as StarGAN's code. vanilla: Eqs. 1 and 5 as printed. Default: the preset's."
    ),
]
AdversarialSteps = Annotated[int | None, typer.Option(help="Discriminator steps.")]
Steps = Annotated[int | None, typer.Option(help="Training steps.")]
Seed = Annotated[int | None, typer.Option(help="Seed of initial weights, data order and noise.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="Any other setting, NAME=VALUE; repeatable. See docs/training.md.")
]
Vgg = Annotated[
    Path | None, typer.Option(help="torchvision's vgg19-dcbb9e9d.pth for Eq. 10. Default: it is downloaded once.")
]
Judge = Annotated[Path | None, typer.Option(help="A run of `train judge`, for --set perceptual=judge.")]
Penalty = Annotated[float | None, typer.Option(help="beta of Eq. 11, the confidence penalty.")]


@app.command("depth")
def depth(
    folder: TrainingData,
    run: RunFolder,
    preset: Preset = "cpu",
    guide: Annotated[str | None, one_of(choices=GEOMETRY_TARGETS, help="Geometry to estimate. Default: depth.")] = None,
    expressions: ExpressionsOption = None,
    colour: Colour = None,
    objective: Objective = None,
    conf_penalty: Penalty = None,
    steps: AdversarialSteps = None,
    seed: Seed = None,
    settings: Settings = None,
    vgg: Vgg = None,
    judge: Judge = None,
) -> None:
    """Stage 1: pre-train G_depth, G'_depth and D_depth on real pairs (equations 5 to 11)."""
    given = _given(guide=guide, objective=objective, conf_penalty=conf_penalty, steps=steps, seed=seed)
    from facerelief.training import launch

    dataset = training_dataset(folder)
    config = _config(DepthTraining, preset, dataset, given, expressions, colour, settings)
    config = _settled(config, preset, run)
    with _bars("depth network") as (decoding, progress):
        weights = launch.run_depth(dataset, config, run, vgg=vgg, judge=judge, progress=progress, decoding=decoding)
    say(str(weights), f"Next: facerelief train expression {folder} --depth {run} -o RUN")


@app.command("expression")
def expression(
    folder: TrainingData,
    run: RunFolder,
    depth: Annotated[
        Path | None, typer.Option(help="The run of stage 1 for the guidance; required unless --guide none.")
    ] = None,
    preset: Preset = "cpu",
    guide: Annotated[
        str | None,
        one_of(choices=GUIDES, help="Geometry for the guidance. none: the method alone. Default: depth."),
    ] = None,
    method: Annotated[
        str | None,
        one_of(
            choices=TRAINED,
            metavar="NAME",
            help=f"{', '.join(TRAINED)}, or one of an installed package; see docs/methods. Default: stargan.",
        ),
    ] = None,
    warm_start: Annotated[
        str | None,
        one_of(choices=WARM_STARTS, help="morphable: start from edits of the morphable face; paired: from true pairs."),
    ] = None,
    depth_weight: Annotated[float | None, typer.Option(help="Table 3's weight of the depth network's terms.")] = None,
    conf_penalty: Penalty = None,
    freeze_depth: Annotated[bool, typer.Option("--freeze-depth", help="Keep G_depth fixed.")] = False,
    expressions: ExpressionsOption = None,
    colour: Colour = None,
    objective: Objective = None,
    steps: AdversarialSteps = None,
    seed: Seed = None,
    settings: Settings = None,
    vgg: Vgg = None,
    judge: Judge = None,
    identity: Annotated[
        Path | None,
        typer.Option(help="A run of `train identity` for an identity loss. Do not evaluate with the same run."),
    ] = None,
) -> None:
    """Stage 2: train the expression editor end to end under the depth network's guidance (equations 1 to 11)."""
    given = _given(guide=guide, method=method, warm_start=warm_start, objective=objective, steps=steps, seed=seed)
    given |= _given(depth_weight=depth_weight, conf_penalty=conf_penalty)
    given |= {"freeze_depth": True} if freeze_depth else {}
    from facerelief.training import launch

    dataset = training_dataset(folder)
    config = _config(ExpressionTraining, preset, dataset, given, expressions, colour, settings)
    if depth is not None and config.guide != "none":
        chosen = {
            name for name, value in {"guide": guide, "colour": colour, "expressions": expressions}.items() if value
        }
        chosen |= {item.partition("=")[0] for item in settings or ()}
        config = launch.inherit_depth_settings(depth, config, chosen)
    config = _settled(config, preset, run)
    with _bars("expression editor") as (decoding, progress):
        weights = launch.run_expression(
            dataset,
            config,
            run,
            depth=depth,
            vgg=vgg,
            judge=judge,
            identity=identity,
            progress=progress,
            decoding=decoding,
            on_probe=_print_probe,
        )
    say(str(weights), f"Next: facerelief edit PHOTO --to happiness --weights {run}")


@app.command("judge")
def judge(
    folder: TrainingData,
    run: RunFolder,
    preset: Preset = "cpu",
    expressions: ExpressionsOption = None,
    colour: Colour = None,
    steps: Steps = None,
    seed: Seed = None,
    settings: Settings = None,
) -> None:
    """Train the expression classifier that measures edits, on real training photos only."""
    given = _given(steps=steps, seed=seed)
    from facerelief.training import launch

    dataset = training_dataset(folder)
    config = _config(ClassifierTraining, preset, dataset, given, expressions, colour, settings)
    config = _settled(config, preset, run)
    with _bars("classifier") as (decoding, progress):
        weights, accuracy = launch.run_classifier(dataset, config, run, progress=progress, decoding=decoding)
    out.print(f"accuracy on test photos: balanced {accuracy.balanced:.3f}, overall {accuracy.overall:.3f}")
    for name, share in accuracy.per_class.items():
        out.print(f"  {name:10} {share:.3f}")
    warn_of_chance(accuracy)
    say(str(weights))


@app.command("identity")
def identity(
    folder: TrainingData,
    run: RunFolder,
    preset: Preset = "cpu",
    expressions: ExpressionsOption = None,
    colour: Colour = None,
    steps: Steps = None,
    seed: Seed = None,
    settings: Settings = None,
) -> None:
    """Train the identity encoder on training people, and test it on held-out people."""
    given = _given(steps=steps, seed=seed)
    from facerelief.training import launch

    dataset = training_dataset(folder)
    config = _config(IdentityTraining, preset, dataset, given, expressions, colour, settings)
    config = _settled(config, preset, run)
    persons, two, three = launch.count_persons(dataset, config)
    out.print(f"{persons:,} training people, {two:,} with two or more photos, {three:,} with three or more")
    with _bars("identity encoder") as (decoding, progress):
        weights, measured = launch.run_identity(dataset, config, run, progress=progress, decoding=decoding)
    out.print(f"held-out people: {measured.verdict}")
    say(str(weights))


def _print_probe(results: "list[ProbeResult]") -> None:
    for result in results:
        recall = ", ".join(
            f"{name} {hit:.2f} of {n}"
            for name, hit, n in zip(result.expressions, result.recall, result.counts, strict=True)
        )
        out.print(f"{result.verdict}\n  held-out recall: {recall}", style=None if result.passed else "yellow")


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _config(
    kind: type[Config],
    preset: str,
    dataset: "Dataset",
    given: dict[str, Any],
    expressions: str | None,
    colour: str | None,
    settings: list[str] | None,
) -> Config:
    """The preset, overridden by the named options, overridden by --set."""
    changes = dict(given)
    if expressions:
        changes["expressions"] = resolve_all(expressions)
    changes["colour"] = colour or dataset.natural_colour()
    for item in settings or ():
        name, equals, value = item.partition("=")
        if not equals:
            raise FacereliefError(f"--set {item} is not NAME=VALUE; e.g. --set lr=0.0002")
        changes[name] = value
    return make_config(kind, preset, changes)


def _settled(config: Config, preset: str, run: Path) -> Config:
    """The configuration with the precision for this machine; prints it."""
    from facerelief.training.run.precision import resolve_precision

    config, precision = resolve_precision(config, run)
    say(f"{preset} preset, {config.size} px, {config.colour}, {config.steps} steps; {precision}")
    if isinstance(config, ExpressionTraining):
        _say_memory(config)
    return config


def _say_memory(config: ExpressionTraining) -> None:
    """What stage 2 needs where it is much: 11 GB were measured on a CPU with the paper's 256 px, width and batch."""
    import torch

    gigabytes = 11 * config.batch / 8 * (config.size / 256) ** 2 * config.width / 64
    if gigabytes > 4 and not torch.cuda.is_available():
        say(f"on a CPU this takes about {gigabytes:.0f} GB of memory, or more; a smaller --set batch takes less")


@contextmanager
def _bars(title: str) -> Iterator[tuple[Any, Any]]:
    """Progress bars of decoding, if photos must be decoded, and of training."""
    with ExitStack() as stack:
        moves: dict[str, Any] = {}

        def decoding(done: int, total: int) -> None:
            if "decode" not in moves:
                moves["decode"] = stack.enter_context(bar("decoding", "photos"))
            moves["decode"](done, total)

        def progress(done: int, total: int, values: dict[str, float]) -> None:
            if "train" not in moves:
                stack.close()
                moves["train"] = stack.enter_context(bar(title, "steps"))
            note = "  ".join(f"{name} {values[name]:.3f}" for name in _WATCHED if name in values)
            moves["train"](done, total, note)

        yield decoding, progress
