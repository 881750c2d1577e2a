"""What people said about images of the same prompts, beside what metrics say: all that an agreement is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from drawbench.errors import UserError


@dataclass(frozen=True)
class Judgements:
    """C comparisons of two of M models' images of one of P prompts.

    source: where people's words come from, for titles. question: what they were asked, where there are several
    questions. prompts: ids (P,), categories beside them ("" for none).
    prompt, first, second: (C,), numbers of the prompt and of the two models.
    people: (C,), how far people put the first image ahead. by_rater: (C, R), each of them; others: (C, R), the mean of
    the others. NaN where nobody judged.
    scores: metric -> (P, M), higher is better; NaN where a model has no image.
    ratings: (P, M), the mean rating of each image, or by how far it won more votes than it lost; NaN where there is
    none.
    votes: answers behind all of it. notes: what must be known.
    """

    source: str
    prompts: tuple[str, ...]
    categories: tuple[str, ...]
    models: tuple[str, ...]
    prompt: np.ndarray
    first: np.ndarray
    second: np.ndarray
    people: np.ndarray
    by_rater: np.ndarray
    others: np.ndarray
    scores: Mapping[str, np.ndarray]
    ratings: np.ndarray
    votes: int
    notes: tuple[str, ...] = ()
    question: str = ""

    def differences(self, metric: str) -> np.ndarray:
        """(C,), how far a metric puts the first image ahead."""
        scores = self.scores[metric]
        return scores[self.prompt, self.first] - scores[self.prompt, self.second]


def judgements_of_ratings(
    source: str,
    prompts: Sequence[str],
    categories: Sequence[str],
    models: Sequence[str],
    ratings: np.ndarray,
    scores: Mapping[str, np.ndarray],
    *,
    known_raters: bool = True,
    question: str = "",
    notes: Sequence[str] = (),
) -> Judgements:
    """From ratings of single images, (P, M, R), NaN where a rater did not judge.

    known_raters: the same along a prompt; otherwise nothing is known of how raters agree.
    Raises UserError for fewer than 2 models or prompts, and where no prompt has two rated images.
    """
    refuse_too_few(source, len(prompts), len(models))
    known = ~np.isnan(ratings)
    sums, counts = np.nansum(ratings, axis=2), known.sum(axis=2)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    places = np.triu_indices(len(models), 1)
    both = (counts[:, places[0]] > 0) & (counts[:, places[1]] > 0)  # (P, pairs)
    if not both.any():
        raise UserError(f"{source} has no prompt with rated images of two models: there is nothing to compare.")
    prompt, pair = np.nonzero(both)
    first, second = (each[pair] for each in places)
    one, two = ratings[prompt, first], ratings[prompt, second]  # (C, R)
    gaps = one - two if known_raters else np.full(one.shape, np.nan)
    others = [
        (sums[prompt, model][:, None] - rating) / np.maximum(counts[prompt, model] - 1, 1)[:, None]
        for model, rating in ((first, one), (second, two))
    ]
    alone = np.minimum(counts[prompt, first], counts[prompt, second])[:, None] < 2
    return Judgements(
        source=source,
        prompts=tuple(prompts),
        categories=tuple(categories),
        models=tuple(models),
        prompt=prompt,
        first=first,
        second=second,
        people=means[prompt, first] - means[prompt, second],
        by_rater=gaps,
        others=np.where(~np.isnan(gaps) & ~alone, others[0] - others[1], np.nan),
        scores=scores,
        ratings=means,
        votes=int(known.sum()),
        notes=tuple(notes),
        question=question,
    )


def judgements_of_votes(
    source: str,
    question: str,
    prompts: Sequence[str],
    categories: Sequence[str],
    models: Sequence[str],
    places: tuple[np.ndarray, np.ndarray, np.ndarray],
    by_rater: np.ndarray,
    scores: Mapping[str, np.ndarray],
    notes: Sequence[str] = (),
) -> Judgements:
    """From votes between images of two models.

    places: three of (C,), the numbers of each comparison's prompt and of its two models. by_rater: (C, R), 1 for the
    first image, -1 for the second, 0 for neither; NaN where a rater did not judge, and one judged each comparison.
    Raises UserError for fewer than 2 models or prompts.
    """
    refuse_too_few(source, len(prompts), len(models))
    prompt, first, second = places
    counts, sums = (~np.isnan(by_rater)).sum(axis=1), np.nansum(by_rater, axis=1)
    people = sums / counts
    others = (sums[:, None] - by_rater) / np.maximum(counts - 1, 1)[:, None]
    won, judged = np.zeros((2, len(prompts), len(models)))
    for model, side in ((first, people), (second, -people)):
        np.add.at(won, (prompt, model), side)
        np.add.at(judged, (prompt, model), 1)
    return Judgements(
        source=source,
        prompts=tuple(prompts),
        categories=tuple(categories),
        models=tuple(models),
        prompt=prompt,
        first=first,
        second=second,
        people=people,
        by_rater=by_rater,
        others=np.where((counts > 1)[:, None], others, np.nan),
        scores=scores,
        ratings=np.where(judged > 0, won / np.maximum(judged, 1), np.nan),
        votes=int(counts.sum()),
        notes=tuple(notes),
        question=question,
    )


def refuse_too_few(source: str, prompts: int, models: int) -> None:
    """Raises UserError where nothing could differ, or nothing be said of other prompts."""
    if models < 2:
        raise UserError(f"{source} holds images of one model only, and people's choice is between models: add another.")
    if prompts < 2:
        raise UserError(f"{source} holds one prompt only, which says nothing of others: add more prompts.")
