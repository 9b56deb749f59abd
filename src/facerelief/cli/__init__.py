"""The command line, `facerelief edit | serve | dataset | train | report ...`."""

import contextlib
import errno
import os
import signal
import sys
import warnings
from typing import Annotated, Any

import typer

from facerelief import __version__
from facerelief.cli import streams
from facerelief.cli.command import Commands, QuietOption
from facerelief.cli.commands import (
    augment,
    compare,
    continuum,
    dataset,
    dataset_copies,
    demo,
    doctor,
    edit,
    evaluate,
    export,
    expressions,
    latency,
    measure,
    mesh,
    morph,
    morphable,
    report,
    report_controls,
    report_edits,
    report_evidence,
    report_outside,
    report_raters,
    serve,
    stimuli,
    study,
    train,
    verify,
)
from facerelief.cli.console import begin, explain, interrupted
from facerelief.errors import FacereliefError, MissingExtra
from facerelief.processor import check_processor

_UNREAD, _REFUSED, _INTERRUPTED = 1, 2, 130
# Wrong options and arguments. Typer does not export this error: old versions use click's, new ones their own.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = Commands(
    name="facerelief",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Edit the expression of a face in a photo, and train editors guided by dense 3D geometry.",
    epilog="Options can also be set in the environment, e.g. FACERELIEF_EDIT_METHOD=relief.",
)
app.add_typer(dataset.app, name="dataset")
app.add_typer(train.app, name="train")
app.add_typer(report.app, name="report")
app.add_typer(morphable.app, name="morphable")
dataset.app.command("convert")(dataset_copies.convert)
dataset.app.command("sham")(dataset_copies.sham)
report.app.command("rate")(report_edits.rate)
report.app.command("identity")(report_edits.identity)
report.app.command("outside")(report_outside.outside)
report.app.command("controls")(report_controls.controls)
report.app.command("blind")(report_raters.blind)
report.app.command("ratings")(report_raters.ratings)
report.app.command("evidence")(report_evidence.evidence)
report.app.command("latency")(latency.latency)
app.command("edit")(edit.edit)
app.command("morph")(morph.morph)
app.command("mesh")(mesh.mesh)
app.command("demo")(demo.demo)
app.command("measure")(measure.measure)
app.command("continuum")(continuum.continuum)
app.command("stimuli")(stimuli.stimuli)
app.command("compare")(compare.compare)
app.command("doctor")(doctor.doctor)
app.command("export")(export.export)
app.command("expressions")(expressions.expressions)
app.command("verify")(verify.verify)
app.command("serve")(serve.serve)
app.command("evaluate")(evaluate.evaluate_editors)
app.command("augment")(augment.augment)
app.command("study")(study.study)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and stop.")] = False,
    quiet: QuietOption = False,
) -> None:
    if version:
        typer.echo(f"facerelief {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line. Errors that the user can fix are one line and exit code 2, an interruption is 130."""
    # Before torch is imported: its threads would busy-wait for each other, which slows down a machine that is in use.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    streams.open_all()
    streams.watch()
    begin()
    if not sys.warnoptions:  # of libraries; `python -W default -m facerelief` shows them
        warnings.showwarning = lambda *_, **__: None
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: cleans up
    try:
        code = _run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except streams.OutputLost as problem:
        code = _UNREAD
        with contextlib.suppress(streams.OutputLost):  # nobody reads it
            if problem.errno != errno.EPIPE:  # the reader has closed the pipe, as head does
                explain(f"standard output cannot be written: {problem.strerror}; free space, or redirect it elsewhere")
        streams.give_up()
    sys.exit(code)


def _run() -> int | None:
    """Run the command; returns the exit code."""
    try:
        streams.refuse_empty(sys.argv[1:])
        check_processor()
        code: int | None = app(prog_name="facerelief", standalone_mode=False)
    except FacereliefError as problem:
        explain(str(problem))
        return _REFUSED
    except streams.OutputLost:
        raise
    except ModuleNotFoundError as problem:
        if problem.name != "torch":  # which commands of training and evaluation import as they begin
            raise
        explain(str(MissingExtra("torch", "train")))
        return _REFUSED
    except OSError as problem:
        if problem.filename is None:
            raise
        explain(f"{problem.filename}: {problem.strerror}; check the name, the permissions and the free space")
        return _REFUSED
    except _UsageError as problem:
        _explain_usage(problem)
        return _REFUSED
    except (KeyboardInterrupt, typer.Abort):
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        interrupted()
    return code


def _explain_usage(problem: Any) -> None:
    """Print a usage error in one line."""
    message = problem.format_message().rstrip(".")
    command = problem.ctx.command_path if problem.ctx else "facerelief"
    explain(f"{message}; see: {command} --help")
