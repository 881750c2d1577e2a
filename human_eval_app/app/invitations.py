"""Links for raters, signed."""

import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from drawbench.errors import UserError

_PARAMETERS = {
    "prolific": "PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}",
    "mturk": "",  # the task's own page adds workerId and assignmentId; see docs/study_guide.md
}


def checked_base_path(text: str) -> str:
    """What the app's addresses begin with, as `/study`; empty at the root. Raises UserError for what is no path."""
    path = text.strip("/")
    if path and not re.fullmatch(r"[\w.~-]+(/[\w.~-]+)*", path, re.ASCII):
        raise UserError(f"--base-path {text} is no path of an address: give letters, digits and -, as in /study.")
    return f"/{path}" if path else ""


def invitations(
    study: Path,
    url: str,
    panel: str | None = None,
    n: int | None = None,
    service: str | None = None,
    base_path: str = "",
) -> list[dict[str, Any]]:
    """Links with the panel and category each is for; one only for a recruitment service, for any panel unless named.

    url: where raters reach the app, which is served under base_path. Raises UserError for a panel that there is not, an
    address that is none or has another path, or a number below one.
    """
    from human_eval_app.app.tokens import TOKEN, Signer
    from human_eval_app.study.design import read_design

    design = read_design(study)
    if not url.startswith(("http://", "https://")):
        raise UserError(f"{url} is not an address of the app; give one such as https://study.example.org.")
    _check_path(url, checked_base_path(base_path))
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


def _check_path(url: str, base_path: str) -> None:
    """Under another path than the one it is served at, the app would find none of its pictures."""
    path = urlsplit(url).path.rstrip("/")
    if path == base_path:
        return
    if base_path:
        raise UserError(
            f"{url} does not end in {base_path}, where --base-path says that the app is: correct one of them."
        )
    raise UserError(
        f"{url} has the path {path}, and the app is served at the root of its host: leave the path out, or give "
        f"--base-path {path} here and to `drawbench study serve`."
    )
