"""The proxy of docs/serve.md: the very text, with other ports and a certificate of our own."""

import contextlib
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import live, wait_for

from facerelief.webapp.access import Access
from facerelief.webapp.server.addresses import networks_of

NGINX, OPENSSL = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin"), shutil.which("openssl")
NGINX = NGINX or shutil.which("nginx")
GUIDE = Path(__file__).parents[2] / "docs" / "serve.md"
NAME = "faces.example.org"
AROUND = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {server}
}}
"""
needs = pytest.mark.skipif(
    not (NGINX and OPENSSL), reason="no nginx or openssl here; Debian and Ubuntu: apt-get install nginx openssl"
)


@contextlib.contextmanager
def proxied(folder: Path, port: int) -> Iterator[httpx.Client]:
    """nginx in front of a port of this machine, and a browser's connection to it by its name."""
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={NAME}"]
    named = [
        "-addext",
        f"subjectAltName=DNS:{NAME}",
        "-keyout",
        folder / "privkey.pem",
        "-out",
        folder / "fullchain.pem",
    ]
    subprocess.run([str(OPENSSL), *made, *named], check=True, capture_output=True, timeout=60)
    text = re.findall(r"```nginx\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)[0]
    with socket.create_server(("127.0.0.1", 0)) as free:
        outside = free.getsockname()[1]
    for usual, ours in (("443", f"127.0.0.1:{outside}"), ("127.0.0.1:7860", f"127.0.0.1:{port}")):
        assert usual in text
        text = text.replace(usual, ours)
    text = text.replace("/etc/ssl/faces", str(folder))
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, server=text))
    log = (folder / "stderr").open("w")
    process = subprocess.Popen([str(NGINX), "-p", folder, "-c", folder / "nginx.conf"], stderr=log)
    try:
        wait_for(lambda: process.poll() is None and _listens(outside))
        context = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
        url, host = f"https://127.0.0.1:{outside}", f"{NAME}:{outside}"
        with httpx.Client(base_url=url, verify=context, headers={"Host": host}, timeout=60) as client:
            client.event_hooks["request"] = [lambda request: request.extensions.update(sni_hostname=NAME)]
            yield client
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@needs
def test_the_proxy_of_the_guide(tmp_path: Path) -> None:
    access = Access({"127.0.0.1", NAME}, token="secret", proxies=networks_of(["127.0.0.1"]))
    with live(access, rate=30) as server, proxied(tmp_path, server.port) as client:
        server.service.go.set()
        token = {"Authorization": "Bearer secret", "Origin": f"https://{client.headers['host']}"}
        photo = bytes(range(256)) * 80_000

        def edit(**more: Any) -> httpx.Response:
            return client.post("/v1/edit", files={"photo": ("p", photo)}, data={"to": "fear"}, **more)

        assert "<html" in client.get("/").text
        assert client.get("/health").json()["status"] == "ok"
        assert client.get("/metrics", headers=token).status_code == 404
        assert edit().json()["error"]["code"] == "unauthorized"
        answer = edit(headers=token)
        assert (answer.status_code, answer.content == photo) == (200, True)
        foreign = edit(headers=token | {"Origin": "https://evil.example"})
        assert foreign.json()["error"]["code"] == "forbidden"
        codes = [
            client.get("/v1/nothing", headers=token | {"X-Forwarded-For": f"1.1.1.{k}"}).status_code for k in range(40)
        ]
        assert codes[0] == 404
        assert codes[-1] == 429  # whatever a client says of its own address
        assert [path.name for path in (*tmp_path.glob("body/*"), *tmp_path.glob("proxy/*"))] == []
