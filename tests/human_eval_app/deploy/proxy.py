"""The shipped nginx site in front of replicas on this machine: nginx as a process of its own, with its own folder."""

import shutil
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.human_eval_app.serving import free_port

DEPLOY = Path(__file__).parents[3] / "deploy"
START_SECONDS = 30

# Everything that a distribution's own nginx.conf would say, kept inside of one folder.
_MAIN = """
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/study.conf;
}}
"""


def missing() -> str | None:
    """Why nginx cannot be started here, or None when it can."""
    for program in ("nginx", "openssl"):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian: apt-get install {program})"
    return None


@dataclass(frozen=True)
class Proxy:
    """A running nginx. tls: trusts its certificate, which is for `localhost`. base_path: the study's, or empty."""

    folder: Path
    port: int
    tls: ssl.SSLContext
    base_path: str = ""

    @property
    def url(self) -> str:
        """Where raters reach the study."""
        return f"https://localhost:{self.port}{self.base_path}"

    def log(self) -> str:
        """The access log so far."""
        return (self.folder / "access.log").read_text()


def site(folder: Path, port: int, http_port: int, replicas: Sequence[int], changed: Mapping[str, str]) -> None:
    """Write the shipped site with this machine's ports, certificate and folders, and what else is `changed`.

    Raises AssertionError when the shipped file no longer holds what is to be replaced.
    """
    shipped = (DEPLOY / "nginx.conf").read_text()
    changes = {
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl http2;\n": "",
        "listen 80;": f"listen 127.0.0.1:{http_port};",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "study.example.org;  # CHANGE": "localhost;",
        "/etc/letsencrypt/live/study.example.org/fullchain.pem": f"{folder}/certificate.pem",
        "/etc/letsencrypt/live/study.example.org/privkey.pem": f"{folder}/key.pem",
        "/var/log/nginx/study.log": f"{folder}/access.log",
        "/etc/nginx/study_replicas.conf": f"{folder}/replicas.conf",
        **changed,
    }
    for old, new in changes.items():
        assert old in shipped, f"deploy/nginx.conf has no {old!r} any more"
        shipped = shipped.replace(old, new)
    (folder / "study.conf").write_text(shipped)
    lines = (DEPLOY / "replicas.conf").read_text().splitlines()
    servers = [line for line in lines if line.startswith("server ")]
    (folder / "replicas.conf").write_text(
        "\n".join(servers[0].replace("127.0.0.1:8501", f"127.0.0.1:{port}") for port in replicas) + "\n"
    )


def configure(
    folder: Path, port: int, http_port: int, replicas: Sequence[int], changed: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """Make everything that nginx needs in `folder`; the command line that starts it in the foreground."""
    _make_certificate(folder)
    site(folder, port, http_port, replicas, changed)
    as_root = "user root;" if (Path("/proc/self").stat().st_uid == 0) else ""
    (folder / "main.conf").write_text(_MAIN.format(folder=folder, user=as_root))
    return ["nginx", "-p", str(folder), "-e", str(folder / "start.log"), "-c", str(folder / "main.conf")]


@contextmanager
def proxy(
    folder: Path, replicas: Sequence[int], base_path: str = "", changed: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Proxy]:
    """nginx in front of the replicas at these ports, while the block runs. `folder`: an empty one.

    base_path: the replicas'. changed: what else of the shipped site is other, old text to new.
    """
    port = free_port()
    command = configure(folder, port, free_port(), replicas, changed)
    running = Proxy(folder, port, ssl.create_default_context(cafile=str(folder / "certificate.pem")), base_path)
    process = subprocess.Popen([*command, "-g", "daemon off;"], cwd=folder)
    try:
        _wait(process, running)
        yield running
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: "subprocess.Popen[bytes]", running: Proxy) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{running.url}/_stcore/health", timeout=5, context=running.tls):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError((running.folder / "start.log").read_text())


def _make_certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,DNS:study.localhost"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)
