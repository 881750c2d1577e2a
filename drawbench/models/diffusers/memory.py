"""Big models on small devices: offloading, fewer bits, a VAE that works piece by piece; and compiled networks."""

from importlib.util import find_spec
from typing import Any

from drawbench.errors import UserError
from drawbench.interface import Setting
from drawbench.models.diffusers.settings import LoadSettings
from drawbench.models.diffusers.source import CORES, Checkpoint

OFFLOADS = ("model", "sequential", "group")
BITS = ("8bit", "4bit")
SMALL_ENCODERS = ("CLIP", "Bert")  # text encoders that are not worth fewer bits


def check_memory(settings: LoadSettings, device: str) -> None:
    """Raises UserError, before anything is loaded, for what is not known, or cannot be on this machine."""
    for name, value, known in (("offload", settings.offload, OFFLOADS), ("quantize", settings.quantize, BITS)):
        if value is not None and value not in known:
            raise UserError(f"--set {name}={value} is not known: use one of {', '.join(known)}.")
    if settings.offload and device == "cpu":
        raise UserError(
            f"--set offload={settings.offload} keeps parts in main memory until a GPU needs them, and this device is "
            "cpu: leave it out."
        )
    if settings.quantize and find_spec("bitsandbytes") is None:
        raise UserError(
            f"--set quantize={settings.quantize} needs the package bitsandbytes: pip install bitsandbytes, or leave it "
            "out."
        )


def quantized_parts(checkpoint: Checkpoint) -> list[str]:
    """The network that draws and the large text encoders, by their parts' names."""
    parts = checkpoint.parts
    large = [
        name
        for name, (_, kind) in parts.items()
        if name.startswith("text_encoder") and not any(small in kind for small in SMALL_ENCODERS)
    ]
    return [*(name for name in CORES if name in parts), *sorted(large)]


def quantization(checkpoint: Checkpoint, bits: str, dtype: str) -> Any:
    """The pipeline's own configuration of its loading: 8 bit integers, or 4 bit numbers of the type nf4."""
    import torch
    from diffusers import PipelineQuantizationConfig

    if bits == "8bit":
        options: dict[str, Any] = {"load_in_8bit": True}
    else:
        options = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": getattr(torch, dtype)}
    return PipelineQuantizationConfig(
        quant_backend=f"bitsandbytes_{bits}", quant_kwargs=options, components_to_quantize=quantized_parts(checkpoint)
    )


def place(pipeline: Any, settings: LoadSettings, device: str) -> None:
    """Bring a loaded pipeline to its device, or have parts of it wait in main memory; then compile what draws."""
    if settings.vae_tiling or settings.vae_slicing:
        _piece_by_piece(pipeline, settings)
    if settings.offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif settings.offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    elif settings.offload == "group":
        import torch

        pipeline.enable_group_offload(onload_device=torch.device(device), offload_type="leaf_level")
    else:
        pipeline.to(device)
    if settings.compile:
        for name in CORES:
            if (part := pipeline.components.get(name)) is not None:
                part.compile()


def memory_facts(checkpoint: Checkpoint, settings: LoadSettings) -> dict[str, Setting]:
    """What of it stands in the plan: all that is set and changes how pixels are computed. Offloading does not."""
    switches = ("compile", "vae_slicing", "vae_tiling")
    facts: dict[str, Setting] = {name: True for name in switches if getattr(settings, name)}
    if settings.quantize:
        facts |= {"quantize": settings.quantize, "quantized": ", ".join(quantized_parts(checkpoint))}
    return facts


def _piece_by_piece(pipeline: Any, settings: LoadSettings) -> None:
    vae = pipeline.components.get("vae")
    for name, switch in (("vae_tiling", "enable_tiling"), ("vae_slicing", "enable_slicing")):
        if not getattr(settings, name):
            continue
        if not hasattr(vae, switch):
            raise UserError(
                f"--set {name}=true has no effect on a {type(pipeline).__name__}, whose decoder works in one piece: "
                "leave it out."
            )
        getattr(vae, switch)()
