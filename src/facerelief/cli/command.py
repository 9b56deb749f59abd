"""What all commands share: -q, old forms of options, defaults from the environment."""

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from facerelief.cli import console
from facerelief.cli.old_forms import translate
from facerelief.cli.writes import with_overwrite
from facerelief.errors import FacereliefError, Interrupted

_QUIET = "facerelief.quiet"  # key in the context that all parts of a command line share
_SHOWS = ("to", "au", "blendshape", "like", "like_neutral", "edits")  # that say what faces are to show
_TO_NAME = str.maketrans("- ", "__")
_MAX_SUMMARY = 300  # letters of a first sentence in a list of commands


def quieten(context: typer.Context, value: bool) -> bool:
    """Callback of -q."""
    context.meta[_QUIET] = context.meta.get(_QUIET, False) or value
    return value


def settle(ctx: Any, options: Sequence[Any]) -> dict[str, tuple[str, str]]:
    """Drop what the environment says faces are to show where that is typed too.

    Returns:
        By variable of the environment that sets an option: the option's name, and the value.

    Raises:
        FacereliefError: Two variables say what faces are to show.
    """
    named = {one.name: one for one in options if one.param_type_name == "option"}
    sources = {name: getattr(ctx.get_parameter_source(name), "name", "") for name in named}
    alike = [name for name in named if name in _SHOWS]
    if any(sources[name] == "COMMANDLINE" for name in alike):
        for name in alike:
            if sources[name] == "ENVIRONMENT":
                ctx.params[name], sources[name] = None, ""
    from_outside = {one.envvar: one for name, one in named.items() if sources[name] == "ENVIRONMENT"}
    several = [variable for variable, one in from_outside.items() if one.name in alike and one.name != "like_neutral"]
    if len(several) > 1:
        raise FacereliefError(f"{several[0]} and {several[1]} both say what faces are to show; unset one of them")
    return {variable: (max(one.opts, key=len), os.environ.get(variable, "")) for variable, one in from_outside.items()}


def told_of(reason: FacereliefError, variables: Mapping[str, tuple[str, str]]) -> FacereliefError:
    """An error that names the variables which it is about: those whose option or value it tells of."""
    said = str(reason)
    about = [name for name, (option, value) in variables.items() if option in said or repr(value) in said]
    return FacereliefError(f"{said} (set by {', '.join(about)})") if about else reason


QuietOption = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        callback=quieten,
        help="Print only errors, and on standard output results as ever: no progress, no notes.",
    ),
]


class Command(TyperCommand):
    """A command with -q that accepts old forms of its options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click. Also called for completion in the shell, where nothing may be printed."""
        silent = ctx.resilient_parsing or "_FACERELIEF_COMPLETE" in os.environ
        words = ctx.command_path.split(" ", 1)[-1]
        for one in self.params:  # an option's default may be set as FACERELIEF_EDIT_METHOD=relief
            if one.param_type_name == "option":
                name = max(one.opts, key=len).strip("-")
                one.envvar = f"facerelief_{words}_{name}".translate(_TO_NAME).upper()
                one.show_envvar = False  # type: ignore[attr-defined]
        rest: list[str] = super().parse_args(
            ctx, translate(words, args, (lambda line: None) if silent else console.note)
        )
        return rest

    def get_short_help_str(self, limit: int = 0) -> str:
        """The first sentence, not truncated."""
        return super().get_short_help_str(_MAX_SUMMARY)

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        if ctx.meta.get(_QUIET):
            console.be_quiet()
        variables = settle(ctx, self.params)
        try:
            return super().invoke(ctx)
        except FacereliefError as reason:
            told = told_of(reason, variables)
            if told is reason:
                raise
            raise told from reason
        except Interrupted as reason:  # typer turns it into an exit code
            console.keep(str(reason))
            raise


class Group(TyperGroup):
    """A group that shows its help if no command is given, with whole first sentences."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            ctx.exit(2)
        rest: list[str] = super().parse_args(ctx, args)
        return rest

    def get_short_help_str(self, limit: int = 0) -> str:
        """The first sentence, not truncated."""
        return super().get_short_help_str(_MAX_SUMMARY)


class Commands(typer.Typer):
    """A group of commands with help in plain text: rich's tables cut names at 80 columns."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=Group, rich_markup_mode=None, pretty_exceptions_enable=False, **settings)

    def command(  # type: ignore[override]
        self, name: str | None = None, **settings: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a command, and give it -q."""
        register = super().command(name, cls=Command, **settings)

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            register(_with_quiet(with_overwrite(function)))
            return function

        return decorate


def _with_quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with the option -q, whose callback acts on it."""

    @functools.wraps(function)
    def run(*arguments: Any, quiet: bool = False, **options: Any) -> Any:
        return function(*arguments, **options)

    signature = inspect.signature(function)
    one = inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=QuietOption)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), one])  # type: ignore[attr-defined]
    run.__annotations__ = {**function.__annotations__, "quiet": QuietOption}
    return run
