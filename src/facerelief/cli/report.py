"""`facerelief report depth | judge | rate | identity | curves | release`: what runs learnt, on held-out people."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.console import bar, err, out
from facerelief.cli.edit import Method, TaskFile, Weights
from facerelief.config import ExpressionTraining, Training, from_json
from facerelief.data.arrays import Arrays
from facerelief.data.batches import spread_rows
from facerelief.editing import load_editor
from facerelief.editing.editor import Editor, choose_faces
from facerelief.editing.morphable import MorphableEditor
from facerelief.editing.weights import load_network_editor
from facerelief.errors import FacereliefError
from facerelief.evaluation.curves import save_curves
from facerelief.evaluation.distribution import check_picture, save_distributions
from facerelief.evaluation.evaluate import network_notes, read_network
from facerelief.evaluation.flicker import Film, as_a_video, each_by_itself, measure_flicker, with_true_motion
from facerelief.evaluation.geometry import geometry_error, save_figure3
from facerelief.evaluation.identity import NAME, check_unseen, edit_distances, photo_rows, real_distances, spread
from facerelief.evaluation.rate import Edits, editor_edits, generation_rate
from facerelief.evaluation.release import release
from facerelief.faces.detect import load_finder
from facerelief.faces.photo import read_photo
from facerelief.files import sha256, write_json
from facerelief.geometry.morphable.model import load_face
from facerelief.json_files import read_object
from facerelief.networks.checkpoint import weights_in
from facerelief.training.depth import load_depth_nets
from facerelief.training.identity import load_identity
from facerelief.training.judge import Accuracy, judge_accuracy, load_judge
from facerelief.training.launch import load_material, load_split
from facerelief.training.run import read_settings

app = typer.Typer(no_args_is_help=True, help="What runs learnt, on held-out people, as numbers and pictures.")

Data = Annotated[Path, typer.Option("--data", help="The dataset that the run was trained on.", show_default=False)]
Photos = Annotated[int | None, typer.Option(min=1, help="Edit so many test photos, a fixed draw. Default: all.")]
Json = Annotated[Path | None, typer.Option("--json", help="Also write the numbers here.")]


@app.command("depth")
def depth(
    run: Annotated[Path, typer.Argument(help="A run of stage 1.", show_default=False)],
    data: Data,
    json_path: Json = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the paper's Fig. 3 here: photo, real map, predicted map.")
    ] = None,
) -> None:
    """Depth and normal error on the test photos, against always predicting the mean map."""
    if figure:
        check_picture(figure)
    nets, config, saved = load_depth_nets(run)
    material = load_material(data, config)
    nets.translator.eval()
    error = geometry_error(nets.translator, material.train, material.test, config.guide)
    out.print(f"{error.samples} test photos, face pixels; in brackets: always the mean map")
    if error.depth is not None:
        out.print(f"  depth   {error.depth:.4f} inter-ocular distances ({error.depth_trivial:.4f})")
    if error.normal is not None:
        out.print(f"  normals {error.normal:.2f} degrees ({error.normal_trivial:.2f})")
    out.print(f"  face region, intersection over union {error.mask_iou:.3f} ({error.mask_iou_trivial:.3f})")
    if figure:
        save_figure3(figure, {config.guide: nets.translator}, material.test, spread_rows(material.test))
        out.print(str(figure), markup=False)
    if json_path:
        write_json(json_path, dataclasses.asdict(error) | {"weights_sha256": sha256(saved.path)})


@app.command("judge")
def judge_on(
    judge: Annotated[Path, typer.Argument(help="A judge's run.", show_default=False)],
    data: Annotated[Path, typer.Option("--data", help="Any dataset, e.g. of real photos.", show_default=False)],
    split: Annotated[str, typer.Option(help="train, val, test or all.")] = "test",
    json_path: Json = None,
) -> None:
    """A judge's accuracy on a dataset that it was not trained on, per class, beside chance."""
    network, settings = load_judge(judge)
    accuracy = judge_accuracy(network, load_split(data, split, settings))
    _print_accuracy(f"{judge.name} on {data.name}", accuracy)
    out.print(f"chance {1 / len(settings.expressions):.3f}; photos {sum(map(sum, accuracy.confusion)):,}")
    if json_path:
        write_json(json_path, dataclasses.asdict(accuracy))


