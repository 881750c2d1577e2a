"""`http:URL`: a model behind a server with OpenAI's images API, drawn by one request an image."""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, Setting, Sources, TextToImage
from drawbench.models.registry import parse_setting
from drawbench.remote.answers import AnswerError, PolicyError
from drawbench.remote.client import RemoteClient
from drawbench.remote.download import download
from drawbench.remote.request_log import RequestLog, Usage, read_usage
from metrics.errors import MetricInputError
from metrics.images.decode import decode_image
from metrics.images.facts import is_lossy

PATH = "/images/generations"
EXTRA = "extra."
OURS = ("prompt", "model", "size", "seed", "n", "stream")  # fields that are no extra ones
LIKE_KEY = re.compile(r"(?:.*[_-])?(?:key|apikey|token|secret|password|authorization)", re.IGNORECASE)
MOST_AT_ONCE = 256
DRAWS = "the server was sent no seeds: the images are draws, which no second run repeats"

SETTINGS = MappingProxyType(
    {
        "model": "needed: the server's name of the model",
        "name": "as model: what tables show",
        "seed": "true: send each image's seed; false where the server takes none",
        "extra.FIELD": "none: any other field of the request, such as extra.quality=high",
        "concurrency": "4: requests at once",
        "price": "not known: what an image costs; 0 where nothing does",
        "key_env": "OPENAI_API_KEY: the environment variable with the key; none for no key",
        "timeout": "600: seconds without a word from the server",
    }
)


class ImagesApi(TextToImage):
    """The plan holds the address, the model's name and all fields; key, price and pace are no part of it.

    What is behind the address, and which fields it heeds, nobody here can know.
    """

    native_size = 1024
    one_at_a_time = True
    known_settings = SETTINGS

    def __init__(self, argument: str | None, settings: Mapping[str, str], device: str) -> None:
        """argument: the address; `//host/v1`, as of `--model http://host/v1`, is one over http.

        Raises UserError for an address or settings that are refused, and where the package openai is missing.
        """
        known = [name for name in SETTINGS if name != "extra.FIELD"]
        unknown = [name for name in settings if name not in known and not name.startswith(EXTRA)]
        if unknown:
            raise UserError(
                f"http: has no setting '{unknown[0]}': its settings are {', '.join(known)}; any other field of a "
                f"request is --set {EXTRA}{unknown[0]}=VALUE."
            )
        if not settings.get("model"):
            raise UserError("http: needs the server's name of the model: add --set model=NAME.")
        url = f"http:{argument}" if argument and argument.startswith("//") else argument or ""
        timeout = _number(settings, "timeout", 600.0)
        if not timeout:
            raise UserError("--set timeout=0 waits for nothing: give seconds, such as 600.")
        self._extra = {name: _extra(name, text) for name, text in settings.items() if name.startswith(EXTRA)}
        self._client = RemoteClient(url, settings.get("key_env", ""), timeout)
        for name, text in settings.items():
            self._client.refuse_key(text, f"--set {name}")
        self._model, self._name = settings["model"], settings.get("name") or settings["model"]
        self._seeds = _switch(settings, "seed")
        self.concurrency = _at_once(settings)
        self.price = _number(settings, "price", None)
        self.may_cost = self.price != 0
        self.device = f"server {self._client.host}"
        self._log_file: Path | None = None

    def card(self) -> ModelCard:
        """The address, and every field that is sent beside the prompt and the size."""
        settings: dict[str, Setting] = {"model": self._model, "seed": "sent" if self._seeds else "not sent"}
        return ModelCard(adapter="http", spec=self._client.url, name=self._name, settings={**settings, **self._extra})

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """One request for each. Raises AnswerError for an answer that holds no image of the size."""
        return [self._drawn(sample, size) for sample in samples]

    def log_requests(self, file: Path) -> None:
        """From now on every request is noted there."""
        self._log_file, self._client.log = file, RequestLog(file)

    def sources(self) -> Sources:
        """How many images came as JPEG or lossy WebP or from rewritten prompts, and whether they are draws."""
        usage = (read_usage(self._log_file) if self._log_file else None) or Usage()
        notes = [] if self._seeds else [DRAWS]
        if usage.rewritten:
            notes.append(f"images drawn from prompts that the server rewrote: {usage.rewritten}")
        return Sources(lossy=usage.lossy, notes=tuple(notes))

    def _drawn(self, sample: Sample, size: int) -> np.ndarray | Refused:
        about = f"{sample.prompt_id}-{sample.index}"
        body: dict[str, Any] = {"model": self._model, "prompt": sample.text, "size": f"{size}x{size}"}
        body |= {"seed": sample.seed32} if self._seeds else {}
        body |= {name.removeprefix(EXTRA): _field(value) for name, value in self._extra.items()}
        try:
            answer = self._client.ask(PATH, body, about, self.price)
        except PolicyError as error:
            return Refused(f"by the server's content policy ({error})")
        content = self._content(answer)
        try:
            pixels = decode_image(content, "the image in the answer")
        except MetricInputError as error:
            raise AnswerError(self._client.redacted(str(error))) from None
        height, width = pixels.shape[:2]
        if (height, width) != (size, size):
            raise AnswerError(
                f"the server drew {width}x{height} px where {size}x{size} were asked for: nothing is resized here, so "
                "ask for a size that it draws with --size"
            )
        revised = answer["data"][0].get("revised_prompt")
        if isinstance(revised, str) and revised.split() not in ([], sample.text.split()):
            self._client.log.rewritten(about)
        if is_lossy(content):
            self._client.log.lossy(about)
        return pixels

    def _content(self, answer: Mapping[str, Any]) -> bytes:
        data = answer.get("data")
        if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
            count = f"{len(data)} images" if isinstance(data, list) else "no list of images"
            raise AnswerError(f"the server's answer holds {count} where one was asked for")
        packed, address = data[0].get("b64_json"), data[0].get("url")
        if not packed and isinstance(address, str) and address.startswith("data:"):
            packed = address
        if packed:
            try:
                return base64.b64decode("".join(str(packed).rpartition("base64,")[2].split()), validate=True)
            except (binascii.Error, ValueError):
                raise AnswerError("the image in the answer is no base64") from None
        if isinstance(address, str) and address:
            return download(address, self._client.host, self._client.timeout)
        raise AnswerError("the server's answer holds neither b64_json nor url")


