"""Links for raters, signed."""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from drawbench.errors import UserError

_PARAMETERS = {
    "prolific": "PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}",
    "mturk": "",  # the task's own page adds workerId and assignmentId; see docs/study_guide.md
}


def invitations(
    study: Path,
    url: str,
    panel: str | None = None,
    n: int | None = None,
    service: str | None = None,
) -> list[dict[str, Any]]:
    """Links with the panel and category each is for; one only for a recruitment service, for any panel unless named.

    url: where raters reach the app. Raises UserError for a panel that there is not, an address that is none or has
    another path than the settings' base_path, or a number below one.
    """
    from human_eval_app.app.tokens import TOKEN, Signer
    from human_eval_app.study.design import read_design

    design = read_design(study)
    if not url.startswith(("http://", "https://")):
        raise UserError(f"{url} is not an address of the app; give one such as https://study.example.org.")
    _check_path(url, study)
    if panel is not None and panel not in design.panel_by_id:
        raise UserError(f"the study has no panel {panel}; its panels are {', '.join(design.panel_by_id)}.")
    if n is not None and n < 1:
        raise UserError(f"-n {n}: make at least one link.")
    signer, base = Signer.of_study(study, design.sha256), f"{url.rstrip('/')}/?{TOKEN}="
    if service is not None:
        parameters = f"&{_PARAMETERS[service]}" if _PARAMETERS[service] else ""
        return [{"panel": panel or "", "link": base + signer.recruitment(service, panel) + parameters}]
    panels = [design.panel_by_id[panel]] if panel else list(design.panels)
    return [
        {
            "panel": each.id,
            "category": each.category,
            "link": base + signer.invitation(secrets.token_hex(12), each.id),
        }
        for each in panels
        for _ in range(n or len(each.seats))
    ]


def _check_path(url: str, study: Path) -> None:
    """Under another path than the one it is served at, the app would find none of its pictures."""
    from human_eval_app.app.settings import read_settings
    from human_eval_app.study.design import SETTINGS_FILE

    path, base_path = urlsplit(url).path.rstrip("/"), read_settings(study).base_path
    if path != base_path:
        raise UserError(
            f'{url} has the path "{path}", and the app is served at "{base_path}": correct one of them '
            f"({study / SETTINGS_FILE} has base_path)."
        )
