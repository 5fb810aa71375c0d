"""The page in a real browser, at desktop and phone size: nothing runs over the edge, videos load, no errors."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from assets.media.encode import write_lossless
from assets.project.home import Home
from assets.report.overview import render_overview
from assets.report.page import render_report
from assets.report.settings import ReportSettings
from assets.store.warehouse import publish
from tests.pipelines.mos.devtools import BROWSER, Chromium
from tests.support import warehouse_rows

BROWSER_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--virtual-time-budget=5000",
    "--dump-dom",
]
# Measures the page once its videos were requested, and writes the result to the title.
PROBE = """
<script>
const errors = []; addEventListener("error", event => errors.push(event.message));
const videos = [...document.querySelectorAll("video")];
videos.forEach(video => { video.preload = "auto"; video.load(); });
setTimeout(() => {
  const style = getComputedStyle(document.body);
  document.title = JSON.stringify({
    width: innerWidth, scroll: document.documentElement.scrollWidth, errors,
    videos: videos.map(video => [video.videoWidth, Math.round(video.duration * 100) / 100]),
    mouths: videos.map(video => video.clientHeight - video.clientWidth / 5),
    requests: performance.getEntriesByType("resource").filter(entry => !entry.name.startsWith("data:")).length,
    background: style.backgroundColor, colour: style.color,
  });
}, 2000);
</script>
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A dataset with everything and one with clips alone, their pages and the one over both."""
    if BROWSER is None:
        pytest.skip("needs chromium, which is not installed")
    home = Home(tmp_path_factory.mktemp("home"))
    clips = warehouse_rows.fill(home)
    warehouse_rows.fill_ratings(home, clips)
    warehouse_rows.fill_partial_audio(home, clips)
    warehouse_rows.keep_strip(home, clips[2])
    frames = np.full((25, 128, 128, 3), 90, np.uint8)
    audio = (8000 * np.sin(np.arange(6400) / 6)).astype(np.int16)
    for clip in clips:
        for method in warehouse_rows.METHODS:
            path = (
                home.renders(warehouse_rows.DATASET, method) / "own" / f"{warehouse_rows.clip_key(clip)}.mkv"
            )
            write_lossless(path, frames[:10], audio)
    warehouse_rows.fill_inventory(home, "bare")
    publish(home)
    settings = ReportSettings(num_example_clips=0, num_extreme_clips=1, video_scale=1)
    render_report(home, warehouse_rows.DATASET, settings, warehouse_rows.METHODS)
    render_report(home, "bare", settings, ("ground_truth", "cals"))
    render_overview(home, {warehouse_rows.DATASET: warehouse_rows.METHODS, "bare": ("ground_truth", "cals")})
    return home


@pytest.fixture(scope="module")
def page(home: Home) -> Path:
    path = home.report(warehouse_rows.DATASET)
    probed = path.with_name("probed.html")
    probed.write_text(
        path.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"), encoding="utf-8"
    )
    return probed


def measure(page: Path, profile: Path, *flags: str) -> dict[str, object]:
    assert BROWSER is not None
    command = [BROWSER, *BROWSER_FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(\{.*?\})</title>", done.stdout)
    assert title is not None, done.stderr[-2000:]
    measured: dict[str, object] = json.loads(title[1])
    return measured


@pytest.mark.parametrize("width", [1280, 500])
def test_page_fits_loads_its_videos_and_requests_nothing(page: Path, tmp_path: Path, width: int) -> None:
    found = measure(page, tmp_path, f"--window-size={width},900")
    assert found["width"] == found["scroll"] == width
    assert found["errors"] == [] and found["requests"] == 0
    assert found["videos"] == [[640, 0.4], [640, 0.4]]
    assert all(abs(room - 68) < 2 for room in found["mouths"])  # type: ignore[attr-defined]


def test_dark_is_dark(page: Path, tmp_path: Path) -> None:
    light = measure(page, tmp_path / "light", "--blink-settings=preferredColorScheme=1")
    dark = measure(page, tmp_path / "dark", "--blink-settings=preferredColorScheme=0")
    assert (light["background"], dark["background"]) == ("rgb(255, 255, 255)", "rgb(17, 22, 28)")
    assert light["colour"] != dark["colour"]


# Opens every details element, so that its content is laid out and checked too.
OPEN = "document.querySelectorAll('details').forEach(part => { part.open = true; })"
OVERFULL = """[...document.querySelectorAll('main, footer, section, .scroll, figure, .card')]
  .filter(part => part.getBoundingClientRect().right > innerWidth + 1).map(part => part.id || part.className)"""
UNSEEN = """[...document.querySelectorAll('main p, main td, main th, main a, main figcaption')]
  .filter(part => part.innerText.trim() && contrast(part) < 4.5).map(part => part.innerText.slice(0, 40))"""
CONTRAST = """
const light = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(c => c / 255)
  .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = part => { for (; part; part = part.parentElement) {
  const colour = getComputedStyle(part).backgroundColor; if (!colour.endsWith(', 0)')) return colour; }
  return 'rgb(255, 255, 255)'; };
window.contrast = part => { const [a, b] = [light(getComputedStyle(part).color), light(behind(part))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
"""
PLAYED = """(async () => { const video = document.querySelector('video'); video.muted = false; await video.play();
  await new Promise(done => setTimeout(done, 700));
  return [video.currentTime > 0.3, video.webkitAudioDecodedByteCount > 0, video.error === null]; })()"""


@pytest.mark.proof
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "touch"), [(1280, False), (390, True)])
def test_all_pages_are_legible_at_every_size_and_theme(
    home: Home, tmp_path: Path, width: int, touch: bool, theme: str
) -> None:
    pages = [home.report_overview, home.report(warehouse_rows.DATASET), home.report("bare")]
    with Chromium(tmp_path / "profile", width=width, height=900, touch=touch) as browser:
        feature = {"name": "prefers-color-scheme", "value": theme}
        browser.send("Emulation.setEmulatedMedia", features=[feature])
        for path in pages:
            browser.goto(path.as_uri())
            browser.evaluate(OPEN + ";" + CONTRAST)
            assert browser.evaluate("document.documentElement.scrollWidth") == width, path
            assert browser.evaluate(OVERFULL) == [], path
            assert browser.evaluate("contrast(document.querySelector('main h2'))") > 10, "the measure works"
            assert browser.evaluate(UNSEEN) == [], path
            browser.screenshot(tmp_path / f"{path.parent.name}-{width}-{theme}.png")
        assert browser.problems == []


@pytest.mark.proof
def test_keyboard_reaches_the_verdict_and_the_link_to_a_page_and_videos_play_with_audio(
    home: Home, tmp_path: Path
) -> None:
    with Chromium(tmp_path / "profile", width=1280, height=900, touch=False) as browser:
        browser.goto(home.report_overview.as_uri())
        browser.press("", "Tab")
        assert browser.evaluate("document.activeElement.innerText") == "Skip to the datasets"
        browser.press("", *["Tab"] * 5)
        assert browser.evaluate("document.activeElement.innerText") == warehouse_rows.DATASET
        browser.press("", "Enter")
        browser.wait_for("document.title.startsWith('sample_lrs2') && document.readyState === 'complete'")
        browser.press("", "Tab", "Enter")
        browser.wait_for("location.hash === '#verdict'")
        assert browser.evaluate(PLAYED) == [True, True, True]
        assert browser.problems == []
