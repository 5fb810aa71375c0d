"""Command of dubbing: ``cals dub``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from pipelines.dubbing.settings import FITS

Command = Callable[[argparse.Namespace], int]
Add = Callable[[str, Command, str], argparse.ArgumentParser]


def add_commands(add: Add) -> None:
    """Adds the command; ``add(name, run, text)`` makes a sub-command and returns its parser."""
    dubbing = add("dub", _dub, "make a face in a video, or in a photograph, speak a given sound")
    dubbing.add_argument("--video", required=True, metavar="V", help="a video, or one photograph, of a face")
    dubbing.add_argument("--audio", required=True, metavar="A", help="a sound file, or a video with sound")
    dubbing.add_argument("--out", required=True, metavar="O", help="MP4 to write")
    dubbing.add_argument(
        "--model",
        metavar="M",
        help="a model's folder, DATASET or DATASET/METHOD (default: the newest registered cals generator)",
    )
    dubbing.add_argument(
        "--face",
        metavar="N",
        type=int,
        action="append",
        default=[],
        help="which of several faces, as they are listed without it; may be repeated",
    )
    dubbing.add_argument(
        "--fit",
        choices=FITS,
        default="trim",
        help="trim: end with the shorter of picture and sound (default); loop: last as long as the sound, the video "
        "begins again; hold: last as long as the longer, with the last picture or with silence. A photograph lasts "
        "as long as the sound.",
    )
    dubbing.add_argument("--mark", action="store_true", help="draw a small visible mark: SYNTHETIC")


def _dub(arguments: argparse.Namespace) -> int:
    from assets.project.settings import load_project
    from pipelines.dubbing.dub import DubInputs
    from pipelines.dubbing.run import run_dub
    from pipelines.dubbing.settings import DubSettings

    settings = DubSettings(fit=arguments.fit, faces=tuple(arguments.face), mark=arguments.mark)
    inputs = DubInputs(video=Path(arguments.video), audio=Path(arguments.audio), out=Path(arguments.out))
    run_dub(load_project(), inputs, arguments.model, settings, print)
    return 0
