"""Which points are one curve, and what tells curves apart. All numbers here are made up."""

import pytest

from drawbench.interface import Setting
from drawbench.sweeps.pareto_plot import Curve, curves, pareto_figure
from drawbench.sweeps.sweep import SweepPoint
from drawbench.sweeps.table import sweep_text
from tests.drawbench.synthetic import world_result

DISTANCES = {"1": 0.5, "2": 0.3, "4": 0.4}


def sweep(
    further: float = 0.0,
    *,
    spec: str = "mine",
    name: str = "Mine",
    fixed: dict[str, Setting] | None = None,
    swept: dict[str, str] | None = None,
    weights: str = "",
    revision: str = "",
) -> list[SweepPoint]:
    """A sweep over three guidance weights, all distances `further` than those of another one."""
    points = []
    for guidance, distance in DISTANCES.items():
        settings = {"guidance": guidance, **(swept or {})}
        result = world_result(name, 0.2, distance + further, settings={**settings, **(fixed or {})})
        card = result.model.model_copy(update={"weights_sha256": weights, "revision": revision})
        result = result.model_copy(update={"model": card})
        points.append(SweepPoint(model=spec, settings=settings, run="run", reference_state="", result=result))
    return points


TOLD_APART = {
    "fixed settings": (
        sweep(fixed={"steps": 16, "eta": 0.5}),
        sweep(0.1, fixed={"steps": 4, "eta": 0.5}),
        ["Mine, steps 16", "Mine, steps 4"],
    ),
    "a setting that only one card names": (
        sweep(),
        sweep(0.1, fixed={"guidance_low": 0.2}),
        ["Mine", "Mine, guidance_low 0.2"],
    ),
    "fixed settings beside the same swept ones": (
        sweep(fixed={"steps": 16}, swept={"eta": "0"}),
        sweep(0.1, fixed={"steps": 4}, swept={"eta": "0"}),
        ["Mine, eta 0, steps 16", "Mine, eta 0, steps 4"],
    ),
    "specs": (
        sweep(spec="mine:ck1"),
        sweep(0.1, spec="mine:ck2"),
        ["Mine, model mine:ck1", "Mine, model mine:ck2"],
    ),
    "weights": (
        sweep(weights="a1b2c3d4" + "0" * 56),
        sweep(0.1, weights="e5f6a7b8" + "0" * 56),
        ["Mine, weights a1b2c3d4", "Mine, weights e5f6a7b8"],
    ),
    "revisions": (sweep(revision="v1"), sweep(0.1, revision="v2"), ["Mine, revision v1", "Mine, revision v2"]),
    "swept settings": (
        sweep(swept={"steps": "16"}),
        sweep(0.1, swept={"steps": "4"}),
        ["Mine, steps 16", "Mine, steps 4"],
    ),
    "names": (sweep(), sweep(0.1, name="Yours"), ["Mine", "Yours"]),
}


@pytest.mark.parametrize("difference", TOLD_APART)
def test_what_differs_is_a_curve_of_its_own_with_a_label_of_its_own(difference: str) -> None:
    one, other, labels = TOLD_APART[difference]
    drawn = curves([*one, *other])
    assert [curve.name for curve in drawn] == labels
    assert [distances(curve) for curve in drawn] == [[0.5, 0.3, 0.4], [0.6, 0.4, 0.5]]
    assert [curve.best.label for curve in drawn] == ["2", "2"]


def distances(curve: Curve) -> list[float]:
    return [round(point.distance.value, 3) for point in curve.points]


def test_points_that_differ_in_guidance_alone_are_one_curve_whichever_command_measured_them() -> None:
    first, second, third = sweep(fixed={"steps": 16, "eta": 0.5})
    (later,) = sweep(fixed={"eta": 0.5, "steps": 16})[1:2]
    (curve,) = curves([third, first, later])
    assert curve.name == "Mine"
    assert [point.label for point in curve.points] == ["1", "2", "4"]
    assert second == later


def test_the_table_marks_the_best_point_of_each_model_of_one_name() -> None:
    rows = sweep_text([*sweep(spec="mine:ck1"), *sweep(0.1, spec="mine:ck2")]).splitlines()
    assert [row.split()[:2] for row in rows if row.endswith(" *")] == [["mine:ck1", "2"], ["mine:ck2", "2"]]


def test_stars_at_one_place_are_all_seen() -> None:
    """The later is wider and lies behind: of each, the points look out."""
    drawn = curves([*sweep(), *sweep(name="Yours"), *sweep(name="Third"), *sweep(0.4, name="Apart")])
    (axes,) = pareto_figure(drawn, "heading", "caption").axes
    stars = [line for line in axes.lines if line.get_marker() == "*"]
    first, second, third, apart = stars
    assert first.get_markersize() == apart.get_markersize()
    assert first.get_markersize() + 6 < second.get_markersize() < third.get_markersize() - 6
    assert first.get_zorder() > second.get_zorder() > third.get_zorder()
    assert len({line.get_color() for line in stars}) == 4
