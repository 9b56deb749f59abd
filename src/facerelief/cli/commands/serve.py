"""`facerelief serve`."""

import os
from typing import Annotated

import typer

from facerelief.cli.console import explain, note, out
from facerelief.cli.options import EngineOption, MethodOption, PresetsOption, TaskFileOption, WeightsOption
from facerelief.errors import FacereliefError
from facerelief.processes.cores import available_cores

_TOKEN = "FACERELIEF_TOKEN"
_RATE = 600  # requests a minute of one client, if other machines have access
_NETWORK = "Access from other machines"
Token = Annotated[
    str | None,
    typer.Option(
        help=f"The token that requests and the page need. Better set {_TOKEN}: other users of this machine can "
        "read the command line.",
        rich_help_panel=_NETWORK,
        show_default=False,
    ),
]
Rate = Annotated[
    int | None,
    typer.Option(
        min=0,
        help=f"Requests a minute of one client; 0: any number. Default: {_RATE} if other machines have access.",
        rich_help_panel=_NETWORK,
        show_default=False,
    ),
]
ClientPlaces = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Places that one client may take. Default: a quarter of --places if other machines have access.",
        rich_help_panel=_NETWORK,
        show_default=False,
    ),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(help="Another host name of the server, such as that of a proxy.", rich_help_panel=_NETWORK),
]
Proxies = Annotated[
    list[str] | None,
    typer.Option(
        help="The address or network of a proxy whose X-Forwarded-For is trusted.",
        rich_help_panel=_NETWORK,
    ),
]


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen at. Default: this machine only; 0.0.0.0: also the network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 7860,
    method: MethodOption = None,
    weights: WeightsOption = None,
    engine: EngineOption = None,
    presets: PresetsOption = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Requests computed at once. Default: one per core.")
    ] = None,
    processes: Annotated[
        int,
        typer.Option(min=1, max=64, help="Server processes behind the port, which share all limits."),
    ] = 1,
    places: Annotated[
        int, typer.Option(min=1, help="Requests running and queued; more are refused with Retry-After.")
    ] = 64,
    max_mib: Annotated[int, typer.Option(min=1, help="MiB of one request.")] = 32,
    max_megapixels: Annotated[int, typer.Option(min=1, max=100, help="Megapixels of one photo.")] = 40,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that a response may take.")] = 60.0,
    connections: Annotated[int, typer.Option(min=1, help="Open connections; a new one replaces the slowest.")] = 512,
    token: Token = None,
    rate: Rate = None,
    client_places: ClientPlaces = None,
    allow_host: Hosts = None,
    trusted_proxy: Proxies = None,
    task_file: TaskFileOption = None,
) -> None:
    """Serve a page to edit photos in the browser, and an HTTP API. Photos stay in memory and are not stored.

    facerelief serve            # then open http://127.0.0.1:7860
    """
    from facerelief.webapp.server.addresses import is_local
    from facerelief.webapp.server.limits import Limits
    from facerelief.webapp.server.serve import AccessOptions
    from facerelief.webapp.server.serve import serve as run
    from facerelief.webapp.service import EditorOptions

    access_options = AccessOptions(allow_host or (), _checked_token(token), trusted_proxy or ())
    local = is_local(host)
    for_others = not local or bool(trusted_proxy)
    limits = Limits(
        workers=max(processes, workers or available_cores()),
        places=places,
        client_places=client_places or (max(1, places // 4) if for_others else places),
        body=max_mib * 2**20,
        pixels=max_megapixels * 1_000_000,
        timeout_s=timeout,
        connections=connections,
        rate=rate if rate is not None else _RATE if for_others else 0,
        processes=processes,
    )

    def ready(url: str) -> None:
        if not local:
            who = "has the token" if access_options.token else f"can reach {host}"
            password = "" if access_options.token else "it asks for no password (see --token) and "
            explain(f"anyone who {who} can use this server: {password}it does not encrypt")
        out.print(f"facerelief serves at {url} (its API: {url}/api); stop it with Ctrl-C", markup=False)

    run(
        host,
        port,
        editor=EditorOptions(weights, method, engine, presets),
        task_file=task_file,
        limits=limits,
        access_options=access_options,
        ready=ready,
        warn=note,
    )


def _checked_token(token: str | None) -> str | None:
    """The token of the option, else of the environment. Raises `FacereliefError` if it cannot be sent in a header."""
    given = token if token is not None else os.environ.get(_TOKEN)
    if given is not None and not (given and given.isascii() and given.isprintable() and " " not in given):
        where = "--token" if token is not None else _TOKEN
        raise FacereliefError(
            f"{where} is {'empty' if not given else 'not plain ASCII without spaces'}; "
            "make one with: python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return given
