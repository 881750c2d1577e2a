"""Readers of an image together with its prompt: VQAScore, and the questions of a file."""

from collections.abc import Sequence

import numpy as np

from metrics.features.extractor import fingerprint_of
from metrics.features.vision_language.model import VisionLanguageFolder, VisionLanguageModel
from metrics.features.vision_language.questions import QuestionFile, counted
from metrics.images.checked import checked_images


class _Whole:
    """Reads prompts whole: one that is too long is refused."""

    context_length = 0

    def truncated(self, prompts: Sequence[str]) -> list[bool]:
        """None of them."""
        return [False] * len(prompts)


class VqaReader(_Whole):
    """VQAScore (Lin et al. 2024): how likely the answer is yes when asked whether the image shows the prompt."""

    dimension = 1

    def __init__(self, found: VisionLanguageFolder, device: str = "cpu") -> None:
        """Load the model. Raises MetricInputError when it does not fit."""
        self._model, self.fingerprint = VisionLanguageModel(found, device), vqa_fingerprint(found)

    def __call__(self, images: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
        """B uint8 images (H, W, 3) and their prompts to float32 (B, 1), in [0, 1]."""
        checked_images(images)
        asked = self._model.found.template
        logs = [
            self._model.log_probabilities(image, asked.of_prompt(prompt), [asked.yes])
            for image, prompt in zip(images, prompts, strict=True)
        ]
        return np.exp(np.array(logs)).astype(np.float32)


class QuestionReader(_Whole):
    """Faithfulness by question answering: how many of a prompt's questions the model answers rightly.

    The answer is the choice that the model finds likeliest, by the mean log-probability of its tokens.
    """

    dimension = 3

    def __init__(self, found: VisionLanguageFolder, questions: QuestionFile, device: str = "cpu") -> None:
        """Load the model. Raises MetricInputError when it does not fit."""
        self._model, self._questions = VisionLanguageModel(found, device), questions
        self.fingerprint = questions_fingerprint(found, questions)

    def __call__(self, images: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
        """B uint8 images (H, W, 3) and their prompts to float32 (B, 3).

        The number of questions, 0 for a prompt that has none; the share that is answered rightly; and that share where
        a question counts as wrong when one that it depends on was answered wrongly.
        """
        checked_images(images)
        return np.array([self._read(*pair) for pair in zip(images, prompts, strict=True)], dtype=np.float32)

    def _read(self, image: np.ndarray, prompt: str) -> tuple[float, float, float]:
        questions = self._questions.of(prompt)
        if not questions:
            return 0.0, 0.0, 0.0
        right = []
        for each in questions:
            asked = self._model.found.template
            words = asked.of_question(each.text, each.choices)
            logs = self._model.log_probabilities(image, words, asked.spelt(each.choices))
            right.append(each.choices[int(logs.argmax())] == each.answer)
        return float(len(questions)), float(np.mean(right)), float(counted(questions, right).mean())


def vqa_fingerprint(found: VisionLanguageFolder) -> str:
    """The fingerprint of VQAScore by a model, known without loading it."""
    asked = found.template
    return fingerprint_of({**found.parts, "asked": asked.figure, "answer": asked.yes})


def questions_fingerprint(found: VisionLanguageFolder, questions: QuestionFile) -> str:
    """The fingerprint of a file's questions to a model, known without loading it."""
    asked = found.template
    words = [asked.yes_no, asked.choice, asked.yes, asked.no]
    return fingerprint_of({**found.parts, "questions": questions.sha256, "asked": words})
