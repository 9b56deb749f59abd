"""`facerelief serve`."""

import os
from typing import Annotated

import typer

from facerelief.cli.console import explain, out
from facerelief.cli.options import Engine, Method, TaskFile, Weights


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen at. Default: this machine only; 0.0.0.0: the network too.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 7860,
    method: Method = None,
    weights: Weights = None,
    engine: Engine = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Requests computed at once. Default: one a processor.")
    ] = None,
    places: Annotated[int, typer.Option(min=1, help="Requests at work and waiting; further ones are put off.")] = 64,
    max_mib: Annotated[int, typer.Option(min=1, help="MiB of one request.")] = 32,
    max_megapixels: Annotated[int, typer.Option(min=1, max=100, help="Megapixels of one photo.")] = 40,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds an answer may take.")] = 60.0,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Another name that browsers may reach it by, as behind a proxy.")
    ] = None,
    task_file: TaskFile = None,
) -> None:
    """A page to edit photos in the browser, and an HTTP API. Photos stay in this machine's memory; none is kept.

    facerelief serve            # then open http://127.0.0.1:7860
    """
    from facerelief.webapp.limits import Limits
    from facerelief.webapp.server import is_local
    from facerelief.webapp.server import serve as run

    limits = Limits(
        workers=workers or os.cpu_count() or 1,
        places=places,
        body=max_mib * 2**20,
        held=max(256, 4 * max_mib) * 2**20,
        pixels=max_megapixels * 1_000_000,
        answer_s=timeout,
    )

    def ready(url: str) -> None:
        if not is_local(host):
            explain(f"whoever can reach {host} can use this server: it asks for no password and does not encrypt")
        out.print(f"facerelief serves at {url} (its API: {url}/api); end it with Ctrl-C", markup=False)

    run(
        host,
        port,
        weights=weights,
        method=method,
        engine=engine,
        task_file=task_file,
        limits=limits,
        allow_hosts=allow_host or (),
        ready=ready,
    )
