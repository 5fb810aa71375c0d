"""The page over all datasets: every dataset, every method with its scores or a reason, and links to their pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from assets.project.atomic_files import write_text
from assets.project.home import Home
from assets.report.overview import render_overview
from assets.store.table_parts import write_part
from assets.store.warehouse import WarehouseError, publish
from tests.assets.report.test_page import Outline, text_of
from tests.support import warehouse_rows

OTHER = "sample_lrw"
METHODS = {warehouse_rows.DATASET: warehouse_rows.METHODS, OTHER: ("ground_truth", "a2l"), "bare": ("cals",)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A dataset with everything, one with the ground truth scored alone, one with clips alone."""
    home = Home(tmp_path_factory.mktemp("home"))
    warehouse_rows.fill(home)
    clips = warehouse_rows.fill_inventory(home, OTHER)
    write_part(home, "clip_metrics", warehouse_rows.score_rows(clips, "ground_truth", OTHER), dataset=OTHER)
    warehouse_rows.fill_inventory(home, "bare")
    write_text(home.report(warehouse_rows.DATASET), "<html>")
    preview = home.stage("face_crops", warehouse_rows.DATASET) / "pictures" / "crops.png"
    preview.parent.mkdir(parents=True)
    Image.new("RGB", (1280, 438), "teal").save(preview)
    publish(home)
    return home


@pytest.fixture(scope="module")
def html(home: Home) -> str:
    assert render_overview(home, METHODS) == home.root / "report" / "index.html"
    return home.report_overview.read_text(encoding="utf-8")


def test_datasets_link_to_their_pages_where_there_are_some(html: str, home: Home) -> None:
    links = [a["href"] for a in Outline(html).all("a") if not (a.get("href") or "").startswith("#")]
    assert set(links) == {f"{warehouse_rows.DATASET}/index.html"}
    assert (home.report_overview.parent / str(links[0])).exists()
    text = text_of(html)
    assert "No page yet: cals report --dataset bare writes it." in text
    assert "3 datasets, 2 of them with scored videos." in text
    for words in ("41 of 44", "123 of 132 found, 9 rejected", "28 866 scores"):
        assert words in text, words


def test_table_3_has_every_method_of_every_dataset_with_scores_or_a_reason(html: str) -> None:
    table = html[html.index('id="table-3"') : html.index('id="against-baseline"')]
    groups = re.findall(r'scope="rowgroup"[^>]*>([^<]+)<', table)
    assert groups == ["sample_lrs2, 14 test clips", "sample_lrw, 14 test clips", "bare"]
    text = text_of(table)
    lrw = text[text.index("sample_lrw, 14") : text.index("bare All methods")]
    assert lrw.count("is not among the dataset's methods") == 3, "copy_reference, wav2lip and cals"
    assert "no clip of bare was scored yet: cals run --dataset bare --to clip_metrics" in text
    assert "(best)" in text[: text.index("sample_lrw, 14")] and "(best)" not in lrw


def test_differences_and_the_papers_rows_are_there(html: str) -> None:
    text = text_of(html)
    pairs = text[text.index("Paired differences, CALS minus Wav2Lip") : text.index("What the paper reports")]
    assert pairs.count("better") == 10 and "CALS and Wav2Lip have no clip in common" in pairs
    for words in ("Published on LRW", "33.219", "9.225", "8.185"):
        assert words in text


def test_page_is_self_contained_and_works_with_keyboard_and_screen_reader(html: str) -> None:
    outline = Outline(html)
    assert not outline.all("script") and not outline.all("link")
    assert all((a["src"] or "").startswith("data:image/jpeg") and a["alt"] for a in outline.all("img"))
    assert len(outline.all("h1")) == len(outline.all("main")) == len(outline.all("nav")) == 1
    assert all(a.get("scope") in ("col", "row", "rowgroup") for a in outline.all("th"))
    assert len(outline.all("caption")) == len(outline.all("table")) == 3
    assert all(a.get("aria-label") for a in outline.all("svg")) and outline.all("svg")
    ids = [a["id"] for _, a in outline.elements if "id" in a]
    assert len(ids) == len(set(ids))
    anchors = [(a.get("href") or "")[1:] for a in outline.all("a") if (a.get("href") or "").startswith("#")]
    assert set(anchors) <= set(ids)
    levels = [int(level) for level in re.findall(r"<h([1-6])", html)]
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def test_without_data_the_error_says_what_to_do(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(WarehouseError, match="no warehouse yet"):
        render_overview(home, {})
    publish(home)
    with pytest.raises(ValueError, match=r"no dataset is in it yet; run `cals run`"):
        render_overview(home, {})
