"""Makes a study's folder from sealed runs: all or nothing, beside its place first and then renamed."""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drawbench.errors import UserError
from drawbench.files import atomic_folder, writing
from drawbench.progress import Progress
from human_eval_app.study.design import IMAGES, ORIGINAL, SECRET_FILE, SETTINGS_FILE, Design, write_design
from human_eval_app.study.draft import Draft
from human_eval_app.study.folder_texts import README, readme_text, settings_text
from human_eval_app.study.given import GivenImages, GoldFile, read_given
from human_eval_app.study.images import ImageSource, write_images
from human_eval_app.study.options import Options
from human_eval_app.study.photographs import find_photographs
from human_eval_app.study.runs import GIVEN, ComparedRuns, open_runs
from human_eval_app.study.selection import Selection, select_prompts
from human_eval_app.study.sets import Sets

SECRET_BYTES = 32


@dataclass(frozen=True)
class Created:
    """A study just made. images: files; image_bytes: all of them together."""

    path: Path
    design: Design
    images: int
    image_bytes: int

    @property
    def screen_bytes(self) -> int:
        """What a rater's browser loads for one trial, on average."""
        on_screen = self.design.samples * (2 if self.design.paired else 1)
        return round(self.image_bytes / self.images * on_screen)


def create_study(
    runs: Sequence[Path], out: Path, options: Options, progress: Progress | None = None, secret: bytes | None = None
) -> Created:
    """Make the study of some sealed runs in the new folder `out`.

    `secret`: 32 random bytes unless given; with the same one, equal arguments give equal designs. Raises UserError for
    all that is wrong with the arguments; then, and when interrupted, nothing is left behind.
    """
    if os.path.lexists(out):
        raise UserError(f"{out} is already there: name another folder with --out, or move it away.")
    options = replace(options, name=options.name or out.name)
    secret = secret or secrets.token_bytes(SECRET_BYTES)
    compared = open_runs(runs, options.images_per_side, 2 if options.type == "drawbench" else 1, options.model_names)
    given = GoldFile((), GivenImages({}))
    if options.gold_file is not None:
        given = read_given(options.gold_file, options.type, options.images_per_side)
    practice = 0 if given.of_kind("training") else options.training or 0
    selection, size = select_prompts(compared, options, practice), compared.image_size(options.size)
    sources = _sources(compared, selection, options, given, size)
    sets = Sets(secret, options.seed, options.images_per_side)
    design = Draft(compared, selection, options, given, sets, size).design()
    with writing(out, "make room, or name another folder with --out"), atomic_folder(out) as staged:
        folder = staged.path
        total = write_images(
            sets.jobs,
            sources,
            folder / IMAGES,
            size=size,
            encoder=options.encoder,
            progress=progress or Progress(),
        )
        write_design(design, folder)
        _write_private(folder / SECRET_FILE, secret.hex() + "\n")
        _write_private(folder / SETTINGS_FILE, settings_text())
        (folder / README).write_text(readme_text(design), encoding="utf-8")
    return Created(out, design, len(sets.jobs), total)


def _sources(
    compared: ComparedRuns, selection: Selection, options: Options, given: GoldFile, size: int
) -> dict[str, ImageSource]:
    sources: dict[str, ImageSource] = {**compared.sources(), GIVEN: given.images}
    if options.protocol.photographs:
        prompt_set = compared.runs[0].plan.prompt_set_name
        sources[ORIGINAL] = find_photographs(prompt_set, selection.all, options.references, size)
    return sources


def _write_private(path: Path, text: str) -> None:
    """Readable by its owner from its first byte on."""
    path.touch(0o600, exist_ok=False)
    path.write_text(text, encoding="utf-8")
