"""How open_clip's published weights are read: activation, resize and normalisation belong to a tag, not to a model."""

from collections import defaultdict
from typing import Any

from metrics.errors import MetricInputError

OWN_TAG = "own"  # weights of the user's own training, with open_clip's defaults


def published_settings(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """open_clip's `model_cfg` and `preprocess_cfg` of `MODEL/TAG`, or of `MODEL` where there is one way to read it.

    The activation is the one that the tag's weights were trained with. Nothing is downloaded or loaded. Raises
    MetricInputError for unknown names, and for a model alone whose published weights are read in several ways.
    """
    import open_clip

    model_name, slash, tag = name.partition("/")
    model = open_clip.get_model_config(model_name) if is_open_clip_model(model_name) else None
    if model is None:
        raise MetricInputError(f"open_clip knows no model {model_name}: `open_clip.list_models()` names them")
    tags = open_clip.list_pretrained_tags_by_model(model_name)
    if tag == OWN_TAG:
        return _settings(model, {})
    if slash:
        if not open_clip.get_pretrained_cfg(model_name, tag):
            known = ", ".join([*tags, OWN_TAG])
            raise MetricInputError(f"open_clip knows no weights {tag!r} of {model_name}: name one of {known}")
        return _tags_settings(model, model_name, tag)
    readings: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for known in tags:
        readings[reading(*_tags_settings(model, model_name, known))].append(known)
    plain = _settings(model, {})
    if len(readings) > 1 or any(ways[0] != reading(*plain)[0] for ways in readings):
        raise MetricInputError(_choices(model_name, readings, reading(*plain)))
    return _tags_settings(model, model_name, tags[0]) if tags else plain


def is_open_clip_model(name: str) -> bool:
    """Whether open_clip has a model of that name."""
    import open_clip

    # A place in front of a colon would be opened or asked over the network, and its own preprocessing not be read.
    return ":" not in name and open_clip.get_model_config(name) is not None


def reading(model: dict[str, Any], preprocess: dict[str, Any]) -> tuple[str, ...]:
    """In words, for definitions: activation, resize, mean, std."""
    size = model["vision_cfg"].get("image_size", 224)
    how = {"shortest": "shorter edge to {} px, centre crop", "squash": "squashed to {} px"}
    resize = how.get(preprocess["resize_mode"], preprocess["resize_mode"] + " {} px").format(size)
    numbers = [f"{field} {' '.join(f'{value:.8g}' for value in preprocess[field])}" for field in ("mean", "std")]
    activation = "QuickGELU" if model.get("quick_gelu", False) else "GELU"
    return activation, f"{preprocess['interpolation']}, {resize}", *numbers


def _tags_settings(model: dict[str, Any], name: str, tag: str) -> tuple[dict[str, Any], dict[str, Any]]:
    import open_clip

    published = open_clip.get_pretrained_cfg(name, tag)
    others = {key: value for key, value in model.items() if key != "quick_gelu"}
    return _settings({**others, "quick_gelu": True} if published.get("quick_gelu") else others, published)


def _settings(model: dict[str, Any], published: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    from open_clip.transform import PreprocessCfg

    defaults = vars(PreprocessCfg())
    return model, {key: published.get(key, value) for key, value in defaults.items()}


def _choices(name: str, readings: dict[tuple[str, ...], list[str]], plain: tuple[str, ...]) -> str:
    """What is said of a model whose published weights are read in several ways: the ways, by what differs."""
    example = next(iter(readings.values()))[0]
    readings = {**readings, plain: [*readings.get(plain, []), OWN_TAG]}
    differing = [column for column, values in enumerate(zip(*readings, strict=True)) if len(set(values)) > 1]
    ways = [f"{', '.join(way[column] for column in differing)}: {', '.join(tags)}" for way, tags in readings.items()]
    return (
        f"weights of {name} are read in several ways, and the file does not say which: name the tag, as in "
        f"clip:{name}/{example}=FILE ({'; '.join(ways)}); {OWN_TAG} is for weights that you trained"
    )
