"""The files that deploy a study: whatever can be said of them without the machine that they are for."""

import argparse
import re
import shutil
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from human_eval_app.app.service import DATABASE_VARIABLE
from human_eval_app.cli import study
from human_eval_app.store.database.engine import make_engine
from tests.human_eval_app.deploy import proxy as nginx

DEPLOY = nginx.DEPLOY
ROOT = DEPLOY.parent
UNIT = "drawbench-study@.service"


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The arguments of `drawbench study`, as the program understands them."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    study.configure(parser)
    return parser.parse_args(arguments)


def unit_settings() -> dict[str, str]:
    lines = [line.partition("=") for line in (DEPLOY / UNIT).read_text().splitlines() if not line.startswith("#")]
    return {name: value for name, _, value in lines}


def database_of(assignment: str) -> Any:
    """The address in NAME=URL, as the store understands it."""
    name, _, url = assignment.partition("=")
    assert name == DATABASE_VARIABLE
    return make_engine(url).url


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit's instance for port 8501, with a program that is on every machine."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (Debian: apt-get install systemd)")
    path = tmp_path / UNIT.replace("@", "@8501")
    path.write_text((DEPLOY / UNIT).read_text().replace("/opt/drawbench/bin/drawbench", "/bin/true"))
    return path


def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_well_locked_up(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert exposure is not None, done.stderr
    assert float(exposure[1]) < 2  # of 10; an ordinary service has 9


def test_the_unit_serves_the_ports_that_nginx_knows() -> None:
    settings = unit_settings()
    program, *arguments = settings["ExecStart"].replace("%i", "8501").split()
    assert Path(program).name == "drawbench"
    args = parsed(arguments[1:])
    assert (args.host, args.port, args.database) == ("127.0.0.1", 8501, None)
    assert f"server {args.host}:{args.port} " in (DEPLOY / "replicas.conf").read_text()
    database = database_of(settings["Environment"])
    assert (database.host, database.password, database.query["host"]) == (None, None, "/run/postgresql")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def test_nginx_knows_the_addresses_of_the_containers(compose: dict[str, Any]) -> None:
    addresses = {
        network["ipv4_address"]
        for service in compose["services"].values()
        for network in service["networks"].values()
        if network
    }
    servers = re.findall(r"^server (\S+):8501 (.+)$", compose["configs"]["replicas"]["content"], re.MULTILINE)
    assert {address for address, _ in servers} == addresses
    shipped = re.findall(r"^server \S+ (.+)$", (DEPLOY / "replicas.conf").read_text(), re.MULTILINE)
    assert {options for _, options in servers} == set(shipped)


def test_containers_get_files_that_are_there(compose: dict[str, Any]) -> None:
    nginx_service = compose["services"]["nginx"]
    mounted = [volume.split(":") for volume in nginx_service["volumes"]]
    assert ["./nginx.conf", "/etc/nginx/conf.d/default.conf", "ro"] in mounted
    assert f"include {nginx_service['configs'][0]['target']};" in (DEPLOY / "nginx.conf").read_text()
    build = compose["services"]["replica-1"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Containerfile"


def test_replicas_share_the_study_and_the_database(compose: dict[str, Any]) -> None:
    one, other = (dict(compose["services"][name]) for name in ("replica-1", "replica-2"))
    assert one.pop("networks") != other.pop("networks")
    assert one == other
    assert any(volume.endswith(":/study:ro") for volume in one["volumes"])
    database = database_of(f"{DATABASE_VARIABLE}={one['environment'][DATABASE_VARIABLE]}")
    settings = compose["services"]["database"]["environment"]
    assert (database.host, database.username, database.database) == (
        "database",
        settings["POSTGRES_USER"],
        settings["POSTGRES_DB"],
    )
    assert one["environment"]["PGPASSWORD"] == settings["POSTGRES_PASSWORD"]


def container_lines(instruction: str) -> list[str]:
    """What stands after an instruction of the Containerfile."""
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    return [line.removeprefix(f"{instruction} ") for line in lines if line.startswith(f"{instruction} ")]


def test_the_container_is_built_from_what_the_wheel_needs() -> None:
    copied = [source for line in container_lines("COPY") for source in line.split()[:-1]]
    assert [source for source in copied if not (ROOT / source).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {package.split(".")[0] for package in project["tool"]["setuptools"]["packages"]}
    assert packages | {project["project"]["readme"], *project["project"]["license-files"]} <= set(copied)


def test_the_container_serves_the_mounted_study() -> None:
    (program,), (command,) = container_lines("ENTRYPOINT"), container_lines("CMD")
    assert yaml.safe_load(program) == ["drawbench", "study"]
    args = parsed(yaml.safe_load(command))
    assert (str(args.study), args.host, args.port) == ("/study", "0.0.0.0", 8501)
    assert args.subcommand is import_module(study.SUBCOMMANDS["serve"][0]).run


@pytest.mark.skipif(nginx.missing() is not None, reason=str(nginx.missing()))
def test_nginx_takes_the_site_with_the_containers_replicas(compose: dict[str, Any], tmp_path: Path) -> None:
    command = nginx.configure(tmp_path, 8443, 8080, [1, 2])
    (tmp_path / "replicas.conf").write_text(compose["configs"]["replicas"]["content"])
    done = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr
