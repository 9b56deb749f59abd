"""`facerelief dataset build | synthesize | review | stats`."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facerelief.cli.command import Commands
from facerelief.cli.console import bar, err, out, say
from facerelief.cli.options import (
    MESH_AXES,
    RECONSTRUCTORS,
    SIZES,
    SOURCES,
    ClusterOption,
    DatasetFolder,
    TaskFileOption,
    WorkersOption,
    one_of,
)
from facerelief.errors import DatasetError, FacereliefError, printable

if TYPE_CHECKING:
    from facerelief.data import Sample
    from facerelief.data.build import Built
    from facerelief.data.extract import Recipe
    from facerelief.data.review.selection import Review
    from facerelief.processes.cluster import Spread

app = Commands(help="Make a dataset of RGB, depth and normals from photos, and review it.")


@app.command("build")
def build(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PHOTOS",
            help="A folder with one folder per expression, or a CSV file with labels; also by URL (s3://, gs://, hf://).",
            show_default=False,
        ),
    ],
    out_place: Annotated[
        str,
        typer.Option("-o", "--out", help="The dataset's folder; with --shards also a URL.", show_default=False),
    ],
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
    cluster: ClusterOption = "local",
    shards: Annotated[bool, typer.Option("--shards", help="Write WebDataset shards, which can be streamed.")] = False,
    per_shard: Annotated[
        int | None, typer.Option(min=1, help="With --shards: photos of a shard. Default: 256.")
    ] = None,
    cameras: Annotated[
        str | None, typer.Option(help="RaFD's camera angles, from 0,45,90,135,180. Default: 45,90,135.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split by person.")] = 0,
) -> None:
    """Detect, align to 256 px and reconstruct every face; write depth, normals and masks; then review the dataset.

    Rejected photos are listed in rejects.csv with the reason. Run the same command again to resume.

        facerelief dataset build photos -o datasets/mine

        facerelief dataset build s3://bucket/photos --shards -o s3://bucket/mine --cluster ray://head:10001
    """
    if (reconstructor == "meshfile") != (meshes is not None):
        raise FacereliefError("--reconstructor meshfile and --meshes FOLDER go together; give both or neither")
    from facerelief.data.build import build_dataset
    from facerelief.data.extract import Recipe
    from facerelief.data.sources.layouts import read_labelled
    from facerelief.files.store import is_remote, path_of
    from facerelief.processes.cluster import Spread, check_cluster

    check_cluster(cluster)
    if shards:
        if meshes or depth_maps or task_file:
            raise FacereliefError(
                "--shards takes no --meshes, --depth-maps or --task-file; build a folder and convert it"
            )
        found = {"source": source, "per_class": per_class, **_angles(cameras)}
        recipe = Recipe(256, reconstructor)
        _build_shards(place, out_place, found, recipe, Spread(cluster, workers, 2), per_shard, seed)
        return
    if is_remote(place) or is_remote(out_place) or per_shard:
        raise FacereliefError("URLs and --per-shard are for shards; add --shards")
    photos, dataset = path_of(place), path_of(out_place)
    reading = read_labelled(photos, source, per_class=per_class, **_angles(cameras))
    for note in reading.notes:
        say(note)
    options: dict[str, Any] = {"folder": str(meshes), "axes": mesh_axes} if meshes else {}
    recipe = Recipe(256, reconstructor, options, task_file=str(task_file) if task_file else None)
    overlays = _overlays(depth_maps, [one.photo for one in reading.photos]) if depth_maps else {}
    root = photos if photos.is_dir() else photos.parent
    with bar("building", "photos", keeps=True) as move:
        built = build_dataset(
            reading.photos,
            root,
            dataset,
            recipe,
            overlays=overlays,
            workers=workers,
            seed=seed,
            cluster=cluster,
            progress=move,
        )
    _print_outcome(built, dataset)
    review(dataset)
    stats(dataset)


def _build_shards(
    photos: str,
    out_place: str,
    source: dict[str, Any],
    recipe: "Recipe",
    spread: "Spread",
    per_shard: int | None,
    seed: int,
) -> None:
    from facerelief.data.shards.build import build_shards
    from facerelief.data.shards.photos import labelled_photos
    from facerelief.data.shards.plan import PER_SHARD

    with labelled_photos(photos, **source) as labelled:
        for note in labelled.reading.notes:
            say(note)
        with bar("building", "photos", keeps=True) as move:
            built, reviewed = build_shards(
                labelled, out_place, recipe, spread=spread, per_shard=per_shard or PER_SHARD, seed=seed, progress=move
            )
    _print_outcome(built, out_place)
    _print_review(reviewed)
    _print_stats(reviewed.samples, out_place.rstrip("/").rpartition("/")[2])


def _overlays(depth_maps: Path, photos: list[Path]) -> dict[Path, Path]:
    """The published depth maps by photo."""
    from facerelief.data.sources.depth_overlays import depth_overlay

    found = depth_overlay(depth_maps, photos)
    say(f"{len(found)} of {len(photos)} photos have a map in {depth_maps}")
    return found


def _print_outcome(built: "Built", dataset: Path | str) -> None:
    """Print how many photos became samples. Raises `DatasetError` if none did."""
    from facerelief.data.manifest import REJECTS

    for note in built.notes:
        say(note)
    total = len(built.samples) + len(built.rejects)
    reasons = Counter(reject.reason for reject in built.rejects).most_common()
    why = "; ".join(f"{count} {reason}" for reason, count in reasons)
    if not built.samples:
        raise DatasetError(f"none of {total} photos became a sample ({why}); see {dataset}/{REJECTS}")
    listed = f"; {why}: see {dataset}/{REJECTS}" if why else ""
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


@app.command("review")
def review(
    dataset: DatasetFolder,
    max_yaw: Annotated[
        float | None, typer.Option(help="Largest turn of the head to the side, in degrees. Default: 30.")
    ] = None,
    min_face_size: Annotated[
        float | None, typer.Option(help="Smallest face in the photo, in pixels. Default: 40.")
    ] = None,
) -> None:
    """Measure every sample, leave out unsuitable ones, and write review.html. Edit overrides.csv to change this.

    Limits hold until others are given, also when the dataset is built again.
    """
    from facerelief.data.review.contact_sheet import write_contact_sheet
    from facerelief.data.review.limits import thresholds_of
    from facerelief.data.review.selection import review as review_dataset

    limits: dict[str, Any] = {"max_yaw": max_yaw, "min_face_size": min_face_size}
    given = {name: value for name, value in limits.items() if value is not None}
    thresholds = dataclasses.replace(thresholds_of(dataset), **given)
    with bar("reviewing", "samples") as move:
        result = review_dataset(dataset, thresholds, move)
    sheet = write_contact_sheet(dataset, thresholds=thresholds)
    _print_review(result)
    say(f"Look at {sheet}; change it in {dataset / 'overrides.csv'} and review again.")


def _print_review(result: "Review") -> None:
    reasons = ", ".join(f"{count} {reason}" for reason, count in result.left_out.items())
    say(f"{result.kept} of {len(result.samples)} kept; left out: {reasons or 'none'}")
    for leak in result.leaks:
        say(f"{leak}: the same picture is in another split, under another name")


@app.command("stats")
def stats(dataset: DatasetFolder) -> None:
    """Print the paper's Table 4 for this dataset, and warnings."""
    from facerelief.data.manifest import read_samples

    _print_stats(read_samples(dataset), dataset.resolve().name)


def _print_stats(samples: "list[Sample]", name: str) -> None:
    from facerelief.data.stats import dataset_warnings, render, table4

    out.print(render(table4(samples, printable(name))), markup=False)
    for warning in dataset_warnings(samples):
        say(f"warning: {warning}", to=err, style="yellow")


def _angles(text: str | None) -> dict[str, tuple[int, ...]]:
    if not text:
        return {}
    try:
        return {"cameras": tuple(int(part) for part in text.split(","))}
    except ValueError as reason:
        raise FacereliefError(f"--cameras {text} is not a list of angles; e.g. --cameras 45,90,135") from reason
