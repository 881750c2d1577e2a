"""Results in others' formats: read by their own code; and what a result stands on, as BibTeX."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

from drawbench.cli.main import main
from drawbench.results.files import read_result, write_result
from drawbench.scoring.protocols import PROTOCOLS
from drawbench.sharing.cite import OF_METRICS, OF_PROMPTS, OF_WORDS, SUITE, citations, entries
from tests.drawbench import synthetic

COMMITTED = Path(__file__).parents[3] / "results"
WORLD = COMMITTED / "imagen-tiny--world--bundled.json"


def test_the_hub_reads_the_entries(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", "export", str(WORLD), "--dataset", "me/world", "--out", str(tmp_path)]) == 0
    path = tmp_path / ".eval_results" / "world-bundled-64px.yaml"
    assert capsys.readouterr().out == f"{path}\n"
    read = {each.task_id: each for each in parse_eval_result_entries(yaml.safe_load(path.read_text()))}
    result = read_result(WORLD)
    assert set(read) == {"bundled-clip_score", "bundled-clip_score_difference", "bundled-frechet_distance"}
    entry, score = read["bundled-clip_score"], result.score("clip_score", "overall")
    assert score is not None
    assert (entry.dataset_id, entry.value, entry.date) == ("me/world", score.value, result.date)
    assert entry.notes is not None
    assert result.protocol.fingerprint[:12] in entry.notes
    assert "n = 500" in entry.notes


def test_drawbench_has_a_data_set_and_others_must_name_theirs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = write_result(synthetic.result("mine", set_name="drawbench", complete=False), tmp_path)
    assert main(["results", "export", str(part), "--out", str(tmp_path)]) == 0
    [written] = capsys.readouterr().out.splitlines()
    [*_, entry] = parse_eval_result_entries(yaml.safe_load(Path(written).read_text()))
    assert entry.dataset_id == "sayakpaul/drawbench"
    assert str(entry.notes).endswith("a part of the prompts")
    assert main(["results", "export", str(WORLD), "--out", str(tmp_path)]) == 2
    assert "name it with --dataset OWNER/NAME" in capsys.readouterr().err
    other = write_result(synthetic.result("other", set_name="drawbench", complete=False), tmp_path)
    assert main(["results", "export", str(part), str(other), "--out", str(tmp_path)]) == 2
    assert "export those of one model at a time" in capsys.readouterr().err


def test_csv_holds_every_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", "export", str(COMMITTED), "--format", "csv"]) == 0
    exported = capsys.readouterr().out
    assert main(["leaderboard", str(COMMITTED), "--format", "csv"]) == 0
    assert capsys.readouterr().out == exported


def test_a_result_cites_what_it_stands_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cite", str(WORLD)]) == 0
    keys = re.findall(r"@\w+\{([^,]+),", capsys.readouterr().out)
    assert keys == [SUITE, "hessel2021clipscore", "radford2021clip", "heusel2017fid"]
    names = ["fid_clean", "kid", "precision"]
    full = synthetic.result("mine", set_name="drawbench", scores=[synthetic.score(name, 1.0) for name in names])
    text = "\n".join(citations(full))
    assert all(key in text for key in ("saharia2022imagen", "parmar2022cleanfid", "heusel2017fid", "binkowski2018kid"))
    assert "lin2014coco" not in text


def test_every_metric_of_every_protocol_is_cited_and_every_entry_is_used() -> None:
    named = {key for table in (OF_PROMPTS, OF_METRICS, OF_WORDS) for keys in table.values() for key in keys}
    assert named | {SUITE} == set(entries())
    for make in PROTOCOLS.values():
        for metric in make().metrics:
            for measure in metric.kind.measures:
                if measure.higher_is_better is not None and measure.name != "pairwise_distance":
                    cited = citations(synthetic.result("x", scores=[synthetic.score(measure.name, 1.0, half=None)]))
                    assert len(cited) > 1, measure.name


@pytest.mark.skipif(shutil.which("bibtex") is None, reason="no bibtex here")
def test_bibtex_reads_every_entry(tmp_path: Path) -> None:
    (tmp_path / "all.bib").write_text("\n\n".join(entries().values()))
    (tmp_path / "all.aux").write_text("\\citation{*}\n\\bibdata{all}\n\\bibstyle{plain}\n")
    done = subprocess.run(["bibtex", "all"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "all.bbl").read_text().count("\\bibitem") == len(entries())


def test_the_suite_is_cited_by_the_file_that_hosts_read() -> None:
    stated = yaml.safe_load((COMMITTED.parent / "CITATION.cff").read_text())
    assert stated["cff-version"] == "1.2.0"
    for field in ("title", "version", "license"):
        assert str(stated[field]) in entries()[SUITE]
