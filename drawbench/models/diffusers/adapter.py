"""`diffusers:PATH_OR_ID`: a text-to-image pipeline of diffusers, or DeepFloyd IF's stages as one cascade."""

import warnings
from collections.abc import Mapping, Sequence
from copy import copy

import numpy as np

from drawbench.errors import StageError, UserError
from drawbench.interface import ModelCard, Refused, Sample, Setting, TextToImage, combined_sha256
from drawbench.models.diffusers.cascade import build_cascade
from drawbench.models.diffusers.ignored import told_warnings
from drawbench.models.diffusers.libraries import import_diffusers, is_out_of_memory, quiet_libraries, warnings_in
from drawbench.models.diffusers.loading import CASCADE
from drawbench.models.diffusers.pipeline import build_pipeline
from drawbench.models.diffusers.settings import OF_LOADING, OF_NETWORKS, batch_size, load_settings, same_networks
from drawbench.models.diffusers.single_file import find_single_file, is_file
from drawbench.models.diffusers.source import Checkpoint, find_checkpoint

NOT_IN_NAME = (
    "batch",
    "compile",
    "config",
    "dtype",
    "name",
    "offload",
    "prior",
    "prior_revision",
    "prior_variant",
    "revision",
    "stage_2",
    "stage_3",
    "vae_slicing",
    "vae_tiling",
    "variant",
)


class DiffusersAdapter(TextToImage):
    """Draws each sample from its own generator; a sample's image does not depend on the others of its batch.

    `--set` takes what the pipeline's call takes (numbers, texts, switches), and how it is loaded: dtype, scheduler,
    revision, variant, safety_checker, watermark, batch, name. All of them, defaults too, are in the card.
    """

    settings_of_networks = OF_NETWORKS

    def __init__(self, argument: str | None, settings: dict[str, str], device: str) -> None:
        """Load all of it. Raises UserError when there is no such model, it is of another kind, or refuses a setting."""
        if not argument:
            raise UserError(
                "the model 'diffusers' needs a pipeline: write diffusers:FOLDER, diffusers:OWNER/NAME or "
                "diffusers:FILE.safetensors."
            )
        import_diffusers()
        self.device = device
        self._given = settings
        self._batch = batch_size(settings)
        self._cut: dict[str, int] = {}
        self._fitting: int | None = None  # images at once, found where a whole slice did not fit
        load = load_settings(settings)
        if is_file(argument):
            found: Checkpoint = find_single_file(argument, load.config)
        else:
            found = find_checkpoint(argument, load.revision, load.variant)
        build = build_cascade if found.class_name == CASCADE else build_pipeline
        self._model = build(found, settings, load, device)
        self._alone = self._model.one_by_one

    def with_settings(self, settings: Mapping[str, str]) -> "DiffusersAdapter | None":
        """The same networks under other settings, behind a scheduler of its own; None when others must be loaded.

        Raises UserError as a new one would.
        """
        if not same_networks(self._given, settings):
            return None
        other = copy(self)
        other._given = dict(settings)
        other._batch = batch_size(settings)
        other._cut = {}
        other._model = self._model.with_settings(settings)
        other._alone = other._model.one_by_one
        return other

    def card(self) -> ModelCard:
        """The files by their hash, and every setting; checkpoints by the hub's id or the folder's name."""
        first = self._model.checkpoints[0]
        settings: dict[str, Setting] = {"dtype": self._model.dtype, "variant": first.variant, "batch": self._batch}
        return ModelCard(
            adapter="diffusers",
            spec=f"diffusers:{first.spec}",
            name=self._name(),
            revision=first.revision,
            weights_sha256=combined_sha256([checkpoint.sha256 for checkpoint in self._model.checkpoints]),
            settings={**settings, **self._model.settings, **self._cut},
        )

    @property
    def known_settings(self) -> Mapping[str, str]:  # type: ignore[override]
        """How it is loaded and scheduled; the settings of its call stand in the card, with their defaults."""
        return {name: OF_LOADING[name] for name in sorted(self._model.takes) if name in OF_LOADING}

    @property
    def native_size(self) -> int:
        """The side in pixels that the model draws by itself. Raises UserError when it does not say."""
        size = self._model.native_size
        if size is None:
            raise UserError("this pipeline does not say at which size it draws: give --size.")
        return size

    def check_plan(self, samples: Sequence[Sample], size: int) -> None:
        """Refuse a size that the model does not draw; count, for its card, the prompts that it would cut."""
        self._model.check_size(size)
        with quiet_libraries():
            self._cut = self._model.prompts_cut(sorted({sample.text for sample in samples}))

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """In batches of the setting's size, or as many at once as fit. The libraries' warnings become Python's.

        Raises StageError when the memory is too small, UserError when they say that a setting is ignored.
        """
        outputs: list[np.ndarray | Refused] = []
        with quiet_libraries() as logged, warnings_in(logged):
            while len(outputs) < len(samples):
                batch = 1 if self._alone else self._batch or self._fitting or len(samples)
                part = samples[len(outputs) : len(outputs) + batch]
                drawn = self._draw(part, size)
                if drawn is None:
                    self._fitting = self._fewer(len(part), size)
                else:
                    outputs += drawn
        for text in told_warnings(logged, self._given, prompts_counted=bool(self._cut)):
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        return outputs

    def _draw(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused] | None:
        """One batch; None where the memory is too small.

        Nothing of it the first time that a pipeline takes noise from elsewhere than its generators: from then on its
        images are drawn one by one.
        """
        import torch

        devices = [torch.device(self.device)] if self.device.startswith("cuda") else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(samples[0].seed)
            before = _random_states(self.device)
            try:
                outputs = self._model.draw(samples, size)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                return None
            alike = all(torch.equal(one, other) for one, other in zip(before, _random_states(self.device), strict=True))
        if not alike and len(samples) > 1:
            self._alone = True
            return []
        return outputs

    def _fewer(self, batch: int, size: int) -> int:
        """How many images to draw at once where `batch` did not fit. Raises StageError where no fewer may be.

        A sample's image does not depend on the others of its batch, so that fewer at once are the same images.
        """
        import torch

        if batch == 1 or self._batch is not None:
            many = "1 image" if batch == 1 else f"{batch} images"
            raise StageError(
                f"the memory of {self.device} is too small to draw {many} of {size} px at once: run the same command "
                "again when more is free or with --set offload=model, or start anew with "
                f"{'' if batch == 1 else 'a smaller --set batch=..., '}--set vae_tiling=true or --set dtype=bfloat16."
            )
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
        warnings.warn(
            f"the memory of {self.device} is too small for {batch} images of {size} px at once: {batch // 2} are drawn "
            "at once from here on.",
            RuntimeWarning,
            stacklevel=3,
        )
        return batch // 2

    def _name(self) -> str:
        if "name" in self._given:
            return self._given["name"]
        models = " + ".join(checkpoint.spec.rpartition("/")[2] for checkpoint in self._model.checkpoints)
        given = {**self._given, "lora": self._model.settings["lora"]} if "lora" in self._given else self._given
        changed = [f"{key} {value}" for key, value in given.items() if key not in NOT_IN_NAME]
        return ", ".join([models, *changed])


def _random_states(device: str) -> list:
    """The states of torch's global generators: they move when a pipeline ignores the generators that it is given."""
    import torch

    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.startswith("cuda") else states
