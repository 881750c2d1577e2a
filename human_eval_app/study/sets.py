"""The image sets of a design, made as they are asked for, with the files that they need."""

from collections.abc import Sequence
from random import Random

from human_eval_app.study.assign import Known
from human_eval_app.study.design import TrialImages
from human_eval_app.study.given import GivenTrial
from human_eval_app.study.images import Alteration, ImageJob, image_token
from human_eval_app.study.runs import GIVEN


class Sets:
    """Collects sets and the jobs of their images. The order of a set's images is random, by the seed.

    sets: key -> set, as in the design. jobs: one per image file. Names of images come from `secret`.
    """

    def __init__(self, secret: bytes, seed: int, samples: int) -> None:
        self.sets: dict[str, TrialImages] = {}
        self.jobs: list[ImageJob] = []
        self._secret = secret
        self._seed = seed
        self._samples = samples

    def key(self, label: str, prompt_id: str, alteration: Alteration = "") -> str:
        """The key of `label`'s images of a prompt, which are made part of the study."""
        key = "/".join([label, prompt_id, *([alteration] if alteration else [])])
        if key not in self.sets:
            order = Random(f"set\t{self._seed}\t{key}").sample(range(self._samples), self._samples)
            jobs = [self._job(label, prompt_id, index, alteration) for index in order]
            self.jobs += jobs
            self.sets[key] = TrialImages(
                model=label, prompt_id=prompt_id, images=tuple(job.token for job in jobs), altered=alteration
            )
        return key

    def given(self, trials: Sequence[GivenTrial]) -> tuple[Known, ...]:
        """Trials of a user's file, with their images made part of the study."""
        return tuple(self._given(trial.known) for trial in trials)

    def _given(self, known: Known) -> Known:
        worse = None if known.worse is None else self.key(GIVEN, known.worse, "given")
        better = self.key(GIVEN, known.better, "given")
        return Known(known.prompt_id, better, worse, known.questions, known.touches, known.answer)

    def _job(self, label: str, prompt_id: str, index: int, alteration: Alteration) -> ImageJob:
        token = image_token(self._secret, label, prompt_id, index, alteration)
        return ImageJob(token, label, prompt_id, index, alteration)
