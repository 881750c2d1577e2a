"""Settings that a pipeline's call takes and does nothing with: refused where typed, else kept out of the plan.

Pipelines drop them without a word, or warn where nobody looks. Which ones depends on the networks and the scheduler.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from drawbench.errors import UserError
from drawbench.interface import Setting
from drawbench.models.diffusers.settings import LOADING, OUR_NAMES, PREFIXES

# Pipelines that tell guidance to their network, if it has an input for it, and use it for nothing else: its setting.
# Others with the same networks use it for classifier-free guidance (Bria's Fibo, Flux 2 klein).
TOLD_TO_NETWORK = {
    "FluxKontextPipeline": "guidance",
    "FluxPipeline": "guidance",
    "HunyuanImagePipeline": "distilled_guidance_scale",
    "QwenImagePipeline": "guidance",
}
IGNORES = re.compile(r"\bignor|\bno effect\b|\bnot (be )?(used|enabled)\b", re.IGNORECASE)
# Warnings that say what the run records in its own way: a refusal; prompts that are cut, where these can be counted.
OF_REFUSALS = "Potential NSFW content was detected"
OF_CUT_PROMPTS = ("your input was truncated", "Token indices sequence length is longer than")


@dataclass(frozen=True)
class Ignored:
    """A setting without effect. off: the value that says so truly, which may be typed; None where there is none."""

    why: str
    off: Setting = None


def effective_values(
    values: Mapping[str, Setting], settings: Mapping[str, str], pipeline: Any, prefix: str = ""
) -> dict[str, Setting]:
    """The values of a call, those without effect left out; where a value means 'off', with that.

    settings: as typed, those of a later stage with its `prefix`. Raises UserError for a typed one that has no effect.
    """
    ignored = ignored_by(pipeline, values)
    dropped = {name for name, its in ignored.items() if values[name] not in (None, its.off)}
    for name in sorted(dropped):
        if prefix + name in settings:
            takes = ", ".join(f"{prefix}{other}" for other in values if other not in ignored)
            raise UserError(
                f"--set {prefix}{name}={settings[prefix + name]} has no effect, because {ignored[name].why}: leave it "
                f"out; this {type(pipeline).__name__} takes {takes}."
            )
    effective = {name: ignored[name].off if name in dropped else value for name, value in values.items()}
    return {name: value for name, value in effective.items() if value is not None or name not in dropped}


def ignored_by(pipeline: Any, values: Mapping[str, Setting]) -> dict[str, Ignored]:
    """Setting -> why it has no effect, among those of `values`; `pipeline` with the scheduler that it draws with."""
    found: dict[str, Ignored] = {}
    guidance = TOLD_TO_NETWORK.get(type(pipeline).__name__, "")
    if guidance in values and _config(pipeline, "transformer", "guidance_embeds") is False:
        found[guidance] = Ignored("its network has no input for guidance (guidance_embeds is false)")
    if type(pipeline).__name__ == "Flux2KleinPipeline" and pipeline.config.is_distilled:
        found["guidance"] = Ignored("it was distilled to draw without guidance (is_distilled is true)", off=1.0)
    if _config(pipeline, "unet", "time_cond_proj_dim") is not None:
        why = "its network takes guidance as an input, and has no classifier-free guidance (time_cond_proj_dim is set)"
        found |= {name: Ignored(why) for name in values if name.startswith("negative_prompt")}
    scheduler = pipeline.components.get("scheduler")
    if "eta" in values and scheduler is not None and "eta" not in inspect.signature(scheduler.step).parameters:
        found["eta"] = Ignored(f"{type(scheduler).__name__} takes no eta", off=0.0)
    return found


def told_warnings(messages: Iterable[str], settings: Mapping[str, str], *, prompts_counted: bool) -> list[str]:
    """What a user must know of the libraries' warnings while drawing, each once, in one line.

    settings: as typed. prompts_counted: the plan has the number of prompts that are cut. Raises UserError for a warning
    that a typed setting is ignored.
    """
    told = []
    for message in dict.fromkeys(messages):
        text = " ".join(message.split())
        name = next((name for name in settings if IGNORES.search(text) and _names(text, name)), None)
        if name is not None:
            raise UserError(
                f"--set {name}={settings[name]} has no effect: the pipeline warned '{text.rstrip('.')}'; leave it out."
            )
        cut = any(mark in text for mark in OF_CUT_PROMPTS)
        if not (OF_REFUSALS in text or (cut and prompts_counted)):
            told.append(re.sub(r"( tokens): .*", r"\1", text) if cut else text)  # behind it stands the prompt
    return list(dict.fromkeys(told))


def _names(text: str, setting: str) -> bool:
    """Whether a warning speaks of a setting, by its parameter's name or in words."""
    prefix = next((prefix for prefix in PREFIXES[1:] if setting.startswith(prefix)), "")
    ours = setting.removeprefix(prefix)
    if ours in (*LOADING, "batch", "name"):
        return False
    parameter = next((theirs for theirs, name in OUR_NAMES.items() if name == ours), ours)
    return re.search(rf"(?<!\w){parameter.replace('_', '[_ ]')}(?!\w)", text, re.IGNORECASE) is not None


def _config(pipeline: Any, part: str, name: str) -> Any:
    return getattr(getattr(pipeline.components.get(part), "config", None), name, None)
