"""The command line: `facerelief dataset | train | report | edit | demo`; a command is a signature and a call."""

import sys

import typer

from facerelief import __version__
from facerelief.cli import dataset, edit, report, train
from facerelief.cli.console import explain
from facerelief.errors import FacereliefError

app = typer.Typer(
    name="facerelief",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Edit the expression of a face in a photo, and train editors guided by dense 3D geometry.",
)
app.add_typer(dataset.app, name="dataset")
app.add_typer(train.app, name="train")
app.add_typer(report.app, name="report")
app.command("edit")(edit.edit)
app.command("demo")(edit.demo)


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
    if version:
        typer.echo(f"facerelief {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line: a problem the user can remedy is one line and exit code 2, an interruption 130."""
    try:
        app()
    except FacereliefError as problem:
        explain(str(problem))
        sys.exit(2)
    except KeyboardInterrupt:
        explain("interrupted; the same command goes on where it was")
        sys.exit(130)
