"""HDR stays HDR: code values, labels and data on light of the source, with mouths in its own colours."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from assets.media.decoded_frame import DecodedFrame
from assets.media.display import Display, shown_frames
from pipelines.dubbing.frame_planes import FramePlanes
from pipelines.dubbing.hdr_colours import can_be_kept, in_colours_of, with_light_data
from pipelines.dubbing.output_format import ENCODERS
from pipelines.dubbing.paste_mouth import paste_mouth
from tests.pipelines.dubbing.dub_inputs import TO_CROP, write_audio
from tests.pipelines.dubbing.dub_outputs import dubbed
from tests.support.array_frames import astronaut
from tests.support.displayed_files import Stored, write_stored

SIZE = (400, 320)
SKIN = (200, 140, 120)
MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
LIGHT_DATA = {
    "libx265": {"x265-params": f"log-level=error:master-display={MASTERING}:max-cll=1000,400"},
    "libx264": {"x264-params": f"mastering-display={MASTERING}:cll=1000,400"},
}


def rows_of(frame: Any) -> list[np.ndarray]:
    return [
        np.frombuffer(p, "<u2").reshape(-1, p.line_size // 2)[: p.height, : p.width].copy()
        for p in frame.planes
    ]


def first_frame(path: Path) -> Any:
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def test_a_pasted_mouth_has_its_colour_and_the_rest_its_code_values(tmp_path: Path) -> None:
    path = write_stored(tmp_path / "face.mp4", [astronaut()] * 2, Stored(transfer="HLG"))
    frame = first_frame(path)
    assert can_be_kept(frame)
    before = rows_of(frame)
    planes = FramePlanes(frame, pixel_format="yuv420p10le")
    mask = np.zeros((128, 128), np.float32)
    mask[70:120, 40:90] = 1
    paste_mouth(planes, in_colours_of(frame, np.full((128, 128, 3), SKIN, np.uint8)), TO_CROP, mask)
    drawn = planes.frame()
    drawn.color_trc, drawn.color_primaries = frame.color_trc, frame.color_primaries
    drawn.pts, drawn.time_base = 0, frame.time_base
    weight = cv2.warpAffine(mask, TO_CROP, SIZE, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    untouched = cv2.dilate(weight, np.ones((3, 3))) == 0
    assert np.array_equal(before[0][untouched], rows_of(drawn)[0][untouched])
    ((mapped, _),) = shown_frames([(drawn, 0)], Display(stored_width=400, stored_height=320, hdr="HLG"))
    shown = DecodedFrame(mapped).rgb()[weight > 0.999].mean(axis=0)
    assert np.abs(shown - SKIN).max() < 3


@pytest.mark.parametrize("codec", ["libx265", "libx264"])
def test_data_on_light_are_written_as_they_are_read(tmp_path: Path, codec: str) -> None:
    given = short_video(tmp_path / "given.mp4", codec, LIGHT_DATA[codec])
    options, lost = with_light_data({"preset": "ultrafast"}, codec, given)
    written = short_video(tmp_path / "written.mp4", codec, options)
    assert light_data_of(written) == light_data_of(given) and len(light_data_of(given)) == 2
    assert not lost
    assert with_light_data({}, "libsvtav1", given)[1] == [
        "mastering display data left out", "content light data left out",
    ]  # fmt: skip


def short_video(path: Path, codec: str, options: dict[str, str]) -> Any:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((96, 64), 512, np.uint16), format="yuv420p10le")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return first_frame(path)


def light_data_of(frame: Any) -> dict[str, bytes]:
    return {
        e.type.name: bytes(e) for e in frame.side_data if "LIGHT" in e.type.name or "MASTER" in e.type.name
    }


def test_a_dub_without_loss_keeps_pixels_and_labels_of_hdr(tmp_path: Path) -> None:
    video = write_stored(tmp_path / "face.mp4", [astronaut()] * 14, Stored(transfer="HLG"))
    audio = write_audio(tmp_path / "a.wav", 0.5)
    result = dubbed(video, audio, tmp_path / "dub.mp4", lossless=True)
    given, written = first_frame(video), first_frame(result.out)
    labels = [(f.color_trc, f.color_primaries, f.colorspace, f.format.name) for f in (given, written)]
    assert labels[0] == labels[1] == (18, 9, 9, "yuv420p10le")
    before, after = rows_of(given)[0], rows_of(written)[0]
    assert np.array_equal(before[:, 260:], after[:, 260:]) and np.array_equal(before[:90], after[:90])
    assert (np.abs(before.astype(int) - after) > 100).sum() > 50, "no mouth was drawn"
    assert result.frame_changes == "HLG kept, mouths within BT.709, up to 75 %"
    assert ENCODERS["hevc"].name in result.written
