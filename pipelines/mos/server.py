"""``cals mos serve``: one study on one port, on loopback by default, until it is interrupted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

from assets.mos.ratings import Journal
from assets.mos.study import Study, open_study
from assets.mos.videos import encode_videos, missing_videos
from assets.project.home import Home
from assets.workers.progress import progress_bar
from pipelines.mos.app import make_app
from pipelines.mos.kept_ratings import keep_ratings
from pipelines.web.connections import listen, serve_app

LOOPBACK = "127.0.0.1"
_LOCAL_NAMES = ["localhost", "127.0.0.1", "::1", "[::1]"]


def serve(
    home: Home,
    dataset: str,
    methods: Sequence[str],
    *,
    name: str,
    num_clips: int | None,
    host: str = LOOPBACK,
    port: int = 8400,
) -> int:
    """Encodes the videos that are missing, then serves until interrupted.

    Args:
        methods: shown in a new study; one that exists keeps its own.
        port: 0 takes a free one; the address is printed.

    Raises:
        ValueError: the port is in use, or the study can't be served.
    """
    listening = listen(host, port)
    study = open_study(home, dataset, methods, name=name, num_clips=num_clips)
    missing = missing_videos(study)
    if missing:
        with progress_bar(f"videos of study {study.name}", len(missing), "video") as advance:
            encode_videos(home, study, advance)
    keep_ratings(home, dataset)
    app = make_app(study, lambda: _keep(home, dataset), _LOCAL_NAMES if host == LOOPBACK else ["*"])
    _announce(study, host, listening.getsockname()[1])
    with suppress(KeyboardInterrupt):
        serve_app(app, listening)
    return 0


def _keep(home: Home, dataset: str) -> None:
    try:
        keep_ratings(home, dataset)
    except OSError as error:  # the answer is safe in the journal; the next one writes the part again
        print(f"cals mos: the warehouse's part was not written: {error}", file=sys.stderr, flush=True)


def _announce(study: Study, host: str, port: int) -> None:
    num_raters = len([rater for rater in Journal(study).raters() if rater.answers])
    shown = f"[{host}]" if ":" in host else host
    print(
        f"study {study.name} of {study.dataset}: {len(study.videos)} videos a rater "
        f"({len(study.clip_ids)} clips x {len(study.methods)} methods), {num_raters} raters so far\n"
        f"http://{shown}:{port}   (Ctrl-C ends it; answers are saved as they come)",
        flush=True,
    )
    if host != LOOPBACK:
        print(
            "open to whoever reaches this address, without encryption: put it behind a proxy with TLS",
            flush=True,
        )