def _extra(name: str, text: str) -> Setting:
    """A field's value as the card has it. Raises UserError for a field that is set elsewhere, or is no setting."""
    field = name.removeprefix(EXTRA)
    if field in OURS or not field:
        hints = {"size": "--size says it", "seed": "--set seed=true or false says whether one is sent"}
        hint = hints.get(field, "--set model=NAME says it" if field == "model" else "it is set here")
        raise UserError(f"{name} is no further field of the request: {hint}.")
    if LIKE_KEY.fullmatch(field):
        raise UserError(f"{name} looks like a key, and would stand in the plan: keys come from the environment only.")
    if text[:1] in ("{", "["):
        try:
            json.loads(text)
        except ValueError as error:
            raise UserError(f"--set {name}={text} is no JSON ({error}): mend it.") from None
    return parse_setting(text)


def _field(value: Setting) -> Any:
    return json.loads(value) if isinstance(value, str) and value[:1] in ("{", "[") else value


def _number(settings: Mapping[str, str], name: str, default: float | None) -> Any:
    text = settings.get(name)
    value = default if text is None else parse_setting(text)
    if text is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
        raise UserError(f"--set {name}={text} is not a number of 0 or more: write one, such as {name}=0.04.")
    return value


def _at_once(settings: Mapping[str, str]) -> int:
    text = settings.get("concurrency", "4")
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_AT_ONCE):
        raise UserError(f"--set concurrency={text} is no number of requests: write one from 1 to {MOST_AT_ONCE}.")
    return int(text)


def _switch(settings: Mapping[str, str], name: str) -> bool:
    value = parse_setting(settings.get(name, "true"))
    if not isinstance(value, bool):
        raise UserError(f"--set {name}={settings[name]} is neither true nor false: write one of them.")
    return value
