"""The page is complete, says what is missing and why, and is valid HTML."""

from __future__ import annotations

import base64
import re
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from assets.media.encode import write_lossless
from assets.project.home import Home
from assets.report.page import ReportPage, render_report
from assets.report.settings import ReportSettings
from assets.store.table_parts import write_part
from assets.store.warehouse import WarehouseError, publish
from tests.support import warehouse_rows

VOID = {"meta", "img", "br", "hr", "input", "link", "line", "circle", "polyline", "rect", "path"}
SETTINGS = ReportSettings(num_example_clips=1, num_extreme_clips=1, video_scale=1, max_rejected_rows=2)
NUM_FRAMES = 10


class Outline(HTMLParser):
    """Elements of a page with their attributes; fails on a tag that is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:], self.getpos())
        self.open.pop()

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def render_clips(home: Home, clips: list[str]) -> None:
    audio = (3000 * np.sin(np.arange(640 * NUM_FRAMES) / 5)).astype(np.int16)
    for method in warehouse_rows.METHODS:
        for number, clip in enumerate(clips):
            frames = np.full((NUM_FRAMES, 128, 128, 3), 40 + number, np.uint8)
            frames[:, 80:100, 50:78] = np.arange(0, 10 * NUM_FRAMES, 10, np.uint8)[:, None, None, None]
            folder = home.renders(warehouse_rows.DATASET, method) / "own"
            write_lossless(folder / f"{warehouse_rows.clip_key(clip)}.mkv", frames, audio)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    clips = warehouse_rows.fill(home)
    render_clips(home, clips)
    warehouse_rows.fill_ratings(home, clips)
    warehouse_rows.fill_partial_audio(home, clips)
    warehouse_rows.keep_strip(home, clips[2])
    preview = home.stage("face_crops", warehouse_rows.DATASET) / "pictures" / "crops.png"
    preview.parent.mkdir(parents=True)
    from PIL import Image

    Image.new("RGB", (8, 8)).save(preview)
    publish(home)
    return home


@pytest.fixture(scope="module")
def page(home: Home) -> ReportPage:
    return render_report(home, warehouse_rows.DATASET, SETTINGS, warehouse_rows.METHODS)


@pytest.fixture(scope="module")
def html(page: ReportPage) -> str:
    return page.path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def outline(html: str) -> Outline:
    return Outline(html)


def text_of(html: str) -> str:
    without = re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(without))


def test_page_is_where_the_home_says_and_its_facts_are_right(page: ReportPage, home: Home, html: str) -> None:
    assert page.path == home.report(warehouse_rows.DATASET)
    assert (page.num_videos, page.problems) == (3, ())
    assert page.num_bytes == len(html.encode()) < 3_000_000


def test_nothing_comes_from_outside_and_no_script_runs(html: str, outline: Outline) -> None:
    for _, attributes in outline.elements:
        for name in ("src", "href", "poster", "srcset", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), value
        assert not any(name.startswith("on") for name in attributes)
    assert not outline.all("script") and not outline.all("link") and not outline.all("iframe")
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style and "@import" not in style[1] and "url(" not in style[1]


def test_ids_are_unique_and_all_references_resolve(outline: Outline) -> None:
    ids = [a["id"] for _, a in outline.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in outline.elements:
        href = attributes.get("href") or ""
        assert not href.startswith("#") or href[1:] in ids
        for name in ("aria-labelledby", "aria-describedby"):
            assert set((attributes.get(name) or "").split()) <= set(ids)


def test_page_works_with_keyboard_and_screen_reader(html: str, outline: Outline) -> None:
    assert outline.all("html")[0]["lang"] == "en"
    assert len(outline.all("h1")) == len(outline.all("main")) == len(outline.all("nav")) == 1
    assert all(a.get("alt") for a in outline.all("img")) and outline.all("img")
    assert all(a.get("aria-label") for a in outline.all("svg")) and len(outline.all("svg")) > 8
    assert all(a.get("aria-label") and "controls" in a for a in outline.all("video"))
    assert all(a.get("scope") in ("col", "row", "colgroup", "rowgroup") for a in outline.all("th"))
    assert len(outline.all("caption")) == len(outline.all("table"))
    scrollers = [a for a in outline.all("div") if a.get("class") == "scroll"]
    assert all(a.get("tabindex") == "0" and a.get("aria-label") for a in scrollers) and scrollers
    levels = [int(level) for level in re.findall(r"<h([1-6])", html)]
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    assert (
        "prefers-color-scheme: dark" in html and "prefers-reduced-motion" in html and ":focus-visible" in html
    )


def test_tables_show_measured_and_published_scores(html: str) -> None:
    text = text_of(html)
    for words in (
        "Measured here on sample_lrs2",
        "Published on LRS2",
        "Published on LRW",
        "Published on HDTF",
    ):
        assert words in text
    for words in ("32.603", "9.225", "CALS (paper)", "SyncTalkFace", warehouse_rows.EVALUATORS["lse_d"]):
        assert words in text
    assert "75 of 75 frames equal the true ones: no finite PSNR" in text
    assert "1 clip missing" in text
    best = re.findall(r'<td class="num best[^"]*"><span class="value">([^<]+)<', html)
    assert len(best) >= 5 + 15


def test_the_papers_tables_and_plots_have_their_sections(html: str) -> None:
    text = text_of(html)
    for words in (
        "Table 1: what each part of the method adds",
        "method a2l is not among the dataset's methods",
        "needs a2l_dav and a2l",
        "12 raters, 1 of them screened out and not counted, on 4 test clips in 1 study",
        "too few clips to tell",
        "Does CALS lose less?",
        f"Without a value: 2 ({warehouse_rows.TOO_SHORT}), of all clips",
        "CALS (paper), LRS2",
        "Rank correlation: Wav2Lip",
        "CALS is better than Wav2Lip on 13 of 13 clips",
        "What could not be rendered or measured, in 0 renders and 784 scores of 14 test clips",
        "Where CALS does best: LMD 0.71 px, 1 of 14",
    ):
        assert words in text, words


def test_verdict_says_what_is_shown(html: str) -> None:
    text = text_of(html)
    assert (
        "CALS generates mouths that follow the audio, and does better than showing a still reference frame."
        in text
    )
    assert "12.8 × chance" in text
    assert "Face crops with their landmarks, a row a clip" in text
    assert "Training warned" in text and "plateau at chance" in text


def test_rejections_are_listed_and_the_rest_counted(html: str) -> None:
    text = text_of(html)
    for words in (
        "cannot_open",
        "no_face",
        "silent",
        "a face in 3 of 75 frames",
        "2 clips one by one, 1 more",
    ):
        assert words in text, words


def test_lineage_names_models_versions_commit_and_libraries(html: str) -> None:
    text = text_of(html)
    weights = warehouse_rows.sha256(f"{warehouse_rows.DATASET}generatorcals")
    assert weights in html and weights[:12] in text
    for words in ("cals-generator", "8e5a6fc0" * 5, "torch 2.14.1", "atelier", "2026-11-23 12:08"):
        assert words in text


def test_videos_play_with_audio(html: str) -> None:
    urls = re.findall(r'src="data:video/mp4;base64,([^"]+)"', html)
    assert len(urls) == 3
    with av.open(BytesIO(base64.b64decode(urls[0]))) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == NUM_FRAMES and frames[0].shape == (128, 5 * 128, 3)
    with av.open(BytesIO(base64.b64decode(urls[0]))) as container:
        audio = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    assert np.abs(audio).max() > 0.02


def test_same_inputs_give_the_same_page(home: Home, page: ReportPage) -> None:
    assert render_report(home, warehouse_rows.DATASET, SETTINGS, warehouse_rows.METHODS).digest == page.digest


def test_a_missing_render_is_reported_and_the_rest_is_shown(tmp_path: Path) -> None:
    home = Home(tmp_path)
    warehouse_rows.fill(home)
    publish(home)
    page = render_report(home, warehouse_rows.DATASET, SETTINGS, warehouse_rows.METHODS)
    assert page.num_videos == 0 and len(page.problems) == 3
    assert "there is no render of the ground truth" in text_of(page.path.read_text(encoding="utf-8"))


def test_a_dataset_with_clips_alone_has_a_page_that_says_what_to_run(tmp_path: Path) -> None:
    home = Home(tmp_path)
    warehouse_rows.fill_inventory(home)
    publish(home)
    text = text_of(
        render_report(home, warehouse_rows.DATASET, SETTINGS, warehouse_rows.METHODS).path.read_text(
            encoding="utf-8"
        )
    )
    for words in (
        "run the stage clip_metrics",
        "run the stage sync_encoder",
        "No model of sample_lrs2",
        "missing",
        "not trained yet: run the stage generator",
        "no rating yet",
        "run the stage masked_audio",
        "run the stage context_window",
        "Nothing was rendered or scored that could have failed",
    ):
        assert words in text, words


def test_markup_in_the_data_is_text(tmp_path: Path) -> None:
    home = Home(tmp_path)
    clip = {
        "dataset": "d", "clip_id": "d/test/<script>alert(1)</script>", "split": "test", "status": "rejected",
        "stage": "clips", "reason": "x", "detail": "<img src=http://a.b/c>",
    }  # fmt: skip
    write_part(home, "clip_inventory", [clip], dataset="d")
    publish(home)
    html = render_report(home, "d", SETTINGS, warehouse_rows.METHODS).path.read_text(encoding="utf-8")
    assert "<script" not in html and "<img" not in html and "&lt;script&gt;" in html


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(WarehouseError, match="no warehouse yet"):
        render_report(home, "d", SETTINGS, warehouse_rows.METHODS)
    publish(home)
    with pytest.raises(ValueError, match=r"no clip of dataset 'd'; run `cals run --dataset d`"):
        render_report(home, "d", SETTINGS, warehouse_rows.METHODS)