@app.command("rate")
def rate(
    judge: Annotated[Path, typer.Option(help="A judge's run; one that no editor learnt from.", show_default=False)],
    data: Data,
    runs: Annotated[list[Path] | None, typer.Argument(help="Runs of stage 2.", show_default=False)] = None,
    morphable: Annotated[bool, typer.Option("--morphable", help="Also the editor without training.")] = False,
    photos: Photos = None,
    json_path: Json = None,
) -> None:
    """Expression generation rate of each run, beside the judge's accuracy on real photos of the same people.

    Edits are judged as a user gets them, in the dataset's crops; runs may be larger than the judge, and know more.
    """
    runs = runs or []
    _check_names(runs, morphable)
    network, settings = load_judge(judge)
    for run in runs:
        _check_known(run, settings)
        for note in network_notes(read_network(run), data, judge):
            err.print(note, markup=False)
    test = load_split(data, "test", settings)
    check_unseen(judge, test, "judge")
    results: dict[str, Any] = {}
    for name, edits in _editors(runs, morphable, data, test).items():
        with bar(name, "photos") as move:
            measured = generation_rate(edits, network, test, move, rows=photo_rows(test, photos))
        if not results:
            _print_accuracy("judge on real photos", measured.real)
            _print_accuracy("sources, unedited", measured.unedited)
        _print_accuracy(name, measured.edits)
        results[name] = dataclasses.asdict(measured)
    if json_path:
        write_json(json_path, results)


@app.command("identity")
def identity(
    encoder: Annotated[Path, typer.Option(help="A run of `train identity`.", show_default=False)],
    data: Data,
    runs: Annotated[list[Path] | None, typer.Argument(help="Runs of stage 2.", show_default=False)] = None,
    morphable: Annotated[bool, typer.Option("--morphable", help="Also the editor without training.")] = False,
    photos: Photos = None,
    json_path: Json = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the paper's Fig. 4 here: the distributions.")] = None,
) -> None:
    """Identity distance of test photos to their edits, beside those of real photos of one person and of two."""
    runs = runs or []
    _check_names(runs, morphable)
    if figure:
        check_picture(figure)
    network, settings = load_identity(encoder)
    configs = [from_json(ExpressionTraining, read_settings(run)["config"]) for run in runs]
    expressions = configs[0].expressions if configs else settings.expressions
    for run, config in zip(runs, configs, strict=True):
        if config.expressions != expressions:
            raise FacereliefError(f"{run} and {runs[0]} differ in expressions; report them one at a time")
    test = load_split(data, "test", dataclasses.replace(settings, expressions=expressions))
    check_unseen(encoder, test)
    real = real_distances(network, test)
    out.print(f"{NAME}\ntest persons: {real.verified.verdict}", markup=False)
    references = {"one person": real.same, "two persons": real.different}
    changed = {"one, other expression": real.changed} if len(real.changed) else {}
    edited = {}
    for name, edits in _editors(runs, morphable, data, test).items():
        with bar(name, "photos") as move:
            edited[name] = edit_distances(edits, network, test, photo_rows(test, photos), move)
    spreads = {name: spread(distances) for name, distances in {**references, **changed, **edited}.items()}
    for name, found in spreads.items():
        low, middle, high = found.quartiles
        numbers = f"{found.mean:.3f} +- {found.deviation:.3f}   quartiles {low:.3f} {middle:.3f} {high:.3f}"
        out.print(f"{name:22} {numbers}   {found.count:,} pairs", markup=False)
    if figure:
        save_distributions(figure, NAME, edited, references)
        out.print(str(figure), markup=False)
    if json_path:
        basis = {"verification": dataclasses.asdict(real.verified), "encoder_sha256": sha256(weights_in(encoder))}
        write_json(json_path, {name: dataclasses.asdict(found) for name, found in spreads.items()} | basis)


