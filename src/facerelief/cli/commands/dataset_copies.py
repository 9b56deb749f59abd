"""`facerelief dataset convert | sham`: datasets made from datasets."""

from pathlib import Path
from typing import Annotated

import typer

from facerelief.cli.console import bar, say
from facerelief.cli.options import SHAMS, DatasetFolder, one_of
from facerelief.errors import FacereliefError


def convert(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A dataset's folder, or shards by path or URL.", show_default=False)
    ],
    target: Annotated[
        str,
        typer.Option("-o", "--out", help="Shards by path or URL, or a dataset's folder.", show_default=False),
    ],
    per_shard: Annotated[int | None, typer.Option(min=1, help="To shards: samples of a shard. Default: 256.")] = None,
) -> None:
    """Convert a dataset's folder to WebDataset shards, and shards to a folder; both ways bit for bit.

    Run the same command again to resume.

        facerelief dataset convert datasets/mine -o s3://bucket/mine

        facerelief dataset convert s3://bucket/mine -o datasets/mine
    """
    from facerelief.data.shards.convert import pack, unpack
    from facerelief.data.shards.plan import PER_SHARD
    from facerelief.files.store import is_remote, path_of

    folder = path_of(source)
    with bar("converting", "samples") as move:
        if not is_remote(source) and (folder / "rgb").is_dir():
            facts = pack(folder, target, per_shard or PER_SHARD, move)
            done = f"{sum(one.samples for one in facts)} samples in {len(facts)} shards in {target}"
        elif is_remote(target):
            raise FacereliefError(f"{source} is no dataset's folder; shards become a folder on this machine: -o FOLDER")
        else:
            done = f"{unpack(source, path_of(target), move)} samples in {target}"
    say(done)


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
