"""`facerelief augment`: a balanced dataset, in which photos of rare expressions are edits."""

from pathlib import Path
from typing import Annotated

import typer

from facerelief.cli.console import bar, err, say
from facerelief.cli.options import DatasetFolder, ExpressionsOption, MethodOption, TaskFileOption, WeightsOption


def augment(
    dataset: DatasetFolder,
    folder: Annotated[Path, typer.Option("-o", "--out", help="The new dataset's folder.", show_default=False)],
    expressions: ExpressionsOption = None,
    per_class: Annotated[
        int | None,
        typer.Option(min=1, help="Training photos of each expression. Default: as many as the most frequent has."),
    ] = None,
    method: MethodOption = None,
    weights: WeightsOption = None,
    task_file: TaskFileOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the draw of photos that are edited.")] = 0,
) -> None:
    """Copy a dataset and fill up rare expressions by edits of training photos, for classifiers of few photos.

    Edits keep their person's split, are made of training photos only, and say in metadata.csv what they are. Photos are
    linked, not copied. Run the same command again to resume.

        facerelief augment datasets/mine -o datasets/balanced
    """
    from facerelief.data import Dataset
    from facerelief.editing import load_editor, weights_file
    from facerelief.editing.augmentation import augment_dataset, plan_edits
    from facerelief.expressions import resolve_all
    from facerelief.faces.detector import load_finder
    from facerelief.files import sha256

    source, editor = Dataset(dataset), load_editor(weights, load_finder(task_file=task_file), method=method)
    shown = {sample.expression for sample in source.select("train")}
    wanted = resolve_all(expressions) if expressions else [name for name in editor.expressions if name in shown]
    planned = plan_edits(source.samples, wanted, per_class, seed)
    with bar("editing", "photos", keeps=True) as move:
        made = augment_dataset(source, folder, editor, planned, sha256(weights_file(editor, weights)), move)
    counts = ", ".join(f"{count:,} {name}" for name, count in made.edits.items())
    say(f"{len(made.samples):,} samples in {folder}, of which edited: {counts or 'none'}")
    if made.lost:
        say(f"{made.lost} edits were left out: no face was found in them", to=err)
