"""The page in a real browser, at desktop and phone size: nothing runs over the edge, videos load, no errors."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from assets.home import Home
from assets.media.encode import write_lossless
from assets.report.page import render_report
from assets.report.settings import ReportSettings
from assets.warehouse import publish
from tests import warehouse_making as made

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
QUIET = [
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
# Measures the page after its videos were asked to load, and leaves the answer in the title.
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
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if BROWSER is None:
        pytest.skip("needs chromium, which is not installed")
    home = Home(tmp_path_factory.mktemp("home"))
    frames = np.full((25, 128, 128, 3), 90, np.uint8)
    for clip in made.fill(home):
        for method in made.METHODS:
            path = home.renders(made.DATASET, method) / "own" / f"{made.clip_key(clip)}.mkv"
            write_lossless(path, frames[:10], np.zeros(6400, np.int16))
    publish(home)
    settings = ReportSettings(num_example_clips=0, num_extreme_clips=1, video_scale=1)
    path = render_report(home, made.DATASET, settings, made.METHODS).path
    probed = path.with_name("probed.html")
    probed.write_text(
        path.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"), encoding="utf-8"
    )
    return probed


def measure(page: Path, profile: Path, *flags: str) -> dict[str, object]:
    assert BROWSER is not None
    command = [BROWSER, *QUIET, f"--user-data-dir={profile}", *flags, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(\{.*?\})</title>", done.stdout)
    assert title is not None, done.stderr[-2000:]
    measured: dict[str, object] = json.loads(title[1])
    return measured


@pytest.mark.parametrize("width", [1280, 500])
def test_page_fits_loads_its_videos_and_asks_nobody(page: Path, tmp_path: Path, width: int) -> None:
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
