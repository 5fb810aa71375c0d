"""``cals dub``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.cli.command import Add, open_project
from pipelines.cli.errors import EXIT_NOT_DONE, print_problems
from pipelines.dubbing.settings import CODECS, CONTAINERS, FITS, SPEAKER, DubSettings

if TYPE_CHECKING:
    from pipelines.dubbing.dub import DubInputs


def add_command(add: Add) -> None:
    parser = add(
        "dub", _dub, "generate a video in which a face, from a video or a photograph, speaks given audio"
    )
    parser.add_argument("--video", metavar="V", help="a video, or one photograph, of a face")
    parser.add_argument("--audio", metavar="A", help="an audio file, or a video with audio")
    parser.add_argument("--out", metavar="O", help="file to write: .mp4, .mkv or .mov")
    parser.add_argument(
        "--cast",
        metavar="TABLE",
        help="in place of --audio and --face a CSV of several faces with several audios: columns face, audio, from, to and, "
        "where wanted, audio_from (times as 62.5 or 1:02.5); a face without audio rests, an audio without face is only added",
    )
    parser.add_argument(
        "--list",
        metavar="TABLE",
        help="a CSV in place of these three: columns video, audio, out and, where wanted, model, face (1, 1 2 or speaker), fit, "
        "cast (in place of audio and face); one dub a row, paths from the table's folder",
    )
    _add_model(parser)
    parser.add_argument(
        "--face",
        metavar="N",
        type=_face,
        action="append",
        default=[],
        help="which of several faces, as --faces numbers them; may be repeated. speaker: the one whose lips go with the "
        "video's own audio",
    )
    parser.add_argument(
        "--faces",
        metavar="SHEET",
        help="with --video alone: write no dub but a PNG of the video's faces, one labelled row each, to choose --face by",
    )
    parser.add_argument(
        "--fit",
        choices=FITS,
        default="trim",
        help="trim: end with the shorter of video and audio (default); loop: last as long as the audio, the video "
        "starts again; hold: last as long as the longer, with the last frame or with silence. A photograph lasts "
        "as long as the audio.",
    )
    parser.add_argument(
        "--no-rest",
        action="store_true",
        help="follow the audio also where it holds no speech (for whispered or sung words that are not found); without "
        "it, mouths are closed there",
    )
    _add_output(parser)
    parser.add_argument("--mark", action="store_true", help="draw a small visible mark: SYNTHETIC")


def _add_model(parser: argparse.ArgumentParser) -> None:
    """Which model generates the mouths."""
    parser.add_argument(
        "--model",
        metavar="M",
        help="a model's folder, DATASET or DATASET/METHOD (default: the newest registered cals generator)",
    )
    parser.add_argument(
        "--adapt",
        metavar="MINUTES",
        type=float,
        help="first continue a trained generator on the person in the video, for about so long (cals adapt); a video that was "
        "adapted to before keeps its model",
    )
    parser.add_argument(
        "--base",
        metavar="DATASET",
        help="with --adapt: whose models are adapted (default: the dataset of the newest generator)",
    )
    parser.add_argument(
        "--force-model",
        action="store_true",
        help="dub with a model, too, whose training shows that its mouths do not follow the audio",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    """How the file is written."""
    parser.add_argument(
        "--codec",
        choices=CODECS,
        default="auto",
        help="of the video (default auto: h264, or hevc where the video has more than 8 bits a sample)",
    )
    quality = parser.add_mutually_exclusive_group()
    quality.add_argument(
        "--quality",
        metavar="CRF",
        type=int,
        help="constant quality, 0 (best) to 51, av1 to 63 (default: no difference from the source is seen)",
    )
    quality.add_argument(
        "--lossless", action="store_true", help="keep all pixels but the mouth's bit for bit; large files"
    )
    parser.add_argument(
        "--container", choices=CONTAINERS, help="of the file (default: what the name of --out says)"
    )


def _face(text: str) -> int | str:
    if text == SPEAKER:
        return text
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: give a face's number or {SPEAKER}") from error


def _check_files(arguments: argparse.Namespace) -> None:
    given = [name for name in ("video", "audio", "out", "cast") if getattr(arguments, name) is not None]
    if arguments.list and given:
        raise ValueError(f"--list and --{given[0]}: the table names the files; give --list alone")
    if arguments.cast and (arguments.audio or arguments.face):
        other = "--audio" if arguments.audio else "--face"
        raise ValueError(f"--cast and {other}: the table names faces and audios; give --cast alone")
    if arguments.base and arguments.adapt is None:
        raise ValueError(
            "--base without --adapt: it names the dataset whose models are adapted; give --adapt MINUTES too"
        )
    if arguments.adapt is not None and (arguments.model or arguments.list):
        other = "--model" if arguments.model else "--list"
        raise ValueError(f"--adapt and {other}: --adapt makes the model for one video; give one of the two")
    lacking = [name for name in ("video", "audio", "out") if name not in given]
    if arguments.cast and "audio" in lacking:
        lacking.remove("audio")
    if not arguments.list and lacking:
        options = ", ".join(f"--{name}" for name in lacking)
        raise ValueError(
            f"lacking: {options}; give --video, --audio and --out, or --list (or --cast in place of --audio)"
        )


def _sheet(arguments: argparse.Namespace) -> int:
    given = [name for name in ("audio", "out", "cast", "list", "face") if getattr(arguments, name)]
    if given:
        raise ValueError(
            f"--faces and --{given[0]}: a sheet of faces is written without a dub; give --video alone"
        )
    if arguments.video is None:
        raise ValueError("lacking: --video; give the video whose faces the sheet shows")
    from pipelines.dubbing.run import run_sheet

    run_sheet(open_project(), Path(arguments.video), Path(arguments.faces), arguments.model, print)
    return 0


def _dub(arguments: argparse.Namespace) -> int:
    if arguments.faces is not None:
        return _sheet(arguments)
    _check_files(arguments)
    from pipelines.dubbing.cast_table import read_cast
    from pipelines.dubbing.dub import DubInputs
    from pipelines.dubbing.run import run_dub
    from pipelines.dubbing.run_list import run_list

    settings = DubSettings(
        fit=arguments.fit,
        faces=tuple(face for face in arguments.face if face != SPEAKER),
        speaker=SPEAKER in arguments.face,
        mark=arguments.mark,
        force_model=arguments.force_model,
        rest=not arguments.no_rest,
        codec=arguments.codec,
        quality_crf=arguments.quality,
        lossless=arguments.lossless,
    )
    if arguments.list and arguments.container:
        raise ValueError("--container with --list; the names in its column out say the containers")
    if arguments.list:
        done = run_list(open_project(), Path(arguments.list), arguments.model, settings, print)
        return 0 if done else EXIT_NOT_DONE
    inputs = DubInputs(
        video=Path(arguments.video),
        audio=None if arguments.cast else Path(arguments.audio),
        out=Path(arguments.out),
        container=arguments.container,
        cast=read_cast(Path(arguments.cast)) if arguments.cast else None,
    )
    if arguments.adapt is not None:
        return _adapt_and_dub(arguments, inputs, settings)
    run_dub(open_project(), inputs, arguments.model, settings, print)
    return 0


def _adapt_and_dub(arguments: argparse.Namespace, inputs: DubInputs, settings: DubSettings) -> int:
    from pipelines.adapt import Adaptation, adapt_once
    from pipelines.dubbing.run import check_files, run_dub

    check_files(inputs, settings)
    wanted = Adaptation(video=inputs.video, base=arguments.base, minutes=arguments.adapt)
    adapted = adapt_once(open_project(), wanted, print)
    print_problems(adapted.outcome)
    if not adapted.outcome.ok:
        return EXIT_NOT_DONE
    run_dub(adapted.project, inputs, f"{adapted.dataset}/{wanted.method}", settings, print)
    return 0
