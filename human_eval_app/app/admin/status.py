"""Opening, pausing and closing a study."""

from drawbench.errors import UserError
from human_eval_app.store.records import StudyStatus
from human_eval_app.store.store import VoteStore


def change_status(store: VoteStore, wanted: StudyStatus) -> None:
    """Set the study's status. Raises UserError for a study that was closed: its results may have been seen since."""
    if store.status() == "closed" and wanted != "closed":
        raise UserError(
            "the study is closed for good: its results may have been looked at, and votes cast after that would not be "
            "independent of them; create a new study for more votes."
        )
    store.set_status(wanted)
