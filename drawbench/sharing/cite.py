"""BibTeX of all that a result stands on: the suite, its prompts, its metrics and their networks."""

import re
from functools import cache
from importlib.resources import files

from drawbench.results.files import Result

SUITE = "drawbench-suite"
# Of what is in a result: its prompt set, the beginning of a metric's name, or a word of a definition.
OF_PROMPTS = {"drawbench": ("saharia2022imagen",), "coco": ("lin2014coco",), "captions": ("lin2014coco",)}
OF_METRICS = {
    "clip_score": ("hessel2021clipscore", "radford2021clip"),
    "conse_score": ("norouzi2014conse", "reimers2019sentence", "tan2019efficientnet"),
    "pick_score": ("kirstain2023pick",),
    "hps_v2_1": ("wu2023hpsv2",),
    "image_reward": ("xu2023imagereward",),
    "aesthetic": ("schuhmann2022laion", "radford2021clip"),
    "r_precision": ("park2021benchmark", "radford2021clip"),
    "fid": ("heusel2017fid",),
    "fid_clean": ("parmar2022cleanfid",),
    "fid_infinity": ("chong2020effectively",),
    "frechet_distance": ("heusel2017fid",),
    "frechet_distance_infinity": ("chong2020effectively",),
    "clip_fid": ("kynkaanniemi2023role", "radford2021clip"),
    "fd_dinov2": ("stein2023exposing", "oquab2024dinov2"),
    "kid": ("binkowski2018kid",),
    "cmmd": ("jayasumana2024cmmd", "radford2021clip"),
    "precision": ("kynkaanniemi2019precision",),
    "recall": ("kynkaanniemi2019precision",),
    "density": ("naeem2020reliable",),
    "coverage": ("naeem2020reliable",),
    "inception_score": ("salimans2016improved",),
    "vendi_score": ("friedman2023vendi",),
    **dict.fromkeys(("text_exact", "text_error_rate", "text_words_found"), ("liu2023character",)),
}
OF_WORDS = {
    "open_clip": ("ilharco2021openclip",),
    "FID Inception": ("szegedy2016rethinking",),
    "RapidOCR": ("rapidai2021rapidocr", "du2020ppocr"),
    "Tesseract": ("smith2007tesseract",),
}


def citations(result: Result) -> list[str]:
    """BibTeX entries, the suite's first, each once."""
    keys = [SUITE, *OF_PROMPTS.get(result.prompt_set.name.partition(":")[0], ())]
    for score in result.scores:
        keys += [key for name, found in OF_METRICS.items() if _is(score.metric, name) for key in found]
        keys += [key for word, found in OF_WORDS.items() if word in score.definition for key in found]
    if result.human:
        keys += ["saharia2022imagen"]
    return [entries()[key] for key in dict.fromkeys(keys)]


def _is(metric: str, name: str) -> bool:
    several = name in ("fid", "clip_score", "conse_score", "pick_score", "hps_v2_1")
    return metric == name or (several and metric.startswith(f"{name}_"))


@cache
def entries() -> dict[str, str]:
    """All that is known, by key."""
    text = (files("drawbench.sharing") / "references.bib").read_text(encoding="utf-8")
    found = (entry.strip() for entry in text.split("\n\n") if entry.strip())
    return {re.match(r"@\w+\{([^,]+),", entry)[1]: entry for entry in found}  # type: ignore[index]
