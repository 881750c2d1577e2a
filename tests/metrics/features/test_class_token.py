"""Last layers that compute the class token only, against the libraries' own whole towers."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn

from metrics.features.class_token import shorten_open_clip, shorten_transformers_clip
from tests.metrics.stand_ins import TINY_CLIP, tiny_clip_network

PIXELS = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def _open_clip(**vision: Any) -> Any:
    """Three layers, their weights spread out so that attention is far from uniform."""
    network = tiny_clip_network(config={**TINY_CLIP, "vision_cfg": {**TINY_CLIP["vision_cfg"], "layers": 3, **vision}})
    return _spread(network)


def _spread(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return network.eval()


@pytest.mark.parametrize("vision", [{}, {"ls_init_value": 0.5}, {"final_ln_after_pool": True}], ids=str)
def test_open_clips_embedding_stays_the_same(vision: dict[str, Any]) -> None:
    whole = _open_clip(**vision)
    short = deepcopy(whole)
    shorten_open_clip(short)
    with torch.inference_mode():
        torch.testing.assert_close(short.encode_image(PIXELS), whole.encode_image(PIXELS), rtol=1e-5, atol=1e-5)
        assert short.visual.transformer(torch.zeros(2, 17, 32)).shape == (2, 1, 32)


@pytest.mark.parametrize(
    "vision", [{"pool_type": "avg"}, {"attentional_pool": True, "attn_pooler_queries": 4}], ids=str
)
def test_towers_that_read_all_tokens_stay_whole(vision: dict[str, Any]) -> None:
    whole = _open_clip(**vision)
    network = deepcopy(whole)
    shorten_open_clip(network)
    assert [type(block) for block in network.visual.transformer.resblocks] == [
        type(block) for block in whole.visual.transformer.resblocks
    ]
    with torch.inference_mode():
        assert torch.equal(network.encode_image(PIXELS), whole.encode_image(PIXELS))


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_transformers_embedding_stays_the_same(activation: str) -> None:
    from transformers import CLIPConfig, CLIPModel

    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}
    vision = {**shape, "image_size": 32, "patch_size": 8, "hidden_act": activation}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        whole = CLIPModel(CLIPConfig(text_config={**shape, "vocab_size": 99}, vision_config=vision))
    _spread(whole)
    short = deepcopy(whole)
    shorten_transformers_clip(short)
    with torch.inference_mode():
        found = short.get_image_features(PIXELS)
        expected = whole.get_image_features(PIXELS).pooler_output
        torch.testing.assert_close(found.pooler_output, expected, rtol=1e-5, atol=1e-5)
        assert found.last_hidden_state.shape == (5, 1, 32)
