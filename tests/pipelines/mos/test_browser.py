"""Whole sessions in a real browser: by keyboard on a desktop, by finger on a phone, with the server killed between."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.mos.ratings import Journal
from assets.mos.scales import SCALE_NAMES
from assets.mos.study import load_study
from assets.mos.summary import summarise_study
from assets.project.home import Home
from tests.assets.mos.mos_studies import DATASET, METHODS, make_renders
from tests.pipelines.mos.devtools import BROWSER, Chromium

pytestmark = [
    pytest.mark.proof,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(BROWSER is None, reason="needs chromium, which is not installed"),
]
NUM_VIDEOS = 12
SERVE = """
import sys
from pathlib import Path
from assets.project.home import Home
from pipelines.mos.server import serve
home, dataset, port, *methods = sys.argv[1:]
sys.exit(serve(Home(Path(home)), dataset, methods, name="main", num_clips=3, port=int(port)))
"""
STATE = """({
  overflow: document.documentElement.scrollWidth - innerWidth,
  small: [...document.querySelectorAll(".steps label, button")].map(e => e.getBoundingClientRect())
    .filter(r => Math.min(r.width, r.height) < 44).length,
  unnamed: [...document.querySelectorAll("input:not([type=hidden])")].filter(i => !i.labels.length).length,
  lang: document.documentElement.lang, headings: document.querySelectorAll("h1").length,
})"""
ACCESSIBLE = {"overflow": 0, "small": 0, "unnamed": 0, "lang": "en", "headings": 1}
ENDED = "document.querySelector('video').videoWidth === 384 && document.querySelector('video').ended"


class Server:
    """``cals mos serve`` as a process of its own, which can be killed and started again on its port."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        arguments = [str(self._home.root), DATASET, str(self._port), *METHODS]
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVE, *arguments], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = re.search(r"http://127.0.0.1:(\d+)", line)
            if found:
                self._port = int(found[1])
                return
        raise AssertionError(f"the server did not start: {self._process.wait()}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    make_renders(home)
    return home


@pytest.fixture(scope="module")
def server(home: Home) -> Iterator[Server]:
    server = Server(home)
    yield server
    server.kill()


def at(number: int) -> str:
    return f"document.title === 'Video {number} of {NUM_VIDEOS}' && document.readyState === 'complete'"


def test_a_rater_finishes_by_keyboard_though_the_server_is_killed(
    home: Home, server: Server, tmp_path: Path
) -> None:
    with Chromium(tmp_path / "profile", width=1280, height=800, touch=False) as browser:
        browser.goto(server.url)
        browser.screenshot(tmp_path / "welcome.png")
        browser.evaluate("document.querySelector('button').focus()")
        browser.press("", "Enter")
        for number in (1, 2):
            browser.wait_for(f"document.title === 'Practice {number} of 2'")
            browser.wait_for(ENDED)
            browser.screenshot(tmp_path / f"practice-{number}.png")
            browser.press("553", "Enter")
        for number in range(1, NUM_VIDEOS + 1):
            browser.wait_for(at(number))
            assert browser.evaluate(STATE) == ACCESSIBLE
            if number == 7:
                server.kill()
                server.start()
                browser.goto(server.url + "/rate")
                browser.wait_for(at(number))
            browser.wait_for(ENDED)
            browser.press("43")
            if number == 2:  # a reload in the middle keeps what was chosen
                browser.screenshot(tmp_path / "rate.png")
                browser.send("Page.reload")
                browser.wait_for(f"{at(2)} && document.querySelectorAll(':checked').length === 2")
                browser.wait_for(ENDED)
            browser.press(str(1 + number % 5), "Enter")
        browser.wait_for("document.title === 'Thank you'")
        browser.screenshot(tmp_path / "done.png")
        assert browser.problems == []
    study = load_study(home, DATASET, "main")
    rater = Journal(study).raters()[0]
    assert list(rater.answers) == [video.name for video in study.order(0)]
    given = [tuple(answer.ratings[scale] for scale in SCALE_NAMES) for answer in rater.answers.values()]
    assert given == [(4, 3, 1 + number % 5) for number in range(1, NUM_VIDEOS + 1)]


def test_a_second_rater_on_a_phone_has_another_order(home: Home, server: Server, tmp_path: Path) -> None:
    with Chromium(tmp_path / "profile", width=375, height=740, touch=True) as browser:
        browser.goto(server.url)
        assert browser.evaluate(STATE) == ACCESSIBLE
        browser.screenshot(tmp_path / "welcome.png")
        browser.tap("button")
        browser.wait_for("document.title === 'Practice 1 of 2'")
        browser.goto(server.url + "/rate")
        for number in range(1, NUM_VIDEOS + 1):
            browser.wait_for(at(number))
            assert browser.evaluate(STATE) == ACCESSIBLE
            browser.wait_for(ENDED)
            for scale in SCALE_NAMES:
                browser.tap(f"#{scale} label:nth-child({1 + number % 5})")
            if number == 3:
                browser.screenshot(tmp_path / "rate.png")
            browser.tap("form button")
        browser.wait_for("document.title === 'Thank you'")
        assert browser.problems == []
    study = load_study(home, DATASET, "main")
    first, second = Journal(study).raters()[:2]
    assert sorted(first.answers) == sorted(second.answers) and list(first.answers) != list(second.answers)
    assert [set(answer.ratings.values()) for answer in second.answers.values()] == [
        {1 + number % 5} for number in range(1, NUM_VIDEOS + 1)
    ]
    summary = summarise_study(home, DATASET)
    assert {(score.num_ratings, score.num_raters) for score in summary.scores} == {(6, 2)}
    assert [rater.finished for rater in summary.raters] == [True, True]
