"""What all pages of one server process share: the design, the settings, the store, the signer."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

from drawbench import __version__
from human_eval_app.app.recruitment import allowed_ids
from human_eval_app.app.settings import Settings, read_settings
from human_eval_app.app.tokens import Signer
from human_eval_app.store.database.engine import sqlite_url
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import IMAGES, Design, read_design

STUDY_VARIABLE = "DRAWBENCH_STUDY"
DATABASE_VARIABLE = "DRAWBENCH_STUDY_DATABASE"
APP_VERSION = __version__


@dataclass(frozen=True)
class Service:
    """One study as it is served."""

    folder: Path
    design: Design
    settings: Settings
    signer: Signer
    store: VoteStore

    @cached_property
    def image_tokens(self) -> frozenset[str]:
        """Every image that a screen of this study may show."""
        return frozenset(image for images in self.design.sets.values() for image in images.images)

    def image_path(self, token: str) -> Path:
        """Where the image of a token is."""
        return self.folder / IMAGES / f"{token}.webp"


def default_database(study: Path) -> str:
    """The database that the environment names, else the one in the study's own folder."""
    return os.environ.get(DATABASE_VARIABLE) or sqlite_url((study / "votes.sqlite").resolve())


def open_service(study: Path, database: str | None = None) -> Service:
    """Read the study and open its database. Raises UserError for what is missing or damaged."""
    design, settings = read_design(study), read_settings(study)
    signer = Signer.of_study(study, design.sha256)
    url, patience = database or default_database(study), settings.patience_seconds
    store = VoteStore.open(url, design, settings.lease_minutes, patience_seconds=patience)
    if settings.recruitment.allowed_ids:
        allowed_ids(settings.recruitment, study)  # said now, not to the first rater
    given = settings.codes.given()
    if not given.items() <= store.codes().items():
        store.set_codes(given)
    return Service(study, design, settings, signer, store)


_lock = Lock()
_current: list[Service] = []


def current_service() -> Service:
    """The service of this process, opened on first use for the study that the environment names."""
    with _lock:
        if not _current:
            _current.append(open_service(Path(os.environ[STUDY_VARIABLE])))
        return _current[0]