@app.command("curves")
def curves(
    runs: Annotated[list[Path], typer.Argument(help="Runs of stage 2.", show_default=False)],
    picture: Annotated[Path, typer.Option("-o", "--out", help="The picture.", show_default=False)],
) -> None:
    """The paper's Fig. 9: learning curves from the runs' own logs."""
    save_curves(picture, runs)
    out.print(str(picture), markup=False)


@app.command("release")
def release_weights(
    run: Annotated[Path, typer.Argument(help="A run of stage 2.", show_default=False)],
    weights: Annotated[Path, typer.Option("-o", "--out", help="The .safetensors file.", show_default=False)],
    rates: Annotated[Path, typer.Option(help="What `report rate --json` wrote.", show_default=False)],
    data_note: Annotated[str, typer.Option(help="Where the photos came from, for the card.", show_default=False)],
    command: Annotated[str, typer.Option(help="The commands that made the run, for the card.", show_default=False)],
) -> None:
    """Weights to hand on: half precision, with a model card beside them."""
    measured = read_object(rates, "make it with: facerelief report rate --json")
    out.print(str(release(run, weights, measured, data_note, command)), markup=False)


def _check_names(runs: list[Path], morphable: bool) -> None:
    names = [run.name for run in runs] + ["morphable"] * morphable
    if not names:
        raise FacereliefError("nothing to measure; name runs of stage 2, or --morphable")
    if len(set(names)) < len(names):
        raise FacereliefError(f"two of {', '.join(names)} have one name; rename a run's folder")


def _check_known(run: Path, judge: Training) -> None:
    known = from_json(ExpressionTraining, read_settings(run)["config"]).expressions
    unknown = [name for name in judge.expressions if name not in known]
    if unknown:
        raise FacereliefError(f"{run} cannot do {', '.join(unknown)}, which the judge asks for; train another judge")


def _editors(runs: list[Path], morphable: bool, data: Path, test: Arrays) -> dict[str, Edits]:
    """What edits the test photos, by name."""
    editors: dict[str, Editor] = {run.name: load_network_editor(run) for run in runs}
    if morphable:
        editors["morphable"] = MorphableEditor(load_face())
    return {name: editor_edits(editor, data, test) for name, editor in editors.items()}


def _print_accuracy(title: str, accuracy: Accuracy) -> None:
    shares = "  ".join(f"{name} {share:.2f}" for name, share in accuracy.per_class.items())
    six = f" (six classes {accuracy.six:.3f})" if accuracy.six != accuracy.balanced else ""
    out.print(f"{title:24} balanced {accuracy.balanced:.3f}{six}   {shares}", markup=False)


@app.command("flicker")
def flicker(
    photo: Annotated[Path, typer.Argument(help="A photo, which a camera pans over.", show_default=False)],
    to: Annotated[str, typer.Option(help="The expression.")] = "happiness",
    method: Method = None,
    weights: Weights = None,
    task_file: TaskFile = None,
    seconds: Annotated[float, typer.Option(min=0.2, help="Of the film.")] = 4.0,
    fps: Annotated[float, typer.Option(min=1, help="Frames a second.")] = 30.0,
    height: Annotated[int, typer.Option(min=90, help="Of the frames, in pixels.")] = 720,
    json_path: Json = None,
) -> None:
    """How much the edit of a video flickers, against editing each frame by itself; and how fast both are."""
    editor, picture = load_editor(weights, load_finder(task_file=task_file), method=method), read_photo(photo)
    label = editor.label(to)
    face = choose_faces(editor.find(picture), "largest", picture.name)[0]
    film = Film(picture, face.box, seconds, fps, height)
    found = {
        "each frame by itself": measure_flicker(film, each_by_itself(editor, film.frames(), label)),
        "each with its true motion": measure_flicker(film, with_true_motion(editor, film, label)),
        "as a video": measure_flicker(film, as_a_video(editor, film, label)),
    }
    for way, one in found.items():
        out.print(f"{way}: flicker {one.levels:.3f} levels (of {one.added:.2f} added), {one.fps:.1f} frames a second")
    if json_path:
        write_json(json_path, {way: dataclasses.asdict(one) for way, one in found.items()})
