"""The site as files: what it holds, what it refuses, and that it is the same each time. All results are made up."""

import hashlib
import html
import json
import re
from pathlib import Path

import pytest

from drawbench.cli.main import main, parse
from drawbench.results.files import read_result, result_text
from drawbench.site.build import Options, write_site
from drawbench.tables.data import tables_csv
from drawbench.tables.leaderboard import build_tables
from drawbench.tables.loading import load_results
from tests.drawbench.site.made_up import EVIL, folder_of, made, results, study
from tests.drawbench.synthetic import result

LINK = re.compile(r'(?:href|src)="([^"]*)"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the command from result files."""
    folder = tmp_path_factory.mktemp("site")
    source = folder_of(results(), folder / "results")
    assert main(["site", str(source), "--out", str(folder / "public"), "--repository", "https://example.org/r"]) == 0
    return folder / "public"


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_link_leads_to_a_file_and_every_fragment_to_an_element(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    ids = {page: set(re.findall(r' id="([^"]+)"', page.read_text())) for page in pages}
    assert len(pages) == 5 + 7  # of the site, of models
    for page in pages:
        for link in LINK.findall(page.read_text()):
            if link.startswith("data:,") or link == "https://example.org/r":
                continue
            address, _, fragment = link.partition("#")
            target = (page.parent / address).resolve() if address else page
            assert target.is_file(), f"{page.name}: {link}"
            if fragment and target.name != "compare.html":
                assert fragment in ids[target], f"{page.name}: {link}"


def test_a_name_of_html_is_shown_as_text(site: Path) -> None:
    for path in site.rglob("*.html"):
        assert "<img" not in path.read_text()
    assert "&lt;img src=x onerror=alert(1)&gt;" in (site / "index.html").read_text()


def test_what_does_not_compare_shares_no_table(site: Path) -> None:
    page = (site / "index.html").read_text()
    tables = {re.search("<h2><a[^>]*>([^<]+)", part)[1]: part for part in page.split("<section")[1:]}  # type: ignore[index]
    partial = next(part for title, part in tables.items() if "PARTIAL" in title)
    assert partial.count('<th scope="row">') == 1
    assert "PARTIAL: made from a part of the prompt set" in partial
    assert "not in one table with" in partial
    assert "PARTIAL: made from a part of the prompt set" in (site / "models/model-a.html").read_text()
    assert len(tables) == 3
    assert "Imagen" not in page  # published numbers are on their own page
    assert "never rank them" in (site / "published.html").read_text()


def test_a_number_leads_to_its_command(site: Path) -> None:
    page = (site / "models/model-b.html").read_text()
    address = re.search(r'href="models/model-b\.html#([^"]+)">0\.2040', (site / "index.html").read_text())
    assert address
    row = next(part for part in page.split("<tr") if f'id="{address[1]}"' in part)
    section = re.search(r'href="#([^"]+)">command', row)
    assert section
    told = page.partition(f'id="{section[1]}"')[2]
    commands = re.findall("<pre[^>]*><code>(drawbench [^<]+)</code>", told)[:2]
    assert [line.split()[1] for line in commands] == ["generate", "score"]
    for line in commands:
        assert parse(
            [word.strip("'") for word in re.split(r" (?=(?:[^']*'[^']*')*[^']*$)", line.replace("&#39;", "'"))][1:]
        )
    assert "1" * 64 in told


def test_downloads_are_whole(site: Path, tmp_path: Path) -> None:
    (table,) = (t for t in build_tables(results()) if t.first.prompt_set.name == "world")
    (name,) = (site / "data").glob("world-*.csv")
    assert name.read_text() == tables_csv([table], ())
    files = sorted((site / "results").glob("*.json"))
    assert len(files) == len(results())
    assert all(path.read_text() == result_text(read_result(path)) for path in files)
    assert main(["site", str(site / "results"), "--out", str(tmp_path / "again")]) == 0


def test_the_same_results_make_the_same_bytes_also_over_an_older_site(site: Path, tmp_path: Path) -> None:
    found = load_results([site / "results"])
    write_site([made("older")], tmp_path / "public", Options())
    write_site(found, tmp_path / "public", Options(repository="https://example.org/r"))
    assert _digests(tmp_path / "public") == _digests(site)


def test_what_is_no_site_of_ours_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, public = folder_of([made("one")], tmp_path / "results"), tmp_path / "public"
    public.mkdir()
    (public / "index.html").write_text("mine")
    assert main(["site", str(source), "--out", str(public)]) == 2
    assert "is not a site" in capsys.readouterr().err
    (public / "index.html").unlink()
    assert main(["site", str(source), "--out", str(public)]) == 0
    (public / "CNAME").write_text("example.org")
    assert main(["site", str(source), "--out", str(public)]) == 2
    assert "CNAME" in capsys.readouterr().err
    assert (public / "CNAME").read_text() == "example.org"


def test_what_no_table_may_show_is_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    nan = folder_of([made("one")], tmp_path / "nan")
    (file,) = nan.glob("*.json")
    file.write_text(re.sub(r'"value": [0-9.]+', '"value": NaN', file.read_text(), count=1))
    twice = folder_of([made("one", pixels="2" * 64)], tmp_path / "twice")
    (twice / "copy.json").write_text(result_text(made("one", 0.21, pixels="3" * 64)))
    impossible = folder_of([made("one", 1.5)], tmp_path / "impossible")
    for source, said in (
        (empty, "no results in"),
        (nan, "finite"),
        (twice, "one measurement"),
        (impossible, "cannot be"),
    ):
        assert main(["site", str(source), "--out", str(tmp_path / "public")]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
        assert {path.name for path in tmp_path.iterdir()} == {"empty", "nan", "twice", "impossible"}


def test_a_result_given_twice_is_one_row(tmp_path: Path) -> None:
    source = folder_of([made("one")], tmp_path / "results")
    (file,) = source.glob("*.json")
    assert main(["site", str(source), str(file), "--out", str(tmp_path / "public")]) == 0
    assert (tmp_path / "public/index.html").read_text().count('<th scope="row">') == 1


def test_a_result_of_an_older_protocol_stands_apart_and_says_so(tmp_path: Path) -> None:
    new = made("one", fingerprint="e" * 64)
    old = result("one").model_copy(update={"prompt_set": new.prompt_set})  # of version 1 of the protocol `bundled`
    page = write_site([new, old], tmp_path / "public", Options())
    tables = page.read_text().split("<section")[1:]
    assert ["stale, current is" in table for table in tables] == [True, False]


def test_studies_alone_have_a_page_and_no_tables_to_filter(tmp_path: Path) -> None:
    page = write_site([study("model a", "model b")], tmp_path / "public", Options())
    assert "No measured scores yet" in page.read_text()
    assert "<script" not in page.read_text()
    assert "model a against model b" in (page.parent / "human.html").read_text()


def test_cards_of_one_name_have_pages_of_their_own(tmp_path: Path) -> None:
    found = [made("one", settings={"steps": 1}), made("one", 0.3, settings={"steps": 2})]
    write_site(found, tmp_path / "public", Options())
    assert {path.name for path in (tmp_path / "public/models").iterdir()} == {"one-steps-1.html", "one-steps-2.html"}


def test_what_is_done_with_long_prompts_makes_no_other_model(tmp_path: Path) -> None:
    settings = [{"steps": 1, "long_prompts": how} for how in ("cut", "refuse")]
    others = made("one", 0.3, settings=settings[1], set_hash="b" * 64)
    found = [made("one", settings=settings[0]), others]
    write_site(found, tmp_path / "public", Options())
    (page,) = (tmp_path / "public/models").iterdir()
    text = html.unescape(page.read_text())
    assert page.name == "one.html"
    assert "--set long_prompts=cut" in text  # in the command of the one result
    assert "steps=1<" in text  # and of the model this alone


def test_all_rows_are_in_the_data_and_some_in_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drawbench.site.tables.CHUNK", 70)
    write_site([made(f"model {number}", 0.2 + number / 1e5) for number in range(120)], tmp_path / "public", Options())
    page = (tmp_path / "public/index.html").read_text()
    assert page.count('<th scope="row">') == 100
    assert "100 of 120 rows" in page
    names = []
    for number in (1, 2):
        text = (tmp_path / f"public/data/rows-{number}.js").read_text()
        names += [row[0] for _, _, rows in json.loads(text.removeprefix("drawbench.rows(")[:-3]) for row in rows]
    assert len(set(names)) == 120


def test_an_address_that_a_browser_would_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = folder_of([made(EVIL)], tmp_path / "results")
    assert main(["site", str(source), "--out", str(tmp_path / "public"), "--repository", "javascript:alert(1)"]) == 2
    assert "https://" in capsys.readouterr().err
