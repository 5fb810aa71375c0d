"""The study's pages over HTTP: sessions, rejections, headers; no browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient, Response

from assets.mos.ratings import Journal
from assets.mos.scales import SCALE_NAMES
from assets.mos.study import Study
from assets.project.home import Home
from pipelines.mos.app import make_app
from tests.assets.mos.mos_studies import METHODS, clip_id, make_study

BASE = "http://localhost:8400"
GOOD = dict.fromkeys(SCALE_NAMES, "4")


class Browser:
    """A rater's browser without scripts: keeps cookies, sends the forms of pages as they stand."""

    def __init__(self, study: Study, calls: list[int]) -> None:
        app = make_app(study, lambda: calls.append(1), ["localhost"])
        self._client = AsyncClient(transport=ASGITransport(app=app), base_url=BASE)
        self.page = ""

    async def get(self, url: str) -> Response:
        return self._kept(await self._client.get(url, follow_redirects=True))

    async def post(self, url: str, form: dict[str, str], **headers: str) -> Response:
        named = {"content-type": "application/x-www-form-urlencoded"}  # httpx leaves it out of an empty form
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self._kept(await self._client.post(url, data=form, headers=named, follow_redirects=True))

    async def begin(self) -> None:
        await self.get("/")
        await self.post("/start", {})
        await self.get("/rate")

    async def answer(self, form: dict[str, str] | None = None) -> Response:
        return await self.post("/rate", self.hidden() | (GOOD if form is None else form))

    def hidden(self) -> dict[str, str]:
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)">', self.page))

    def _kept(self, response: Response) -> Response:
        self.page = response.text if "html" in response.headers.get("content-type", "") else ""
        return response


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    yield make_study(Home(tmp_path), num_clips=1, methods=METHODS[:2])


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


pytestmark = pytest.mark.anyio


async def test_a_rater_goes_from_welcome_to_the_end(study: Study) -> None:
    calls: list[int] = []
    browser = Browser(study, calls)
    await browser.get("/")
    assert "2 short videos" in browser.page and "Begin with practice" in browser.page
    await browser.post("/start", {})
    assert "Practice 1 of 2" in browser.page and "sound of another" not in browser.page
    await browser.post("/practice/1", GOOD)
    assert "Practice 2 of 2" in browser.page and "sound of another" in browser.page
    await browser.post("/practice/2", GOOD)
    assert "Video 1 of 2" in browser.page
    await browser.answer()
    assert "Video 2 of 2" in browser.page
    await browser.answer()
    assert "Thank you" in browser.page
    (rater,) = Journal(study).raters()
    assert list(rater.answers) == [video.name for video in study.order(0)] and len(calls) == 2
    assert all(answer.seconds is not None and answer.seconds >= 0 for answer in rater.answers.values())


async def test_no_page_tells_method_or_clip(study: Study) -> None:
    browser = Browser(study, [])
    await browser.begin()
    seen = browser.page
    await browser.answer()
    for word in (*METHODS[:2], clip_id(0), "talks"):
        assert word not in seen + browser.page


async def test_doubled_and_foreign_answers_change_nothing(study: Study) -> None:
    one, two = Browser(study, []), Browser(study, [])
    await one.begin()
    await two.begin()
    first = one.hidden()
    assert (await one.answer()).status_code == 200
    assert (await one.post("/rate", first | GOOD)).status_code == 200  # the same again: saved once
    twice = await one.post("/rate", first | dict.fromkeys(SCALE_NAMES, "1"))
    assert twice.status_code == 409 and "the first answer stands" in twice.text
    stolen = two.hidden() | {"key": first["key"]}
    assert (await two.post("/rate", stolen | GOOD)).status_code == 403
    assert (await two.post("/rate", two.hidden() | GOOD)).status_code == 403
    await two.get("/rate")
    wrong_turn = two.hidden() | {"video": study.order(0)[1].name}
    assert (await two.post("/rate", wrong_turn | GOOD)).status_code == 409
    assert (await Browser(study, []).post("/rate", first | GOOD)).status_code == 403
    assert [len(rater.answers) for rater in Journal(study).raters()] == [1]


