"""`facerelief stimuli`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from facerelief.cli.console import bar, err, say
from facerelief.cli.options import COLOURS, TaskFileOption, one_of
from facerelief.cli.writes import OutputFiles, check_folder_name, writes


def _settings(values: Mapping[str, Any]) -> Any:
    from facerelief.stimuli.making import StimulusSettings

    names = ("size", "colour", "oval", "exact", "scrambled", "average", "seed")
    return StimulusSettings(**{name: values[name] for name in names})


def _files(values: Mapping[str, Any]) -> list[Path | None]:
    from facerelief.stimuli.making import stimulus_files

    return [*stimulus_files(values["photos"], values["folder"], _settings(values))]


@writes(OutputFiles(("folder",), _files))
def stimuli(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.", show_default=False)],
    folder: Annotated[Path, typer.Option("-o", "--out", help="The folder of the stimuli.", show_default=False)],
    size: Annotated[int, typer.Option(help="Side in pixels, 64 to 2048.")] = 512,
    colour: Annotated[str, one_of(choices=COLOURS, help="luma: grey. rgb: colour, of equal luminance.")] = "luma",
    oval: Annotated[bool, typer.Option("--oval/--no-oval", help="Cover all but the face's oval with grey.")] = True,
    exact: Annotated[
        bool, typer.Option("--histogram", help="The same histogram for all, not only mean and contrast.")
    ] = False,
    scrambled: Annotated[
        bool, typer.Option("--scrambled", help="Also a phase-scrambled control of each stimulus.")
    ] = False,
    average: Annotated[
        bool, typer.Option("--average", help="Also the average of all faces, warped to their mean shape.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the controls.")] = 0,
    task_file: TaskFileOption = None,
) -> None:
    """Make standardised stimuli of photos: aligned on the eyes, equal in size, mask, luminance and contrast.

    Luminance is matched as the SHINE toolbox does (Willenbockel et al., 2010), inside the oval. stimuli.csv says
    what was done to each photo, with mean and contrast before and after.

        facerelief stimuli photos -o stimuli --scrambled --average
    """
    check_folder_name(folder)
    from facerelief.faces.detector import load_finder
    from facerelief.stimuli.making import TABLE, make_stimuli

    names = ("size", "colour", "oval", "exact", "scrambled", "average", "seed")
    settings = _settings(dict(zip(names, (size, colour, oval, exact, scrambled, average, seed), strict=True)))
    with bar("making", "photos") as move:
        notes = make_stimuli(photos, folder, settings, load_finder(task_file=task_file), move)
    say(*notes, to=err)
    say(str(folder / TABLE))
