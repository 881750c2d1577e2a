"""What `drawbench same` says of the bundled model in float64, and with 4 steps for 16, against itself as it is.

python -m experiments.same_model --out DIR
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import drawbench
from drawbench.comparing.same import same_runs
from drawbench.comparing.same_text import sameness_text
from drawbench.interface import ModelCard
from drawbench.models.reference import ReferenceAdapter
from drawbench.scoring.protocols import get_protocol
from drawbench.scoring.references import own_references
from reference_model import cascade as cascade_module

MARGINS = {"clip_score": 0.01, "frechet_distance": 0.01}


class Float64(ReferenceAdapter):
    """The bundled model's U-Nets in double precision, from the very same noise and features of texts."""

    def __init__(self) -> None:
        super().__init__(None, {}, "cpu")
        for stage in self.cascade.stages:
            stage.unet.double()
            stage.unet.predict = _double_times(stage.unet.predict)  # type: ignore[method-assign]

    def card(self) -> ModelCard:
        card = super().card()
        return card.model_copy(
            update={"name": f"{card.name}, float64", "settings": card.settings | {"dtype": "float64"}}
        )

    def generate(self, samples: Any, size: int) -> Any:
        noise, encode = cascade_module.sample_noise, self.cascade._encode

        def double_noise(*given: Any) -> Any:
            drawn = noise(*given)
            return lambda: drawn().double()

        try:
            cascade_module.sample_noise = double_noise
            self.cascade._encode = lambda text: encode(text).double()  # type: ignore[method-assign]
            return super().generate(samples, size)
        finally:
            cascade_module.sample_noise, self.cascade._encode = noise, encode  # type: ignore[method-assign]


def _double_times(predict: Any) -> Any:
    return lambda x, t, conditions: predict(x, t.double(), conditions)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw three runs of the set `world` at 64 px, and print both verdicts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for the runs, which a new call goes on")
    parser.add_argument("--limit", type=int, metavar="N", help="prompts (all 500)")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    models: dict[str, tuple[Any, dict[str, int]]] = {
        "float32": ("reference", {}),
        "float64": (Float64(), {}),
        "4-steps": ("reference", {"steps": 4}),
    }
    runs = {}
    for name, (model, settings) in models.items():
        given = {"size": 64, "samples": 1, "limit": args.limit, "settings": settings}
        runs[name] = drawbench.run(model, "world", out=args.out / name, **given).path
    for name in ("float64", "4-steps"):
        references = own_references(runs["float32"])
        found = same_runs(runs["float32"], runs[name], MARGINS, get_protocol("bundled"), references)
        print(f"{sameness_text(found, 120)}\n")


if __name__ == "__main__":
    main()
