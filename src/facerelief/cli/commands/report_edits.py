"""`facerelief report rate | identity`: measurements of edits of held-out people."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.answers import Json, JsonFile, answer
from facerelief.cli.commands.report import Data, print_accuracy, warn_of_chance
from facerelief.cli.console import bar, err, say
from facerelief.cli.options import check_different
from facerelief.cli.writes import files_at, writes
from facerelief.errors import FacereliefError

Photos = Annotated[int | None, typer.Option(min=1, help="Number of test photos, a fixed sample. Default: all.")]
Runs = Annotated[list[Path] | None, typer.Argument(help="Runs of stage 2.", show_default=False)]
AsEdited = Annotated[
    bool,
    typer.Option(
        "--as-edited",
        help="Measure edits as `facerelief edit` makes them, in the dataset's crops, not the networks' output. "
        "Runs may then have more pixels and expressions than the metric network.",
    ),
]
Morphable = Annotated[bool, typer.Option("--morphable", help="Also measure the morphable editor.")]


@writes(files_at("json_file"))
def rate(
    judge: Annotated[
        Path, typer.Option(help="A run of `train judge` that was not used to train an editor.", show_default=False)
    ],
    data: Data,
    runs: Runs = None,
    morphable: Morphable = False,
    as_edited: AsEdited = False,
    photos: Photos = None,
    as_json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Expression generation rate of each run, and the classifier's accuracy on real photos of the same people.

    The same rate as in `evaluate` and `study`, without the other metrics.
    """
    from facerelief.data import Dataset
    from facerelief.evaluation.chance import chance_facts
    from facerelief.evaluation.run_scores import MORPHABLE, MeasurementRequest, rate_runs

    check_names(runs or [], morphable)
    measured = MeasurementRequest(runs or [], morphable, as_edited, photos)
    with bar("measuring", "photos") as move:
        rates = rate_runs(Dataset(data), judge, measured, lambda name, done, total: move(done, total, name))
    say(*rates.notes, to=err)
    print_accuracy("classifier, real photos", rates.real)
    print_accuracy("sources, unedited", rates.unedited)
    results: dict[str, Any] = {}
    for name, edits in rates.edits.items():
        print_accuracy(name, edits)
        found = {"edits": edits, "real": rates.real, "unedited": rates.unedited}
        results[name] = {kind: dataclasses.asdict(one) for kind, one in found.items()} | chance_facts(rates.real)
        results[name]["as_edited"] = as_edited or name == MORPHABLE
    warn_of_chance(rates.real)
    answer(results, as_json, json_file)


@writes(files_at("json_file", "figure"))
def identity(
    encoder: Annotated[
        Path,
        typer.Option(help="A run of `train identity` that was not used to train an editor.", show_default=False),
    ],
    data: Data,
    runs: Runs = None,
    morphable: Morphable = False,
    as_edited: AsEdited = False,
    photos: Photos = None,
    as_json: Json = False,
    json_file: JsonFile = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the paper's Fig. 4 here: the distributions.")] = None,
) -> None:
    """Identity distance of test photos to their edits, compared with real pairs of one person and of two."""
    from facerelief.checkpoint import weights_in
    from facerelief.data import Dataset
    from facerelief.evaluation.metrics.identity import IDENTITY_DISTANCE_TITLE, summarise_distances
    from facerelief.evaluation.report.plots import check_plot, distribution_plot, save_plot
    from facerelief.evaluation.run_scores import MeasurementRequest, identity_of_runs
    from facerelief.files import sha256

    check_names(runs or [], morphable)
    if figure:
        check_plot(figure)
    measured = MeasurementRequest(runs or [], morphable, as_edited, photos)
    with bar("measuring", "photos") as move:
        distances = identity_of_runs(
            Dataset(data), encoder, measured, lambda name, done, total: move(done, total, name)
        )
    say(*distances.notes, to=err)
    real, edited = distances.real, distances.edits
    say(IDENTITY_DISTANCE_TITLE, f"test people: {real.verified.verdict}")
    references = {"one person": real.same, "two persons": real.different}
    changed = {"one, other expression": real.changed} if len(real.changed) else {}
    spreads = {name: summarise_distances(some) for name, some in {**references, **changed, **edited}.items()}
    for name, found in spreads.items():
        low, middle, high = found.quartiles
        numbers = f"{found.mean:.3f} +- {found.deviation:.3f}   quartiles {low:.3f} {middle:.3f} {high:.3f}"
        say(f"{name:22} {numbers}   {found.count:,} pairs")
    if figure:
        save_plot(figure, distribution_plot(edited, references, IDENTITY_DISTANCE_TITLE))
        say(str(figure))
    basis = {"verification": dataclasses.asdict(real.verified), "encoder_sha256": sha256(weights_in(encoder))}
    answer({name: dataclasses.asdict(found) for name, found in spreads.items()} | basis, as_json, json_file)


def check_names(runs: list[Path], morphable: bool) -> None:
    """Raises `FacereliefError` if there is nothing to measure, or two systems have the same name."""
    names = [run.name for run in runs] + ["morphable"] * morphable
    if not names:
        raise FacereliefError("nothing to measure; name runs of stage 2, or --morphable")
    check_different(names)
