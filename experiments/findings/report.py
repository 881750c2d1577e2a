"""What the findings came to: a table with verdicts in Markdown, and a picture of each."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from drawbench.files import write_text_atomically
from drawbench.plot_style import DPI, INK, MARK, SERIES, STYLE, TITLE, PointLabel, tidy, write_labels
from experiments.findings.claims import FINDINGS, Finding, Laboratory, Ordering, Values
from experiments.findings.measures import CLIP_SCORE, FRECHET

LOWER_IS_BETTER = {c.measure for finding in FINDINGS for c in finding.comparisons if c.lower_is_better}
CURVES = ("guidance", "thresholding")  # findings along guidance
Results = Mapping[tuple[str, int], Values]  # by arm and seed


@dataclass(frozen=True)
class Verdict:
    """A comparison's outcome over seeds. difference: in the claimed direction, so that positive agrees."""

    comparison: Ordering
    difference: float
    low: float
    high: float
    seeds: int

    @property
    def word(self) -> str:
        """`agrees` or `disagrees` when the 95% interval says so, else `not decided`."""
        if self.low > 0:
            return "agrees"
        return "disagrees" if self.high < 0 else "not decided"


def judge(comparison: Ordering, results: Results, seeds: Sequence[int]) -> Verdict:
    """Paired by seed, with a t interval over seeds; a single seed has none, and decides nothing."""
    from scipy.stats import t

    sign = -1 if comparison.lower_is_better else 1
    differences = [
        sign
        * (results[comparison.better, seed][comparison.measure] - results[comparison.worse, seed][comparison.measure])
        for seed in seeds
    ]
    centre, n = mean(differences), len(differences)
    if n < 2:
        return Verdict(comparison, centre, -math.inf, math.inf, n)
    margin = float(t.ppf(0.975, n - 1)) * stdev(differences) / math.sqrt(n)
    return Verdict(comparison, centre, centre - margin, centre + margin, n)


def markdown(findings: Sequence[Finding], results: Mapping[str, Results], lab: Laboratory, seeds: Sequence[int]) -> str:
    """All findings: claim, verdicts, values."""
    budget = lab.budget
    steps = ", ".join(f"{count} ({kind})" for kind, count in budget.steps.items())
    lines = [
        "# The paper's findings in small",
        "",
        f"Budget: {budget.minutes:g} CPU minutes of one core per training, measured once and then fixed as steps:",
        f"{steps}; batches of {budget.batch}; seeds {', '.join(map(str, seeds))}; {lab.images} images of held-out",
        f"scenes per arm and seed, against {lab.references} real ones. Differences are paired by seed, in the claimed",
        "direction, with a 95% t interval over seeds, uncorrected for the number of comparisons.",
    ]
    for finding in findings:
        found = results[finding.name]
        lines += ["", f"## {finding.claim[0].upper()}{finding.claim[1:]}", ""]
        lines += [*((finding.note, "") if finding.note else ()), f"![{_shown(finding, seeds)}]({finding.name}.png)", ""]
        lines += ["| better | than | by | difference | 95% interval | verdict |", "|---|---|---|---:|---:|---|"]
        for verdict in (judge(comparison, found, seeds) for comparison in finding.comparisons):
            c, interval = verdict.comparison, f"{verdict.low:.3g} to {verdict.high:.3g}"
            interval = interval if verdict.seeds > 1 else "not available"
            cells = (c.better, c.worse, c.measure, f"{verdict.difference:.3g}", interval, verdict.word)
            lines.append(f"| {' | '.join(cells)} |")
        lines += ["", *_values(finding, found, seeds)]
    return "\n".join(lines) + "\n"


def _values(finding: Finding, found: Results, seeds: Sequence[int]) -> list[str]:
    measures = list(found[finding.arms[0], seeds[0]])
    lines = [f"| arm | {' | '.join(measures)} |", f"|---|{'---:|' * len(measures)}"]
    for arm in finding.arms:
        cells = []
        for measure in measures:
            values = [found[arm, seed][measure] for seed in seeds]
            spread = f" ± {stdev(values):.2g}" if len(values) > 1 and stdev(values) > 0 else ""
            cells.append(f"{mean(values):,.0f}" if measure == "parameters" else f"{mean(values):.4g}{spread}")
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return lines


