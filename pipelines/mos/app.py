"""The study as a web app: welcome, practice, one page a video, the end.

A rater is known by a secret in a cookie (or in the link to go on elsewhere); the server keeps its hash. Videos have
random names: no page, URL or file names the method.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from assets.mos.ratings import Journal, Rater, RejectedAnswer
from assets.mos.study import BAD_PRACTICE, GOOD_PRACTICE, Study, StudyVideo
from cals_models.timebase import FPS
from pipelines.mos.forms import form_key, ratings_of, read_form, require_form_key
from pipelines.mos.pages import page

COOKIE_DAYS = 120
SECONDS_TO_JUDGE = 12
MOST_SHOWN = 10_000
"""Times of first sight that are remembered; the time of an answer whose is forgotten is unknown."""


def make_app(study: Study, after_answer: Callable[[], None], hosts: list[str]) -> Starlette:
    """The app of one study.

    Args:
        after_answer: called when an answer is safely in the journal, to bring the warehouse's part up to date.
        hosts: names under which browsers may ask for it; ``["*"]`` for any.
    """
    pages = _Pages(study, after_answer)
    routes = [
        Route("/", pages.welcome),
        Route("/start", pages.start, methods=["POST"]),
        Route("/r/{token}", pages.resume),
        Route("/r/{token}", pages.change_rater, methods=["POST"]),
        Route("/practice/{number:int}", pages.practice),
        Route("/practice/{number:int}", pages.practised, methods=["POST"]),
        Route("/rate", pages.rate),
        Route("/rate", pages.answer, methods=["POST"]),
        Route("/video/{name}.mp4", pages.video),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
        exception_handlers={HTTPException: _problem},
    )


class _Pages:
    def __init__(self, study: Study, after_answer: Callable[[], None]) -> None:
        self._study = study
        self._journal = Journal(study)
        self._after_answer = after_answer
        self._first_shown_s: dict[tuple[str, str], float] = {}
        self._practice = [
            study.practice[label] for label in (GOOD_PRACTICE, BAD_PRACTICE) if label in study.practice
        ]
        self._videos = {video.name for video in study.all_videos}
        # cookies ignore ports: two studies on one machine must not share one
        self._cookie = "cals_rater_" + hashlib.sha256(str(study.folder).encode()).hexdigest()[:10]

    async def welcome(self, request: Request) -> Response:
        rater = await self._known(request)
        num_frames = sum(video.num_frames for video in self._study.videos)
        seconds = num_frames / FPS + SECONDS_TO_JUDGE * len(self._study.videos)
        return page(
            "welcome",
            num_videos=len(self._study.videos),
            minutes=max(1, round(seconds / 60)),
            num_answered=len(rater.answers) if rater else None,
        )

    async def start(self, request: Request) -> Response:
        await read_form(request)
        if await self._known(request) is not None:
            return _go("/rate")
        try:
            _, token = await run_in_threadpool(self._journal.add_rater)
        except RejectedAnswer as rejected:
            raise HTTPException(503, str(rejected)) from rejected
        return self._with_cookie(_go("/practice/1" if self._practice else "/rate"), token, request)

    async def resume(self, request: Request) -> Response:
        """Goes on as the rater of the link; a browser that is another rater's is asked first."""
        token, linked = await self._linked(request)
        current = await self._known(request)
        if current is None:
            return self._with_cookie(_go("/rate"), token, request)
        if current.token_sha256 == linked.token_sha256:
            return _go("/rate")
        mine = request.cookies[self._cookie]
        return page(
            "change",
            token=token,
            key=form_key(mine),
            num_mine=len(current.answers),
            num_linked=len(linked.answers),
        )

    async def change_rater(self, request: Request) -> Response:
        token, _ = await self._linked(request)
        _, mine = await self._required(request)
        require_form_key(await read_form(request), mine)
        return self._with_cookie(_go("/rate"), token, request)

    async def _linked(self, request: Request) -> tuple[str, Rater]:
        token = request.path_params["token"]
        rater = await run_in_threadpool(self._journal.rater, token)
        if rater is None:
            raise HTTPException(404, "This link belongs to no rater of this study.")
        return token, rater

    async def practice(self, request: Request) -> Response:
        await self._required(request)
        number = request.path_params["number"]
        if not 1 <= number <= len(self._practice):
            return _go("/rate")
        video = self._practice[number - 1]
        return page(
            "practice",
            number=number,
            num_practice=len(self._practice),
            video=video,
            is_in_sync=video.audio == "own",
            given={},
        )

    async def practised(self, request: Request) -> Response:
        await self._required(request)
        await read_form(request)  # and forget it: these answers do not count
        number = request.path_params["number"]
        return _go(f"/practice/{number + 1}" if number < len(self._practice) else "/rate")

    async def rate(self, request: Request) -> Response:
        rater, token = await self._required(request)
        return self._rating_page(rater, token)

    async def answer(self, request: Request) -> Response:
        rater, token = await self._required(request)
        form = await read_form(request)
        require_form_key(form, token)
        name, ratings = form.get("video", ""), ratings_of(form)
        earlier = rater.answers.get(name)
        if earlier is not None and earlier.ratings == ratings:
            return _go("/rate")  # sent twice by an impatient click: saved once
        shown_s = self._first_shown_s.get((rater.token_sha256, name))
        seconds = None if shown_s is None else round(time.monotonic() - shown_s, 2)
        try:
            await run_in_threadpool(self._journal.add_answer, rater, name, ratings, seconds)
        except RejectedAnswer as rejected:
            if rejected.kind == "bad_value":
                return self._rating_page(rater, token, given=ratings, video=name)
            raise HTTPException(409, f"Nothing was changed: {rejected}.") from rejected
        self._first_shown_s.pop((rater.token_sha256, name), None)
        await run_in_threadpool(self._after_answer)
        return _go("/rate")

    async def video(self, request: Request) -> Response:
        await self._required(request)
        name = request.path_params["name"]
        if name not in self._videos:
            raise HTTPException(404, "There is no such video.")
        headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return FileResponse(self._study.video_path(name), media_type="video/mp4", headers=headers)

    def _rating_page(
        self, rater: Rater, token: str, *, given: dict[str, int] | None = None, video: str = ""
    ) -> Response:
        current: StudyVideo | None = self._journal.next_video(rater)
        if current is None:
            return page("done", num_videos=len(self._study.videos))
        if given is not None and video != current.name:
            raise HTTPException(
                409, "Nothing was changed: this is not the video that you are asked about now."
            )
        self._first_shown_s.setdefault((rater.token_sha256, current.name), time.monotonic())
        while len(self._first_shown_s) > MOST_SHOWN:
            self._first_shown_s.pop(next(iter(self._first_shown_s)))
        return page(
            "rate",
            status=200 if given is None else 422,
            video=current,
            number=len(rater.answers) + 1,
            num_videos=len(self._study.videos),
            key=form_key(token),
            token=token,
            given=given or {},
            is_incomplete=given is not None,
        )

    async def _known(self, request: Request) -> Rater | None:
        token = request.cookies.get(self._cookie, "")
        return await run_in_threadpool(self._journal.rater, token) if token else None

    async def _required(self, request: Request) -> tuple[Rater, str]:
        rater = await self._known(request)
        if rater is None:
            raise HTTPException(
                403, "You are not known here yet: begin at the study's first page, with cookies allowed."
            )
        return rater, request.cookies[self._cookie]

    def _with_cookie(self, response: Response, token: str, request: Request) -> Response:
        response.set_cookie(
            self._cookie,
            token,
            max_age=COOKIE_DAYS * 86_400,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response


def _go(url: str) -> Response:
    return RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})


async def _problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    is_ours = problem.detail != HTTPStatus(problem.status_code).phrase
    message = problem.detail if is_ours else "There is no such page in this study."
    return page("problem", status=problem.status_code, message=message)
