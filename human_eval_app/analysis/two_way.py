"""Means of votes, and how far they may be from the truth when votes share prompts and raters.

Two votes on one prompt are alike, and so are two votes of one rater: counting all as independent claims far too much.
The variance is that of Cameron, Gelbach and Miller (2011) for two crossed groupings: the part seen between prompts,
plus the part seen between raters, minus the single vote's part, which both of them hold. In place of their
single-vote part, which holds prompts and raters too, stands the mean square of what is left after an additive fit of
prompt and rater. With every rater on every prompt that is the unbiased variance of a two-way layout with random
prompts and raters, and its degrees of freedom are Satterthwaite's (1946). Where prompts and raters differ by less
than single votes would make them, the single votes' variance stands, with its own degrees of freedom.

Categories are fixed: a benchmark would have the same ones again. So votes are centred within their panel, and prompts
and raters are drawn anew within categories and panels only.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

import numpy as np
import pandas as pd

Average = Literal["micro", "macro"]
ROUNDING = 1e-12


@dataclass(frozen=True)
class Estimate:
    """Weighted means of K columns of votes, arrays of shape (K,).

    variance: of the mean; NaN where a category has one prompt only or a panel one rater only; 0 where no votes of a
        panel differ. degrees: of freedom of the variance, NaN or 0 with it.
    by_prompt, by_rater, by_vote: its parts: variance = by_prompt + by_rater - by_vote, and at least by_vote.
    units: prompts or raters, whichever are fewer: what the votes are worth at least.
    """

    value: np.ndarray
    variance: np.ndarray
    degrees: np.ndarray
    by_prompt: np.ndarray
    by_rater: np.ndarray
    by_vote: np.ndarray
    units: int


@dataclass(frozen=True)
class Crossing:
    """Which votes share a prompt and a rater. Made once for a table of N votes, then used for many means.

    prompt, rater, panel, category: (N,) codes counted from 0. A prompt is of one category, a rater of one panel.
    weight: (N,), sums to one, and is the same within a panel.
    """

    prompt: np.ndarray
    rater: np.ndarray
    panel: np.ndarray
    category: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, votes: pd.DataFrame, average: Average) -> Self:
        """The crossing of a votes table. `micro`: all votes weigh the same; `macro`: all categories do."""
        prompt, rater, panel, category = (_codes(votes[name]) for name in ("prompt_id", "rater", "panel", "category"))
        in_category = np.bincount(category)
        weight = 1 / (in_category[category] * len(in_category)) if average == "macro" else np.full(len(votes), 1.0)
        return cls(prompt, rater, panel, category, weight / weight.sum())

    def mean(self, values: np.ndarray) -> Estimate:
        """Weighted means of `values`, (N,) or (N, K), with their variances."""
        columns = values.reshape(len(self.weight), -1).astype(np.float64)
        mean = np.clip(self.weight @ columns, columns.min(axis=0), columns.max(axis=0))  # beyond them only by rounding
        centred = columns - self._panels.means(columns)[self.panel]
        centred[np.abs(centred) < ROUNDING] = 0  # votes that are all alike differ by nothing, not by rounding
        weighted = centred * self.weight[:, None]
        by_prompt, prompt_degrees = self._between(weighted, self._prompts, self._category_of_prompt)
        by_rater, rater_degrees = self._between(weighted, self._raters, self._panel_of_rater)
        by_vote, vote_degrees = self._left_over(centred)
        prompts, raters, votes = (part.sum(axis=0) for part in (by_prompt, by_rater, by_vote))
        clustered = prompts + raters - votes
        variance = np.maximum(clustered, votes)
        of_prompts, of_raters, of_votes = (
            (part**2 / np.maximum(count, 1)[:, None]).sum(axis=0)
            for part, count in ((by_prompt, prompt_degrees), (by_rater, rater_degrees), (by_vote, vote_degrees))
        )
        spread = np.where(clustered > votes * (1 + ROUNDING), of_prompts + of_raters, 0) + of_votes
        fewest = min(prompt_degrees.min(), rater_degrees.min())
        degrees = np.maximum(variance**2 / np.where(spread > 0, spread, 1), fewest)
        return Estimate(mean, variance, degrees, prompts, raters, votes, min(self._prompts.size, self._raters.size))

    def _between(self, weighted: np.ndarray, clusters: "_Groups", stratum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Variance between clusters in each stratum, (strata, K), and its degrees of freedom, (strata,).

        With one cluster in a stratum nothing is known: NaN.
        """
        strata = _Groups(stratum)
        count = strata.counts
        correction = np.where(count > 1, count / np.maximum(count - 1, 1), np.nan)
        return strata.sums(clusters.sums(weighted) ** 2) * correction[:, None], count - 1

    def _left_over(self, centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each panel's part of single votes, (panels, K), and its degrees of freedom, (panels,)."""
        parts, degrees = [], []
        for fit in self._fits:
            rows = centred[fit.rows]
            sums = np.concatenate([fit.prompts.sums(rows), fit.raters.sums(rows)])
            squares = (rows**2).sum(axis=0) - (sums * (fit.inverse @ sums)).sum(axis=0)
            scale = self.weight[fit.rows[0]] ** 2 * len(fit.rows) / fit.degrees if fit.degrees else 0.0
            parts.append(np.maximum(squares, 0) * scale)
            degrees.append(max(fit.degrees, 1))
        return np.array(parts), np.array(degrees)

    @cached_property
    def _prompts(self) -> "_Groups":
        return _Groups(self.prompt)

    @cached_property
    def _raters(self) -> "_Groups":
        return _Groups(self.rater)

    @cached_property
    def _panels(self) -> "_Groups":
        return _Groups(self.panel)

    @cached_property
    def _category_of_prompt(self) -> np.ndarray:
        return self.category[np.unique(self.prompt, return_index=True)[1]]

    @cached_property
    def _panel_of_rater(self) -> np.ndarray:
        return self.panel[np.unique(self.rater, return_index=True)[1]]

    @cached_property
    def _fits(self) -> "list[_AdditiveFit]":
        return [
            _AdditiveFit.of(rows, self.prompt[rows], self.rater[rows])
            for rows in (np.flatnonzero(self.panel == panel) for panel in range(self._panels.size))
        ]


class _Groups:
    """Sums over groups of rows. codes: (N,), counted from 0 without gaps."""

    def __init__(self, codes: np.ndarray) -> None:
        from scipy.sparse import csr_matrix

        self.counts = np.bincount(codes)
        self.size = len(self.counts)
        shape = (self.size, len(codes))
        self._indicator = csr_matrix((np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=shape)

    def sums(self, columns: np.ndarray) -> np.ndarray:
        """(N, K) -> (groups, K)."""
        return self._indicator @ columns

    def means(self, columns: np.ndarray) -> np.ndarray:
        """(N, K) -> (groups, K)."""
        return self.sums(columns) / self.counts[:, None]


@dataclass(frozen=True)
class _AdditiveFit:
    """Least squares of one panel's votes on prompt and rater, ready for any column of votes, centred.

    rows: (n,) of the panel. inverse: (prompts + raters, prompts + raters), of the normal equations' matrix.
    degrees: of freedom left.
    """

    rows: np.ndarray
    prompts: _Groups
    raters: _Groups
    inverse: np.ndarray
    degrees: int

    @classmethod
    def of(cls, rows: np.ndarray, prompt: np.ndarray, rater: np.ndarray) -> Self:
        from scipy.sparse import csr_matrix
        from scipy.sparse.csgraph import connected_components

        codes = [np.unique(each, return_inverse=True)[1] for each in (prompt, rater)]
        prompts, raters = _Groups(codes[0]), _Groups(codes[1])
        met = csr_matrix((np.ones(len(rows)), codes), shape=(prompts.size, raters.size)).toarray()
        if (met == 1).all():  # every rater on every prompt: of centred votes, both fits are plain means
            inverse = np.diag(1 / np.concatenate([prompts.counts, raters.counts]))
            return cls(rows, prompts, raters, inverse, (prompts.size - 1) * (raters.size - 1))
        normal = np.block([[np.diag(prompts.counts), met], [met.T, np.diag(raters.counts)]])
        islands = connected_components(csr_matrix(normal), directed=False)[0]  # each has a level of its own
        inverse = np.linalg.pinv(normal, rcond=1e-10, hermitian=True)
        return cls(rows, prompts, raters, inverse, len(rows) - (len(normal) - islands))


def _codes(column: pd.Series) -> np.ndarray:
    return np.unique(column.to_numpy(), return_inverse=True)[1]
