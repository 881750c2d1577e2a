"""What the tests of all pages share: invitations to a served study, and pages without a server."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from human_eval_app.app import service as service_module
from human_eval_app.app.invitations import invitations
from human_eval_app.app.service import Service, open_service
from human_eval_app.study.design import Design
from tests.human_eval_app.serving import Server, write_study

OpenStudy = Callable[..., Service]


@pytest.fixture(scope="module")
def links(server: Server) -> Iterator[str]:
    """Invitations to the study of the module's `server`."""
    return iter([row["link"] for row in invitations(server.study, server.url)])


@pytest.fixture
def open_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenStudy]:
    """Writes a study, and makes it the one of this process."""
    opened: list[Service] = []

    def open_one(design: Design, settings: str = "") -> Service:
        opened.append(open_service(write_study(design, tmp_path / f"study {len(opened)}", settings)))
        monkeypatch.setattr(service_module, "_current", [opened[-1]])
        return opened[-1]

    yield open_one
    for service in opened:
        service.store.close()
