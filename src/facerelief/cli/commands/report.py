"""`facerelief report depth | judge | curves | release | flicker`: measurements of runs on held-out people."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facerelief.cli.answers import Json, JsonFile, answer
from facerelief.cli.command import Commands
from facerelief.cli.console import bar, err, out, say
from facerelief.cli.options import SPLITS, MethodOption, TaskFileOption, ToOption, WeightsOption, one_of
from facerelief.cli.writes import OutputFiles, files_at, writes

if TYPE_CHECKING:
    from facerelief.training.classifier import Accuracy

app = Commands(help="Measure runs on held-out people; numbers and figures.")

Data = Annotated[Path, typer.Option("--data", help="The dataset of the run.", show_default=False)]


@app.command("depth")
@writes(files_at("json_file", "figure"))
def depth(
    run: Annotated[Path, typer.Argument(help="A run of stage 1.", show_default=False)],
    data: Data,
    as_json: Json = False,
    json_file: JsonFile = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the paper's Fig. 3 here: photo, real map, predicted map.")
    ] = None,
) -> None:
    """Depth and normal error on the test photos, compared with predicting the mean map."""
    from facerelief.data import Dataset
    from facerelief.data.batches import balanced_rows
    from facerelief.evaluation.depth_accuracy import geometry_accuracy, save_figure3
    from facerelief.files import sha256
    from facerelief.tile_sheet import check_picture
    from facerelief.training.depth import load_depth_nets
    from facerelief.training.splits import load_splits

    if figure:
        check_picture(figure)
    nets, config, saved = load_depth_nets(run)
    splits = load_splits(Dataset(data), config)
    nets.translator.eval()
    error = geometry_accuracy(nets.translator, splits.train, splits.test, config.guide)
    out.print(f"{error.samples} test photos, face pixels; in brackets: predicting the mean map")
    if error.depth is not None:
        out.print(f"  depth   {error.depth:.4f} inter-ocular distances ({error.depth_trivial:.4f})")
    if error.normal is not None:
        out.print(f"  normals {error.normal:.2f} degrees ({error.normal_trivial:.2f})")
    out.print(f"  face region, intersection over union {error.mask_iou:.3f} ({error.mask_iou_trivial:.3f})")
    if figure:
        save_figure3(figure, {config.guide: nets.translator}, splits.test, balanced_rows(splits.test))
        say(str(figure))
    answer(dataclasses.asdict(error) | {"weights_sha256": sha256(saved.path)}, as_json, json_file)


@app.command("judge")
@writes(files_at("json_file"))
def judge_on(
    judge: Annotated[Path, typer.Argument(help="A run of `train judge`.", show_default=False)],
    data: Annotated[Path, typer.Option("--data", help="Any dataset, such as one of real photos.", show_default=False)],
    split: Annotated[str, one_of(choices=SPLITS, help="The split of the dataset.")] = "test",
    as_json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Accuracy of an expression classifier on another dataset, per class, with the chance level."""
    from facerelief.data import Dataset
    from facerelief.evaluation.chance import chance_facts
    from facerelief.evaluation.evidence.crowd import crowd_ceiling
    from facerelief.training.classifier import accuracy_on, load_classifier
    from facerelief.training.identity import known_persons
    from facerelief.training.splits import load_split
    from facerelief.training.verification import person_digest

    network, settings = load_classifier(judge)
    photos = load_split(Dataset(data), split, settings)
    accuracy = accuracy_on(network, photos)
    print_accuracy(f"{judge.name} on {data.name}", accuracy)
    out.print(f"chance {1 / len(settings.expressions):.3f}; photos {sum(map(sum, accuracy.confusion)):,}")
    ceiling = crowd_ceiling(photos.samples, settings.expressions)
    if ceiling:
        shares = "  ".join(f"{name} {share:.2f}" for name, share in ceiling.items() if name != "balanced")
        out.print(f"one person against the majority of the others: balanced {ceiling['balanced']:.3f}  {shares}")
    warn_of_chance(accuracy)
    known = known_persons(judge, "judge")
    seen = sum(person_digest(sample.identity) in known for sample in photos.samples)
    if seen:
        total = len(photos.samples)
        say(f"warning: {seen:,} of {total:,} photos show people that it was trained on; use --split test", to=err)
    facts = dataclasses.asdict(accuracy) | chance_facts(accuracy) | ({"crowd": ceiling} if ceiling else {})
    answer(facts, as_json, json_file)


@app.command("curves")
@writes(files_at("picture"))
def curves(
    runs: Annotated[list[Path], typer.Argument(help="Runs of stage 2.", show_default=False)],
    picture: Annotated[Path, typer.Option("-o", "--out", help="The picture.", show_default=False)],
) -> None:
    """Draw learning curves from the runs' logs (the paper's figure 9)."""
    from facerelief.evaluation.report.plots import check_plot, curves_plot, save_plot

    check_plot(picture)
    save_plot(picture, curves_plot(runs))
    say(str(picture))


@app.command("release")
@writes(OutputFiles(("weights",), lambda values: [values["weights"], values["weights"].parent / "README.md"]))
def release_weights(
    run: Annotated[Path, typer.Argument(help="A run of stage 2.", show_default=False)],
    weights: Annotated[Path, typer.Option("-o", "--out", help="The .safetensors file.", show_default=False)],
    rates: Annotated[Path, typer.Option(help="The output of `report rate --as-edited --json`.", show_default=False)],
    data_note: Annotated[str, typer.Option(help="The source of the photos, for the model card.", show_default=False)],
    command: Annotated[str, typer.Option(help="The commands of the training, for the model card.", show_default=False)],
) -> None:
    """Write weights for release: half precision, with a model card."""
    from facerelief.files.json import read_object
    from facerelief.release.weights import release

    measured = read_object(rates, f"make it with: facerelief report rate --as-edited --json > {rates}")
    say(str(release(run, weights, measured, data_note, command)))


@app.command("flicker")
@writes(files_at("json_file"))
def flicker(
    photo: Annotated[Path, typer.Argument(help="A photo; the video pans over it.", show_default=False)],
    to: ToOption = "happiness",
    method: MethodOption = None,
    weights: WeightsOption = None,
    task_file: TaskFileOption = None,
    seconds: Annotated[float, typer.Option(min=0.2, help="Length of the video.")] = 4.0,
    fps: Annotated[float, typer.Option(min=1, help="Frames per second.")] = 30.0,
    height: Annotated[int, typer.Option(min=90, help="Height of the frames in pixels.")] = 720,
    as_json: Json = False,
    json_file: JsonFile = None,
) -> None:
    """Measure the flicker and speed of a video edit, compared with editing each frame separately."""
    from facerelief.editing import load_editor
    from facerelief.editing.face_choice import choose_faces
    from facerelief.evaluation.diagnostics.flicker import (
        SyntheticVideo,
        edit_as_video,
        edit_frames_separately,
        edit_with_known_motion,
        measure_flicker,
    )
    from facerelief.faces.detector import load_finder
    from facerelief.photos.photo import read_photo

    editor, picture = load_editor(weights, load_finder(task_file=task_file), method=method), read_photo(photo)
    wanted = editor.target(to)
    face = choose_faces(editor.find(picture), "largest", picture.name)[0]
    film = SyntheticVideo(picture, face.box, seconds, fps, height)
    ways: dict[str, Callable[[], Any]] = {
        "each frame by itself": lambda: edit_frames_separately(editor, film.frames(), wanted),
        "each with its true motion": lambda: edit_with_known_motion(editor, film, wanted),
        "as a video": lambda: edit_as_video(editor, film, wanted),
    }
    found, total = dict[str, Any](), len(ways) * film.count
    with bar("measuring", "frames") as move:
        for way, edited in ways.items():
            before = len(found) * film.count
            found[way] = measure_flicker(film, edited(), lambda done, _: move(before + done, total, way))  # noqa: B023
    for way, one in found.items():
        out.print(f"{way}: flicker {one.levels:.3f} levels (of {one.added:.2f} added), {one.fps:.1f} frames per second")
    answer({way: dataclasses.asdict(one) for way, one in found.items()}, as_json, json_file)


def print_accuracy(title: str, accuracy: "Accuracy") -> None:
    """Print the accuracy in one line, overall and per class."""
    shares = "  ".join(f"{name} {share:.2f}" for name, share in accuracy.per_class.items())
    six = f" (six classes {accuracy.six:.3f})" if accuracy.six != accuracy.balanced else ""
    say(f"{title:24} balanced {accuracy.balanced:.3f}{six}   {shares}")


def warn_of_chance(accuracy: "Accuracy") -> None:
    """Print a warning if a classifier's accuracy on real photos may be chance."""
    from facerelief.evaluation.chance import chance_warning

    if line := chance_warning(accuracy):
        say(line, style="bold red")
