"""Footage of kinds that corpora hold and that readers get wrong: 2 s each, with what must come of it.

Each file shows four grey quarters, so that a turned or mirrored frame is told from an upright one, and flashes and beeps
at the same instants. A part that teaches the readers another kind adds its files here, with the right value.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.support.displayed_files import ORIENTATIONS, Stored, write_stored
from tests.support.media_files import FlashFile, make_flash_file
from tests.support.other_streams import KINDS, with_stream_first

# Grey of the quarters: top left, top right, bottom left, bottom right.
QUARTERS = (20, 60, 100, 140)
SIZE = (160, 96)
FLASHES_S = (0.6, 1.24)
SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Footage:
    """One file and what comes of it.

    Args:
        name: of the file, with its suffix.
        write: writes it.
        reason: of the rejection; None where the file is one clip.
        size: (width, height) of the upright frame.
        num_frames: of the clip at 25 fps, to within one.
        flash_times_s: true times of flashes and beeps after the first frame.
        flash_s: how far a flash may be from its time, seconds.
        path: the name in the tables, where it differs.
    """

    name: str
    write: Callable[[Path], object]
    reason: str | None = None
    size: tuple[int, int] = SIZE
    num_frames: int = 50
    flash_times_s: tuple[float, ...] = FLASHES_S
    flash_s: float = 0.0201
    path: str | None = field(default=None)


def quarters(size: tuple[int, int] = SIZE) -> Callable[[float], np.ndarray]:
    """Draws the four quarters, (H, W, 3) uint8."""
    width, height = size
    frame = np.zeros((height, width, 3), np.uint8)
    halves = (
        (slice(0, height // 2), slice(height // 2, None)),
        (slice(0, width // 2), slice(width // 2, None)),
    )
    for number, grey in enumerate(QUARTERS):
        frame[halves[0][number // 2], halves[1][number % 2]] = grey
    return lambda time_s: frame


def flashing(**fields: object) -> FlashFile:
    """A file of 2 s with the quarters."""
    size = fields.get("size", SIZE)
    given = {"duration_s": SECONDS, "flash_times_s": FLASHES_S, "draw": quarters(size)} | fields  # type: ignore[arg-type]
    return FlashFile(**given)  # type: ignore[arg-type]


def plain(name: str, spec: FlashFile, **expected: object) -> Footage:
    """Footage of one flash file."""

    def write(path: Path) -> None:
        made = make_flash_file(path.with_name(f"temporary.{spec.suffix}"), spec)
        made.path.rename(path)

    times = spec.frame_times_s or [float(i / spec.fps) for i in range(round(spec.duration_s * spec.fps))]
    flashes = tuple(min(times, key=lambda t: abs(t - wanted)) for wanted in spec.flash_times_s)
    known = {"flash_times_s": flashes, "size": spec.size} | expected
    return Footage(name=f"{name}.{spec.suffix}", write=write, **known)  # type: ignore[arg-type]


def odd_footage() -> list[Footage]:
    """All of it, names apart."""
    found = [
        *_rates_and_starts(), *_frames_without_stamps(), *_geometry(), *_audio(), *_channels(), *_further_containers(), *_stored_otherwise(), *_other_streams(), *_names(), *_cut_short(), *_not_footage(),
    ]  # fmt: skip
    assert len({one.name for one in found}) == len(found)
    return found


def _rates_and_starts() -> Iterator[Footage]:
    for suffix in ("mp4", "mov", "mkv", "ts", "mpg", "avi"):
        for rate in (Fraction(24_000, 1001), Fraction(30_000, 1001), Fraction(50)):
            yield plain(f"rate_{float(rate):.0f}", flashing(suffix=suffix, fps=rate))
    for suffix in ("mp4", "mov", "mkv", "ts"):
        for late_s in (0.2, -0.2):
            # what only one stream covers is left out
            yield plain(
                f"audio_late_{late_s:+.1f}", flashing(suffix=suffix, audio_late_s=late_s), num_frames=45
            )
        yield plain("audio_short", flashing(suffix=suffix, audio_short_s=0.4), num_frames=40)
    uneven = tuple(
        float(t) for t in np.cumsum([0.0] + [[0.02, 0.05, 0.033, 0.06, 0.0167][i % 5] for i in range(54)])
    )
    held = tuple(t for t in np.arange(50) / 25 if not (0.7 < t < 1.1 or 1.4 < t < 1.7))
    for suffix in ("mp4", "mkv", "mov"):
        yield plain(
            "uneven_times", flashing(suffix=suffix, frame_times_s=uneven), num_frames=round(uneven[-1] * 25)
        )
        yield plain("held_frames", flashing(suffix=suffix, frame_times_s=held))


def _frames_without_stamps() -> Iterator[Footage]:
    """AVI counts frames in the order in which they are stored."""
    options = {
        "none": {"bf": "0"},
        "some": {"bf": "2"},
        "pyramid": {"bf": "3", "x264-params": "b-pyramid=normal:b-adapt=0"},
    }
    for name, given in options.items():
        spec = flashing(suffix="avi", video_codec="libx264", video_options={"preset": "fast"} | given)
        yield plain(f"h264_b_frames_{name}", spec)
    for name, given in {"some": {"bf": "2"}, "short": {"bf": "2", "g": "12"}}.items():
        yield plain(f"xvid_b_frames_{name}", flashing(suffix="avi", video_codec="mpeg4", video_options=given))


def _geometry() -> Iterator[Footage]:
    for turn in (90, 180, 270):
        for suffix in ("mp4", "mov"):
            size = SIZE if turn == 180 else (96, 160)
            yield plain(f"turned_{turn}", flashing(suffix=suffix, rotation=turn, size=size))
    for width, height in ((96, 160), (320, 64), (64, 320), (162, 98), (640, 360)):
        yield plain(f"size_{width}x{height}", flashing(size=(width, height)))
    yield plain("too_small", flashing(size=(62, 96)), reason="too_small")
    for pixels in ("yuv422p", "yuv444p", "yuv420p10le", "yuvj420p"):
        yield plain(f"pixels_{pixels}", flashing(suffix="mkv", pixel_format=pixels))
    for codec, suffix in (("libx265", "mp4"), ("ffv1", "mkv"), ("libvpx-vp9", "webm")):
        yield plain(f"codec_{codec}", flashing(suffix=suffix, video_codec=codec))


def _audio() -> Iterator[Footage]:
    for codec, suffix in (
        ("mp2", "mpg"), ("ac3", "ts"), ("flac", "mkv"), ("libopus", "mkv"), ("alac", "mov"), ("pcm_u8", "avi"), ("pcm_f32le", "mov"),
        ("pcm_s24le", "mov"), ("eac3", "mp4"),
    ):  # fmt: skip
        yield plain(f"audio_{codec}", flashing(suffix=suffix, audio_codec=codec))
    for rate in (8_000, 11_025, 22_050, 32_000, 96_000):
        yield plain(f"audio_{rate}_hz", flashing(suffix="mov", sample_rate_hz=rate))
    for layout in ("mono", "quad", "5.0", "5.1"):
        yield plain(f"audio_{layout}", flashing(suffix="mkv", audio_codec="flac", layout=layout))


def _channels() -> Iterator[Footage]:
    """Of two channels the part that carries the audio, at its level."""
    kinds = {
        "left": (1, 0),
        "right": (0, 1),
        "inverted": (1, -1),
        "inverted_quieter": (1, -0.8),
        "unequal": (1, 0.7),
    }
    for name, gains in kinds.items():
        for suffix in ("mov", "mp4"):
            yield plain(f"channels_{name}", flashing(suffix=suffix, gains=gains))


def _further_containers() -> Iterator[Footage]:
    for suffix in ("vob", "mxf", "asf", "ogv", "f4v", "3g2", "flv"):
        # the first two blocks of Windows Media audio only start its decoder
        yield plain("container", flashing(suffix=suffix), num_frames=48 if suffix == "asf" else 50)
    for rate in (1, 5):
        for suffix in ("mp4", "mkv"):
            spec = flashing(suffix=suffix, fps=Fraction(rate), duration_s=4.0)
            yield plain(f"rate_{rate}", spec, reason="frame_rate")


def _stored_otherwise() -> Iterator[Footage]:
    """Frames that are stored in another way than they are displayed: turned, mirrored, squeezed, in fields, in HDR."""

    def given(
        name: str, stored: Stored, size: tuple[int, int] = (192, 128), suffix: str = "mp4", **expected: object
    ) -> Footage:
        frames = [quarters(size)(0.0)] * (50 if stored.is_interlaced else 25)
        known = {"size": size, "num_frames": 25, "flash_times_s": ()} | expected
        return Footage(
            name=f"{name}.{suffix}", write=lambda path: write_stored(path, frames, stored), **known
        )  # type: ignore[arg-type]

    for orientation in ORIENTATIONS:
        yield given(f"shown_{orientation}".replace(" ", "_"), Stored(orientation=orientation))
    for aspect in ("16/15", "4/3", "8/9", "2", "1/2"):
        yield given(f"pixels_{aspect.replace('/', '_to_')}", Stored(pixel_aspect=Fraction(aspect)))
    yield given("pixels_4_to_3_turned", Stored(pixel_aspect=Fraction(4, 3), orientation=ORIENTATIONS[6]))
    yield given("pixels_2", Stored(pixel_aspect=Fraction(2)), suffix="mkv")
    yield given("pixels_4", Stored(pixel_aspect=Fraction(4)))
    yield given("pixels_5", Stored(pixel_aspect=Fraction(5)), reason="pixel_aspect")
    for codec, suffix in (("libx264", "mp4"), ("libx264", "mkv"), ("mpeg2video", "ts")):
        yield given("fields", Stored(is_interlaced=True, codec=codec), suffix=suffix)
    for transfer in ("PQ", "HLG"):
        for suffix in ("mp4", "mkv"):
            yield given(transfer.lower(), Stored(transfer=transfer), suffix=suffix)
    all_at_once = Stored(orientation=ORIENTATIONS[4], pixel_aspect=Fraction(2), is_interlaced=True)
    yield given("fields_pixels_and_mirror", all_at_once)


def _other_streams() -> Iterator[Footage]:
    def writer(kind: str, suffix: str) -> Callable[[Path], None]:
        def write(path: Path) -> None:
            folder = path.with_name("parts")
            folder.mkdir(exist_ok=True)
            spec = flashing(suffix=suffix, audio_codec="aac")
            source = make_flash_file(folder / f"source.{suffix}", spec).path
            with_stream_first(source, folder, kind).rename(path)  # type: ignore[arg-type]
            for part in folder.iterdir():
                part.unlink()
            folder.rmdir()

        return write

    for kind in KINDS:
        for suffix in ("mkv", "mp4"):
            name = f"{kind}_beside_{suffix}.{'mp4' if kind == 'cover' else 'mkv'}"
            yield Footage(name=name, write=writer(kind, suffix))


def _names() -> Iterator[Footage]:
    names = {
        b"\xff\xfe.mp4": r"\xff\xfe.mp4",
        b"latin \xe9.mp4": r"latin \xe9.mp4",
        "caf\u00e9.mp4".encode(): "caf\u00e9.mp4",
        "cafe\u0301 apart.mp4".encode(): "cafe\u0301 apart.mp4",
        b"clear\x1b[2J.mp4": r"clear\x1b[2J.mp4",
        b"title\x1b]0;x\x07.mp4": r"title\x1b]0;x\x07.mp4",
        b"line\nbreak.mp4": r"line\x0abreak.mp4",
        b"return\r.mp4": r"return\x0d.mp4",
        "\u202egpm.mp4".encode(): r"\xe2\x80\xaegpm.mp4",
        "csi\u009b2J.mp4".encode(): r"csi\xc2\x9b2J.mp4",
        b"back\\slash.mp4": r"back\\slash.mp4",
        b"%d percent%s.mp4": "%d percent%s.mp4",
        b"-rf.mp4": "-rf.mp4",
        b"'quotes\" $HOME `x`.mp4": "'quotes\" $HOME `x`.mp4",
        b"n" * 251 + b".mp4": "n" * 251 + ".mp4",
        b"http:x.mp4": "http:x.mp4",
    }
    for name, path in names.items():
        spec = plain("name", flashing(suffix="mp4"))
        yield replace(spec, name=os.fsdecode(name), path=path)


def _cut_short() -> Iterator[Footage]:
    """A file whose end is missing is no shorter clip."""

    def writer(spec: FlashFile, share: float) -> Callable[[Path], None]:
        def write(path: Path) -> None:
            plain("whole", spec).write(path)
            path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

        return write

    for suffix, reason in (("mp4", "not_a_video"), ("mkv", "damaged"), ("mov", "not_a_video")):
        for share in (0.3, 0.5):
            spec = flashing(suffix=suffix)
            yield Footage(name=f"cut_at_{share}.{suffix}", write=writer(spec, share), reason=reason)
    early = flashing(mux={"movflags": "faststart"})
    for share in (0.5, 0.8):
        yield Footage(name=f"cut_faststart_{share}.mp4", write=writer(early, share), reason="damaged")


def _not_footage() -> Iterator[Footage]:
    contents = {
        "empty.mp4": (b"", "empty_file"),
        "zeros.mkv": (bytes(50_000), "not_a_video"),
        "text.mov": (b"this is no video\n" * 50, "not_a_video"),
        "playlist.ts": (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", "not_a_video"),
        "script.avi": (
            b"<?xml version='1.0'?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>",
            "not_a_video",
        ),
        "list.mpg": (b"ffconcat version 1.0\nfile /etc/passwd\n", "not_a_video"),
        "page.webm": (b"<html><script>1</script></html>", "not_a_video"),
        "pickle.mp4": (b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix", "not_a_video"),
    }
    for name, (data, reason) in contents.items():
        yield Footage(name=name, write=lambda path, data=data: path.write_bytes(data), reason=reason)  # type: ignore[misc]
    yield plain("one_frame", flashing(duration_s=0.04, flash_times_s=()), reason="too_short")
    yield plain("three_frames", flashing(duration_s=0.12, flash_times_s=(), suffix="mkv"), reason="too_short")
    yield plain(
        "high_rate", flashing(fps=Fraction(1000), duration_s=0.5, flash_times_s=()), reason="frame_rate"
    )
