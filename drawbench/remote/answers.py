"""What a server's answers mean: an object, or a problem and whose it is."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drawbench.errors import StageError, UserError

POLICY = frozenset(
    {
        "content_policy_violation",  # OpenAI
        "moderation_blocked",
        "content_filter",  # Azure, and chat completions
        "contentfilter",
        "responsibleaipolicyviolation",
        "safety_violation",
        "inputtextsensitivecontentdetected",  # Volcengine
        "outputimagesensitivecontentdetected",
        "datainspectionfailed",  # Alibaba
    }
)
BUSY = frozenset({0, 408, 409, 425, 429, 502, 503, 504, 520, 522, 524, 529})  # 0: no answer at all
NO_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached", "quota_exceeded"})
TOO_FAST = frozenset({"rate_limit_exceeded", "rate_limit_error", "server_overloaded"})
LONGEST_MESSAGE = 300  # letters


class AnswerError(Exception):
    """The server answered one request with something that is no answer; others may succeed."""


class PolicyError(Exception):
    """The server refused a prompt by its content policy."""


@dataclass(frozen=True)
class Problem:
    """An answer that is none. status: of HTTP, or what an error in a body calls its code; 0 without an answer.

    codes: the server's own words for it, in lower case. param: the field of the request that it speaks of. wait:
    seconds that it asks to wait.
    """

    status: int
    message: str
    codes: frozenset[str] = frozenset()
    param: str = ""
    wait: float | None = None

    @property
    def again(self) -> bool:
        """Whether the same request may succeed later."""
        return (self.status in BUSY or self.status == 500) and not self.codes & (NO_MONEY | POLICY)

    def error(self, redacted: Callable[[str], str], host: str) -> Exception:
        """What is raised for it."""
        # Redacted before it is cut: of a key across the end, a part would stay.
        said = f"{host}: {redacted(_printable(self.message))[:LONGEST_MESSAGE]}"
        if self.codes & POLICY:
            return PolicyError(said)
        if self.codes & NO_MONEY or self.status == 402:
            return StageError(f"{said}: see to the account, then run the same command again, which goes on.")
        if self.status in BUSY:
            wait = "" if self.wait is None else f"; it asks to wait {self.wait:.0f} s"
            return StageError(f"{said}{wait}: what is drawn is kept, and the same command goes on.")
        if self.status == 401:
            # Not what the server said: it may quote the key, whole or in part.
            return UserError(
                f"{host} does not let us in (401): put its key into OPENAI_API_KEY, or name another variable "
                "with --set key_env=NAME."
            )
        if self.status == 403:
            return UserError(
                f"{said} (403): see to the account, or give another key, in OPENAI_API_KEY or with --set key_env=NAME."
            )
        if 300 <= self.status < 400:
            return UserError(f"{said}: redirects are not followed, so name the address that it leads to.")
        if self.status in (404, 405, 410):
            return UserError(f"{said} ({self.status}): check the address, which often ends in /v1, and --set model.")
        if self.param and self.param != "prompt":
            hint = "--set seed=false leaves it out" if self.param == "seed" else "change or leave out the setting"
            return UserError(f"{said} (the field {redacted(self.param)!r}): {hint}.")
        return AnswerError(f"{said} ({self.status})")


def problem_of(status: int, content: bytes, kind: str, location: str) -> dict[str, Any] | Problem:
    """The object in a good answer, or what is wrong with it. kind: the content's type. location: of a redirect."""
    if 300 <= status < 400:
        place = re.sub("//[^/]*@", "//", re.split("[?#]", location)[0])  # neither a user nor a query, which may be keys
        return Problem(status, f"the server redirects to {place or 'nowhere'}")
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        what = f"an answer that is no JSON object ({kind.partition(';')[0] or 'without a type'}, {len(content)} bytes)"
        return Problem(status, what)
    if status == 200 and not answer.get("error"):
        return answer
    fields = _fields(answer.get("error") or answer.get("detail") or answer)
    inner = fields.get("innererror") or fields.get("inner_error")
    words = [fields.get("code"), fields.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    codes = frozenset(str(word).lower() for word in words if word)
    message = str(fields.get("message") or fields.get("msg") or fields.get("code") or "an error without a message")
    return Problem(_told(status, codes), message, codes, str(fields.get("param") or ""))


def _printable(text: str) -> str:
    """In one line, without signs that steer a terminal or that no file takes."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _fields(error: Any) -> dict[str, Any]:
    """An error as an object: it may be a text, or a list of what is wrong with fields (FastAPI, and so vLLM)."""
    if isinstance(error, list) and error and isinstance(error[0], dict):
        place = error[0].get("loc")
        return {**error[0], "param": place[-1] if isinstance(place, list) and place else ""}
    return error if isinstance(error, dict) else {"message": error}


def _told(status: int, codes: frozenset[str]) -> int:
    """The status that an error in the body of a good answer means."""
    if status != 200:
        return status
    if codes & TOO_FAST:
        return 429
    return next((int(code) for code in codes if re.fullmatch("[45][0-9][0-9]", code)), status)