async def test_other_sites_and_other_forms_are_rejected(study: Study) -> None:
    browser = Browser(study, [])
    await browser.begin()
    form = browser.hidden() | GOOD
    assert (await browser.post("/rate", form, origin="http://evil.example")).status_code == 403
    assert (await browser.post("/rate", form, origin="null")).status_code == 403
    assert (await browser.post("/rate", form, sec_fetch_site="cross-site")).status_code == 403
    assert (await browser.post("/rate", form, content_type="text/plain")).status_code == 415
    assert (await browser.post("/rate", form | {"more": "x" * 5000})).status_code == 413
    assert (await browser.post("/rate", {f"f{n}": "1" for n in range(20)})).status_code == 400
    assert (await browser.get("http://rebound.example:8400/")).status_code == 400
    assert (await browser.post("/rate", form, origin=BASE)).status_code == 200
    assert [len(rater.answers) for rater in Journal(study).raters()] == [1]


async def test_an_incomplete_form_comes_back_as_it_was(study: Study) -> None:
    browser = Browser(study, [])
    await browser.begin()
    back = await browser.answer({"visual_quality": "2", "realness": "9"})
    assert back.status_code == 422 and "nothing is saved yet" in back.text
    assert re.findall(r'name="(\w+)" value="(\d)"[^>]* checked', back.text) == [("visual_quality", "2")]
    assert (await browser.answer()).status_code == 200


async def test_sessions_resume_by_cookie_and_by_link(study: Study) -> None:
    browser = Browser(study, [])
    await browser.begin()
    link = re.search(r'href="(/r/[^"]+)"', browser.page)
    assert link is not None
    await browser.answer()
    await browser.get("/")
    assert "Go on with video 2 of 2" in browser.page
    await browser.post("/start", {})
    assert "Video 2 of 2" in browser.page and len(Journal(study).raters()) == 1
    elsewhere = Browser(study, [])
    await elsewhere.get(link[1])
    assert "Video 2 of 2" in elsewhere.page
    assert (await Browser(study, []).get("/r/guessed")).status_code == 404


async def test_a_link_replaces_no_session_unasked(study: Study) -> None:
    """Somebody sends their own link: the answers of whoever opens it must not become theirs."""
    mine, other = Browser(study, []), Browser(study, [])
    for browser in (mine, other):
        await browser.begin()
    link = re.search(r'href="(/r/[^"]+)"', other.page)
    own = re.search(r'href="(/r/[^"]+)"', mine.page)
    assert link is not None and own is not None
    await mine.answer()
    asked = await mine.get(link[1])
    assert asked.status_code == 200 and "another session" in asked.text and "answered 1 video;" in asked.text
    change = mine.hidden()
    await mine.get("/rate")
    assert "Video 2 of 2" in mine.page, "nothing was replaced"
    assert (await mine.get(own[1])).status_code == 200 and "Video 2 of 2" in mine.page
    assert (await mine.post(link[1], {"key": "0" * 32})).status_code == 403
    assert (await mine.post(link[1], change, origin="http://evil.example")).status_code == 403
    assert (await mine.post(link[1], change)).status_code == 200 and "Video 1 of 2" in mine.page


async def test_videos_are_for_raters_and_play_from_anywhere(study: Study) -> None:
    video = study.videos[0]
    study.video_path(video.name).parent.mkdir()
    study.video_path(video.name).write_bytes(bytes(range(100)))
    url = f"/video/{video.name}.mp4"
    browser = Browser(study, [])
    assert (await browser.get(url)).status_code == 403
    await browser.begin()
    whole = await browser.get(url)
    assert (whole.content, whole.headers["content-type"]) == (bytes(range(100)), "video/mp4")
    piece = await browser._client.get(url, headers={"Range": "bytes=10-19"})
    assert (piece.status_code, piece.content) == (206, bytes(range(10, 20)))
    for name in ("0" * 16, "../study", "%2e%2e%2fstudy"):
        assert (await browser.get(f"/video/{name}.mp4")).status_code == 404


async def test_pages_carry_their_protection(study: Study) -> None:
    browser = Browser(study, [])
    await browser.begin()
    headers = (await browser.get("/rate")).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store" and headers["referrer-policy"] == "same-origin"
    start = await browser._client.post("/start", headers={"cookie": ""})
    assert start.status_code == 415
    (cookie,) = browser._client.cookies.jar
    assert cookie.has_nonstandard_attr("HttpOnly") and cookie.get_nonstandard_attr("SameSite") == "lax"
    missing = await browser.get("/nowhere")
    assert missing.status_code == 404 and "no such page" in missing.text
