"""The original photographs that COCO studies show: found by the prompts' ids, and read at the models' size."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from drawbench.errors import UserError
from drawbench.prompts.coco import ANNOTATIONS, IMAGES, read_captions
from drawbench.prompts.prompt_set import Prompt
from human_eval_app.study.runs import named_prompts
from metrics.errors import MetricInputError
from metrics.images.decode import SUFFIXES, read_image


@dataclass(frozen=True)
class Photographs:
    """One photograph for each prompt. `size`: pixels; what is smaller would look worse than it is, and is refused."""

    paths: dict[str, Path]
    size: int

    def pixels(self, prompt_id: str, index: int) -> np.ndarray:
        """See `ImageSource`; a prompt has one photograph, whatever the index."""
        path = self.paths[prompt_id]
        try:
            pixels = _upright(read_image(path), path)
        except MetricInputError as error:
            raise UserError(f"the reference of prompt {prompt_id}: {error}.") from None
        side = min(pixels.shape[:2])
        if side < self.size:
            raise UserError(
                f"{path} has {side} px, less than the {self.size} px shown, and enlarged it would look worse than it "
                f"is: give --size {side}."
            )
        return pixels


def _upright(pixels: np.ndarray, path: Path) -> np.ndarray:
    """The pixels as a viewer shows the file: turned where a camera left a note that says so."""
    with Image.open(path) as photograph:
        if photograph.getexif().get(ExifTags.Base.Orientation, 1) == 1:
            return pixels
        return np.array(ImageOps.exif_transpose(photograph).convert("RGB"))


def find_photographs(prompt_set: str, prompts: Sequence[Prompt], root: Path | None, size: int) -> Photographs:
    """The photographs of `prompts`: under `root`, or those of the set `world`, which is made where it is needed.

    `root` has COCO's layout (annotations/captions_val2014.json and val2014/), or is a folder with one image per
    prompt, named after the prompt's id. Raises UserError when they are not there, or not of these prompts.
    """
    if root is None and prompt_set == "world":
        from reference_model.world.coco_set import ensure_world_set

        root = ensure_world_set()
    if root is None:
        raise UserError(
            f"the runs do not tell where the photographs of the set {prompt_set} are: "
            "give --references with COCO's root, or a folder of images named by prompt id."
        )
    if not root.is_dir():
        raise UserError(f"--references {root} is not a folder: give COCO's root, or a folder of images.")
    paths = _of_coco(root, prompts) if (root / ANNOTATIONS).exists() else _by_id(root, prompts)
    return Photographs(paths, size)


def _of_coco(root: Path, prompts: Sequence[Prompt]) -> dict[str, Path]:
    captions = {str(caption.id): caption for caption in read_captions(root)}
    content = json.loads((root / ANNOTATIONS).read_bytes())
    names = {int(image["id"]): str(image.get("file_name", "")) for image in content["images"]}
    for prompt in prompts:
        caption = captions.get(prompt.id)
        if caption is None or caption.text != prompt.text:
            raise UserError(
                f"prompt {prompt.id} of the runs is not a caption of {root / ANNOTATIONS}: "
                "give the --references that the runs' prompts are from."
            )
    # The last part only: a path in the annotations must not lead out of the folder.
    paths = {prompt.id: root / IMAGES / Path(names[captions[prompt.id].image_id]).name for prompt in prompts}
    _require(paths, root / IMAGES)
    return paths


def _by_id(root: Path, prompts: Sequence[Prompt]) -> dict[str, Path]:
    found = {path.stem: path for path in sorted(root.iterdir()) if path.suffix.lower() in SUFFIXES}
    paths = {prompt.id: found.get(prompt.id, root / f"{prompt.id}.png") for prompt in prompts}
    _require(paths, root)
    return paths


def _require(paths: dict[str, Path], folder: Path) -> None:
    missing = [prompt_id for prompt_id, path in paths.items() if not path.is_file()]
    if missing:
        raise UserError(
            f"{folder} lacks the images of {len(missing)} prompts of the runs ({named_prompts(missing)}): "
            "complete it, or name another folder with --references."
        )
