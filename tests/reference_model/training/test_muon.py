"""Muon: orthogonal updates, scaled as Adam's."""

import pytest
import torch
from torch import nn

from reference_model.training.muon import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(8, 72), (64, 16), (12, 12)])
def test_orthogonalising_keeps_the_singular_vectors_and_levels_the_values(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    inner = u.T @ orthogonalise(matrix) @ v.T  # diagonal, if the vectors were kept
    values = inner.diagonal()
    assert 0.6 < values.min() < values.max() < 1.3
    torch.testing.assert_close(inner - torch.diag(values), torch.zeros_like(inner), atol=1e-4, rtol=0)


def test_a_channels_last_kernel_is_updated_like_a_contiguous_one() -> None:
    kernels = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        convolution = nn.Conv2d(6, 5, 3).to(memory_format=memory_format)
        optimizer = Muon([convolution.weight], lr=0.1)
        for step in range(3):
            optimizer.zero_grad()
            x = torch.randn(2, 6, 8, 8, generator=torch.Generator().manual_seed(step))
            convolution(x).square().mean().backward()
            optimizer.step()
        kernels.append(convolution.weight.detach().contiguous())
    torch.testing.assert_close(kernels[0], kernels[1], atol=1e-5, rtol=1e-4)


def test_an_update_has_the_size_of_an_adam_step_whatever_the_gradient() -> None:
    weight = nn.Parameter(torch.zeros(16, 64))
    optimizer = Muon([weight], lr=0.01)
    weight.grad = 1e-6 * torch.randn(16, 64, generator=torch.Generator().manual_seed(0))
    optimizer.step()
    assert weight.detach().square().mean().sqrt().item() == pytest.approx(0.2 * 0.01, rel=0.2)
