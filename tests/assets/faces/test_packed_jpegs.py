"""Crops of a clip as one run of JPEGs."""

from __future__ import annotations

import numpy as np

from assets.faces.packed_jpegs import pack_jpegs, unpack_jpegs


def test_packed_jpegs_play_as_mjpeg_and_open_one_by_one() -> None:
    crops = [np.full((128, 128, 3), (20 * k, 255 - 20 * k, 90), np.uint8) for k in range(5)]
    blob, offsets = pack_jpegs(crops, 95)
    assert offsets[0] == 0 and offsets[-1] == len(blob) and offsets.dtype == np.int64
    assert all(blob[start : start + 2] == b"\xff\xd8" for start in offsets[:-1])
    chosen = unpack_jpegs(blob, offsets, [4, 1])
    assert chosen.shape == (2, 128, 128, 3)
    assert np.abs(chosen[0].astype(int) - crops[4]).max() <= 2
    assert pack_jpegs(crops, 95)[0] == blob
