"""The examples of deployment name routes, ports, options and times that the server really has."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from webapp_app import slow_app

from facerelief.cli.commands.serve import serve
from facerelief.webapp.server.graceful_server import _FLUSH_S
from facerelief.webapp.server.limits import Limits

yaml = pytest.importorskip("yaml", reason="reads the examples")
ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
_LONGEST_S = Limits().timeout_s + _FLUSH_S


def words(arguments: list[str]) -> dict[str, str]:
    """Options and values of `serve`."""
    assert arguments[0] == "serve"
    pairs = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    known = {f"--{name.replace('_', '-')}" for name in serve.__annotations__}
    assert pairs.keys() <= known
    return pairs


def answers(path: str) -> None:
    """The path needs no token and says 503 once the server ends."""
    app, _ = slow_app()
    with contextlib.closing(TestClient(app, base_url="http://localhost")) as client:
        assert client.get(path).status_code == 200
        app.state.admission.stopping = True
        assert client.get(path).status_code == 503


def test_kubernetes() -> None:
    kinds = {one["kind"]: one for one in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())}
    assert kinds.keys() == {"Deployment", "Service", "PodDisruptionBudget"}
    deployment, pod = kinds["Deployment"]["spec"], kinds["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    options = words(container["args"])
    (port,) = container["ports"]
    assert port["containerPort"] == int(options["--port"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == port["name"]
        answers(container[probe]["httpGet"]["path"])
    wait = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] >= wait + _LONGEST_S
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert kinds["Service"]["spec"]["selector"] == labels
    assert kinds["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    assert kinds["Service"]["metadata"]["name"] == options["--allow-host"]  # by which other pods ask
    budget = kinds["PodDisruptionBudget"]["spec"]
    assert budget["selector"]["matchLabels"] == labels and budget["minAvailable"] < deployment["replicas"]
    assert {one["mountPath"] for one in container["volumeMounts"]} == {"/tmp"}


def test_compose() -> None:
    service: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["facerelief"]
    options = words(service["command"])
    assert service["ports"] == [f"{options['--port']}:{options['--port']}"]
    code = service["healthcheck"]["test"][-1]
    assert f"http://127.0.0.1:{options['--port']}/health" in code
    compile(code, "healthcheck", "exec")
    answers("/health")
    assert int(service["stop_grace_period"].rstrip("s")) >= _LONGEST_S
    assert (DEPLOY / service["build"] / "Dockerfile").is_file()
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"EXPOSE {options['--port']}" in dockerfile and 'ENTRYPOINT ["facerelief"]' in dockerfile
