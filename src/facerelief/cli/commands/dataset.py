"""`facerelief dataset build | review | stats`."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facerelief.cli.command import Commands
from facerelief.cli.console import bar, err, out, say
from facerelief.cli.options import (
    MESH_AXES,
    RECONSTRUCTORS,
    SHAMS,
    SIZES,
    SOURCES,
    DatasetFolder,
    TaskFileOption,
    WorkersOption,
    one_of,
)
from facerelief.errors import DatasetError, FacereliefError, printable

if TYPE_CHECKING:
    from facerelief.data.build import Built

app = Commands(help="Make a dataset of RGB, depth and normals from photos, and review it.")


@app.command("build")
def build(
    photos: Annotated[
        Path,
        typer.Argument(help="A folder with one folder per expression, or a CSV file with labels.", show_default=False),
    ],
    dataset: Annotated[Path, typer.Option("-o", "--out", help="The dataset's folder.", show_default=False)],
    source: Annotated[str, one_of(choices=SOURCES, help="How the photos are laid out.")] = "auto",
    per_class: Annotated[int | None, typer.Option(help="Most photos per class (the paper: 15000).")] = None,
    depth_maps: Annotated[
        Path | None, typer.Option(help="Published depth maps to use instead (AffectNet-D, RaFD-D).")
    ] = None,
    reconstructor: Annotated[str, one_of(choices=RECONSTRUCTORS, help="How meshes are reconstructed.")] = "mediapipe",
    meshes: Annotated[
        Path | None, typer.Option(help="For meshfile: a folder of .ply, .obj or .npz, one per photo.")
    ] = None,
    mesh_axes: Annotated[
        str, one_of(choices=MESH_AXES, help="For meshfile. y-down: pixels. y-up: 3DDFA's and PRNet's .obj.")
    ] = "y-down",
    task_file: TaskFileOption = None,
    workers: WorkersOption = None,
    cameras: Annotated[
        str | None, typer.Option(help="RaFD's camera angles, from 0,45,90,135,180. Default: 45,90,135.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split by person.")] = 0,
) -> None:
    """Detect, align to 256 px and reconstruct every face; write depth, normals and masks; then review the dataset.

    Rejected photos are listed in rejects.csv with the reason. Run the same command again to resume.
    """
    if (reconstructor == "meshfile") != (meshes is not None):
        raise FacereliefError("--reconstructor meshfile and --meshes FOLDER go together; give both or neither")
    from facerelief.data.build import build_dataset
    from facerelief.data.extract import Recipe
    from facerelief.data.sources.layouts import read_labelled

    reading = read_labelled(photos, source, per_class=per_class, **_angles(cameras))
    for note in reading.notes:
        say(note)
    options: dict[str, Any] = {"folder": str(meshes), "axes": mesh_axes} if meshes else {}
    recipe = Recipe(256, reconstructor, options, task_file=str(task_file) if task_file else None)
    overlays = _overlays(depth_maps, [one.photo for one in reading.photos]) if depth_maps else {}
    root = photos if photos.is_dir() else photos.parent
    with bar("building", "photos", keeps=True) as move:
        built = build_dataset(
            reading.photos, root, dataset, recipe, overlays=overlays, workers=workers, seed=seed, progress=move
        )
    _print_outcome(built, dataset)
    review(dataset)
    stats(dataset)


def _overlays(depth_maps: Path, photos: list[Path]) -> dict[Path, Path]:
    """The published depth maps by photo."""
    from facerelief.data.sources.depth_overlays import depth_overlay

    found = depth_overlay(depth_maps, photos)
    say(f"{len(found)} of {len(photos)} photos have a map in {depth_maps}")
    return found


def _print_outcome(built: "Built", dataset: Path) -> None:
    """Print how many photos became samples. Raises `DatasetError` if none did."""
    from facerelief.data.manifest import REJECTS

    for note in built.notes:
        say(note)
    total = len(built.samples) + len(built.rejects)
    reasons = Counter(reject.reason for reject in built.rejects).most_common()
    why = "; ".join(f"{count} {reason}" for reason, count in reasons)
    if not built.samples:
        raise DatasetError(f"none of {total} photos became a sample ({why}); see {dataset / REJECTS}")
    listed = f"; {why}: see {dataset / REJECTS}" if why else ""
    say(f"{len(built.samples)} of {total} photos became samples{listed}")


@app.command("synthesize")
def synthesize(
    dataset: Annotated[Path, typer.Option("-o", "--out", help="The dataset's folder.", show_default=False)],
    count: Annotated[int, typer.Option("-n", "--count", help="Pictures, rounded to whole persons.")] = 5000,
    size: Annotated[int, one_of(choices=SIZES, help="Side in pixels.")] = 128,
    settings: Annotated[int, typer.Option(help="Poses, lights and backgrounds per person.")] = 2,
    weights: Annotated[
        Path | None, typer.Option(help="A model of `facerelief morphable fit`. Default: the package's.")
    ] = None,
    workers: WorkersOption = None,
    seed: Annotated[int, typer.Option(help="Seed of persons, settings and the split.")] = 0,
) -> None:
    """Make a dataset of synthetic faces: RGB, exact depth and normals, every person with all eight expressions.

    Needs no photos. The same seed gives the same files. Run the same command again to resume.

        facerelief dataset synthesize -n 5000 -o datasets/synthetic
    """
    from facerelief.data.synthesize import Plan
    from facerelief.data.synthesize import synthesize as make_synthetic

    with bar("synthesizing", "pictures", keeps=True) as move:
        samples = make_synthetic(dataset, Plan(count, size, settings, seed), weights, workers=workers, progress=move)
    persons = len({sample.identity for sample in samples})
    say(f"{len(samples)} pictures of {persons} persons in {dataset}")
    say(f"Next: facerelief train depth {dataset} -o runs/depth")


@app.command("sham")
def sham(
    dataset: DatasetFolder,
    copy: Annotated[Path, typer.Option("-o", "--out", help="The new dataset's folder.", show_default=False)],
    maps: Annotated[
        str,
        one_of(
            choices=SHAMS,
            help="luminance: the photo's brightness inside the face as depth. shuffled: another photo's depth.",
        ),
    ] = "luminance",
    seed: Annotated[int, typer.Option(help="Seed of the shuffle.")] = 0,
) -> None:
    """Copy a dataset with depth maps that carry no geometry, to tell what guidance by depth brings from the rest.

    An editor that is guided by such maps has the same networks, losses and weights. Photos are linked, not copied.
    """
    from facerelief.data import Dataset
    from facerelief.data.sham import make_sham

    with bar("writing", "samples", keeps=True) as move:
        rows = make_sham(Dataset(dataset), copy, maps, seed=seed, progress=move)
    say(f"{len(rows)} samples with {maps} as depth in {copy}; its depth maps are no geometry")


@app.command("review")
def review(
    dataset: DatasetFolder,
    max_yaw: Annotated[float, typer.Option(help="Largest turn of the head to the side, in degrees.")] = 30.0,
    min_face_size: Annotated[float, typer.Option(help="Smallest face in the photo, in pixels.")] = 40.0,
) -> None:
    """Measure every sample, leave out unsuitable ones, and write review.html. Edit overrides.csv to change this."""
    from facerelief.data.review.contact_sheet import write_contact_sheet
    from facerelief.data.review.selection import Thresholds
    from facerelief.data.review.selection import review as review_dataset

    thresholds = Thresholds(max_yaw=max_yaw, min_face_size=min_face_size)
    with bar("reviewing", "samples") as move:
        result = review_dataset(dataset, thresholds, move)
    sheet = write_contact_sheet(dataset, thresholds=thresholds)
    reasons = ", ".join(f"{count} {reason}" for reason, count in result.left_out.items())
    say(f"{result.kept} of {len(result.samples)} kept; left out: {reasons or 'none'}")
    for leak in result.leaks:
        say(f"{leak}: the same picture is in another split, under another name")
    say(f"Look at {sheet}; change it in {dataset / 'overrides.csv'} and review again.")


@app.command("stats")
def stats(dataset: DatasetFolder) -> None:
    """Print the paper's Table 4 for this dataset, and warnings."""
    from facerelief.data.manifest import read_samples
    from facerelief.data.stats import dataset_warnings, render, table4

    samples = read_samples(dataset)
    out.print(render(table4(samples, printable(dataset.resolve().name))), markup=False)
    for warning in dataset_warnings(samples):
        say(f"warning: {warning}", to=err, style="yellow")


def _angles(text: str | None) -> dict[str, tuple[int, ...]]:
    if not text:
        return {}
    try:
        return {"cameras": tuple(int(part) for part in text.split(","))}
    except ValueError as reason:
        raise FacereliefError(f"--cameras {text} is not a list of angles; e.g. --cameras 45,90,135") from reason
