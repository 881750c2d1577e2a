"""Signed tokens: who may come in, and which images they may load. Guessed, forged and replayed ones are refused."""

import base64
import hashlib
import hmac
import re
from pathlib import Path
from typing import Any

from drawbench.errors import UserError
from human_eval_app.store.records import Identity
from human_eval_app.study.design import SECRET_FILE

TOKEN = "t"  # the query parameter that holds the invitation
_PASTED = re.compile(r"^\s+|[^A-Za-z0-9_-]+$")  # what no token begins or ends with, and a pasted link may
_SOURCES = ("invite", "prolific", "mturk")


_PARAMETERS = {"prolific": ("PROLIFIC_PID", "SESSION_ID"), "mturk": ("workerId", "assignmentId")}
_ID = re.compile(r"[A-Za-z0-9._@+-]{1,200}")
_NO_IDS = {"null", "undefined", "none", "nan", "0", "test"}  # what programs and people write where there is nothing
_NAMES = {name.lower() for names in _PARAMETERS.values() for name in names}  # a template's, without its braces


class InvalidTokenError(Exception):
    """The token was not made by this study, was changed, or is too old."""


def filled_in(value: str) -> str:
    """An id of a recruitment service; empty for a template's braces and whatever else can be no id of one person."""
    return value if _ID.fullmatch(value) and value.lower() not in _NO_IDS | _NAMES else ""


class Signer:
    """Makes and checks the tokens of one study with the study's own secret."""

    def __init__(self, secret: bytes, design_sha256: str) -> None:
        self._secret = hashlib.sha256(secret + design_sha256.encode()).digest()

    @classmethod
    def of_study(cls, folder: Path, design_sha256: str) -> "Signer":
        """The signer of the study in `folder`. Raises UserError when its secret is missing or damaged."""
        path = folder / SECRET_FILE
        try:
            secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            secret = b""
        if len(secret) < 32:
            raise UserError(f"{path} is missing or damaged; restore it, since links made with it work with no other.")
        return cls(secret, design_sha256)

    def invitation(self, invitation_id: str, panel: str | None = None) -> str:
        """A token for one rater; it identifies them, so it also brings them back to where they were."""
        return self._serializer().dumps(["invite", invitation_id, panel])

    def recruitment(self, source: str, panel: str | None = None) -> str:
        """A token for a recruitment service's link; the service's own parameters say who the rater is."""
        if source not in _SOURCES[1:]:
            raise ValueError(f"unknown recruitment service {source!r}")
        return self._serializer().dumps([source, None, panel])

    def identity(self, token: str, parameters: dict[str, str], max_age_days: float) -> Identity | None:
        """Who holds the token. None: a preview, in which the service named nobody. Raises InvalidTokenError.

        token: as pasted, perhaps with a full stop, a bracket or a blank behind it.
        parameters: the link's other query parameters, of which PROLIFIC_PID and SESSION_ID, or workerId and
        assignmentId, name the rater of a recruitment service.
        """
        from itsdangerous import BadData

        try:
            content: Any = self._serializer().loads(_PASTED.sub("", token), max_age=round(max_age_days * 86_400))
        except BadData as error:
            raise InvalidTokenError(str(error)) from None
        if not isinstance(content, list) or len(content) != 3 or content[0] not in _SOURCES:
            raise InvalidTokenError("its content is not an identity")
        source, external_id, panel = content
        if source == "invite":
            return Identity(source, str(external_id), panel)
        external_id, session = (filled_in(parameters.get(name, "")) for name in _PARAMETERS[source])
        if not external_id or session == "ASSIGNMENT_ID_NOT_AVAILABLE":
            return None
        return Identity(source, external_id, panel, session)

    def image_signature(self, rater: int, image: str) -> str:
        """What makes an image's address valid for one rater: 22 URL-safe characters of an HMAC-SHA256."""
        digest = hmac.new(self._secret, f"image {rater} {image}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")

    def image_is_signed(self, rater: int, image: str, signature: str) -> bool:
        """Whether the signature is the one of `image_signature`, compared in constant time."""
        return hmac.compare_digest(self.image_signature(rater, image).encode(), signature.encode())

    def _serializer(self) -> Any:
        from itsdangerous import URLSafeTimedSerializer

        return URLSafeTimedSerializer(self._secret, salt="study door", signer_kwargs={"digest_method": hashlib.sha256})
