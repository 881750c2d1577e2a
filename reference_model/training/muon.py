"""Muon (Jordan et al., 2024): momentum whose update of each matrix is made orthogonal, for convolutions too.

PyTorch's own Muon takes matrices only and works in bfloat16, which processors without support for it do slowly.
"""

from collections.abc import Iterable
from typing import Any

import torch

from reference_model.training.ranks import placed_like, whole

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, from the authors' description
_STEPS = 5


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised per weight; a convolution's kernel counts as (out, in * height * width).

    Updates are scaled to the root mean square of a typical Adam step (Liu et al., arXiv 2502.16982, sec. 2.2), so that
    learning rate and decoupled weight decay mean what they mean for AdamW.
    """

    def __init__(
        self,
        params: Iterable[torch.Tensor] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient; each has two dimensions or more."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)

    def _update(self, parameter: torch.Tensor, gradient: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        average = state.setdefault("momentum", torch.zeros_like(parameter))
        average.lerp_(gradient, 1 - group["momentum"])
        direction = gradient.lerp(average, group["momentum"])
        full = whole(direction)  # of a sharded weight: every rank makes the same of it
        matrix = orthogonalise(full.flatten(1))
        scale = 0.2 * max(matrix.shape) ** 0.5
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(placed_like(matrix.view_as(full), parameter), alpha=-group["lr"] * scale)


def orthogonalise(matrix: torch.Tensor) -> torch.Tensor:
    """About the nearest matrix (m, n) whose singular values are all one, by a quintic Newton-Schulz iteration.

    Singular values come out between about 0.7 and 1.2, which is near enough for an update.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    a, b, c = _COEFFICIENTS
    for _ in range(_STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x