def write_report(
    findings: Sequence[Finding], results: Mapping[str, Results], lab: Laboratory, seeds: Sequence[int]
) -> Path:
    """findings.md, findings.json and a PNG per finding, in the laboratory's folder. Returns the page."""
    rows = [
        {"finding": name, "arm": arm, "seed": seed, **values}
        for name, found in results.items()
        for (arm, seed), values in found.items()
    ]
    content = {"budget": asdict(lab.budget), "images": lab.images, "references": lab.references, "values": rows}
    write_text_atomically(lab.out / "findings.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    for finding in findings:
        _picture(finding, results[finding.name], seeds, lab.out / f"{finding.name}.png")
    page = lab.out / "findings.md"
    write_text_atomically(page, markdown(findings, results, lab, seeds))
    return page


def _picture(finding: Finding, found: Results, seeds: Sequence[int], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        if finding.name in CURVES:
            figure, axes = plt.subplots(figsize=(6.5, 4.2))
            figure.suptitle(_shown(finding, seeds), x=0.01, ha="left", fontsize=TITLE)
            labels = _trade_off(axes, finding, found, seeds)
            figure.tight_layout()
            write_labels(figure, axes, labels)
        else:
            measures = [m for m in found[finding.arms[0], seeds[0]] if m != "parameters"]
            size = (1.6 + 2.3 * len(measures), 1.2 + 0.36 * len(finding.arms))
            figure, row = plt.subplots(1, len(measures), figsize=size, squeeze=False, sharey=True)
            figure.suptitle(_shown(finding, seeds), x=0.01, ha="left", fontsize=TITLE)
            for axes, measure in zip(row[0], measures, strict=True):
                _dots(axes, measure, finding, found, seeds)
            figure.tight_layout()
        figure.savefig(path, dpi=DPI)
        plt.close(figure)


def _shown(finding: Finding, seeds: Sequence[int]) -> str:
    """What the picture shows, whatever comes of the claim."""
    how = "the mean of" if finding.name in CURVES else "a dot for each of"
    name = finding.name.replace("-", " ").replace("unet", "U-Net")
    return f"{name[0].upper()}{name[1:]}: {how} {len(seeds)} seed{'s' * (len(seeds) > 1)}"


def _trade_off(axes: Any, finding: Finding, found: Results, seeds: Sequence[int]) -> list[PointLabel]:
    """Fréchet distance against CLIP score, along guidance, one line for each thresholding: axes as of a sweep.

    Returns what is to stand beside the points, the last of each line first.
    """
    from matplotlib.ticker import LogLocator

    lines: dict[str, list[str]] = {}
    for arm in finding.arms:
        lines.setdefault(arm.partition(" at ")[0] if " at " in arm else "", []).append(arm)
    labels = []
    for colour, (label, arms) in zip(SERIES, lines.items(), strict=False):
        x = [mean(found[arm, seed][CLIP_SCORE] for seed in seeds) for arm in arms]
        y = [mean(found[arm, seed][FRECHET] for seed in seeds) for arm in arms]
        axes.plot(x, y, marker="o", markersize=MARK, linewidth=1.4, color=colour, label=label or None)
        beside = [PointLabel(arm.rpartition(" ")[2], *place) for arm, *place in zip(arms, x, y, strict=True)]
        labels += enumerate(reversed(beside))
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_xlabel(f"{CLIP_SCORE} (higher is better) →; beside the points: guidance")
    axes.set_ylabel(f"← {FRECHET}; lower is better")  # turned, the arrow points down
    tidy(axes, "both")
    if len(lines) > 1:
        axes.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return [label for _, label in sorted(labels, key=lambda each: each[0])]


def _dots(axes: Any, measure: str, finding: Finding, found: Results, seeds: Sequence[int]) -> None:
    """A row for each arm: a dot for each seed, and a bar at their mean."""
    rows = range(len(finding.arms))
    for position, arm in zip(rows, finding.arms, strict=True):
        values = [found[arm, seed][measure] for seed in seeds]
        axes.plot(values, [position] * len(values), "o", markersize=5, alpha=0.6, color=SERIES[0])
        axes.vlines(mean(values), position - 0.28, position + 0.28, color=INK, linewidth=1.5)
    axes.set_yticks(rows, finding.arms)
    axes.set_ylim(len(finding.arms) - 0.5, -0.5)
    axes.set_xlabel(f"{measure}, {'lower' if measure in LOWER_IS_BETTER else 'higher'} is better", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    tidy(axes, "x")
    axes.locator_params(axis="x", nbins=4)
