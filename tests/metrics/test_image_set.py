"""Images by prompt: the part of some prompts, and work that is done once."""

from dataclasses import replace

import numpy as np

from metrics.image_set import ImageSet, no_rows


def _set() -> ImageSet:
    features, prompts = np.arange(10.0).reshape(5, 2), np.array([0, 1, 1, 2, 0])
    rows = np.array([4, -1, 7])
    return ImageSet(features, prompts, ["a", "b", "c"], np.eye(3), np.arange(5.0)[:, None], prompt_references=rows)


def test_the_images_of_some_prompts() -> None:
    part = _set().of_prompts([0, 2])
    assert part.features[:, 0].tolist() == [0, 6, 8]
    assert part.prompts.tolist() == [0, 1, 0]
    assert (part.captions, part.texts.tolist()) == (["a", "c"], [[1, 0, 0], [0, 0, 1]])
    assert part.logits.ravel().tolist() == [0, 3, 4]
    assert part.counts.tolist() == [2, 1]
    assert part.prompt_references.tolist() == [4, 7]
    assert replace(_set(), prompt_references=no_rows()).of_prompts([1]).prompt_references.shape == (0,)


def test_all_prompts_are_the_set_itself() -> None:
    images = _set()
    assert images.of_prompts([0, 1, 2]) is images


def test_shared_work_is_done_once_for_a_set() -> None:
    images, done = _set(), []
    for each in (images, images, images.of_prompts([1])):
        assert each.once("work", lambda: done.append(1) or len(done)) == len(done)
    assert len(done) == 2
