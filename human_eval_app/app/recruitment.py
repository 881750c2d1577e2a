"""Whether an id that came with a recruitment link is one that the study's hosts know of."""

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from drawbench.errors import UserError
from human_eval_app.app.settings import Recruitment
from human_eval_app.store.records import Identity

SIGNATURE = "sig"  # the query parameter


def is_verified(identity: Identity, parameters: Mapping[str, str], rules: Recruitment, study: Path) -> bool:
    """Whether the rater may come in; invitations always. Raises UserError when the list of ids cannot be read."""
    if identity.source not in ("prolific", "mturk"):
        return True
    if rules.allowed_ids and identity.external_id not in allowed_ids(rules, study):
        return False
    given = parameters.get(SIGNATURE, "").lower().encode()
    return not rules.shared_secret or hmac.compare_digest(signature(identity.external_id, rules).encode(), given)


def signature(external_id: str, rules: Recruitment) -> str:
    """What a link must carry for an id: 64 hexadecimal digits."""
    return hmac.new(rules.shared_secret.encode(), external_id.encode(), hashlib.sha256).hexdigest()


def allowed_ids(rules: Recruitment, study: Path) -> frozenset[str]:
    """The ids of the list, which may grow while raters come. Raises UserError when it cannot be read."""
    path = study / rules.allowed_ids
    try:
        return frozenset(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, ValueError):
        raise UserError(f"{path}, the list of allowed ids that settings.toml names, cannot be read: make it.") from None
