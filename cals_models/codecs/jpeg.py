"""JPEG decoder in numpy, for machines without simplejpeg; the same pixels as simplejpeg, bit for bit.

All images of a call are decoded in lockstep, symbol by symbol, so that they share the cost of each array operation: the
more images at once, the faster. It decodes what the shards hold: baseline JPEG, Huffman-coded, RGB as YCbCr without
subsampling (4:4:4), one size and one set of tables for all images of a call.

Source: ITU-T T.81 (baseline sequential mode); the inverse transform and the colour conversion are those of the
Independent JPEG Group's library (jidctint.c after Loeffler, Ligtenberg & Moschytz 1989, jdcolor.c), in its integers.
Legend: N images, M blocks of 8 x 8 a component, C = 3 components, H, W.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]

_ZIGZAG = np.array([
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55,
    62, 63,
])  # fmt: skip
_IMAGES_AT_ONCE = 512
_BITS, _PASS_BITS = 13, 2


class JpegError(ValueError):
    """A JPEG that cannot be read; the message says what would be right."""


@dataclass(kw_only=True)
class _Header:
    """Everything before the coded bits; equal for all images that are decoded together."""

    height: int = 0
    width: int = 0
    num_bytes: int = 0
    quantisers: dict[int, Ints] = field(default_factory=dict)
    codes: dict[int, Ints] = field(default_factory=dict)
    components: list[tuple[int, int]] = field(default_factory=list)
    scan: dict[int, tuple[int, int]] = field(default_factory=dict)


def decode_jpegs(jpegs: Sequence[bytes | memoryview]) -> npt.NDArray[np.uint8]:
    """Decodes images of one size and one encoder.

    Args:
        jpegs: N whole files, at least one.

    Returns:
        uint8 (N, H, W, 3), RGB.

    Raises:
        JpegError: no JPEG, damaged, another kind than the shards hold, or with other tables than the first one.
    """
    files = [bytes(jpeg) for jpeg in jpegs]
    header = _read_header(files[0])
    for number, file in enumerate(files):
        if file[: header.num_bytes] != files[0][: header.num_bytes]:
            raise JpegError(f"image {number} has another size or other tables than image 0; decode it alone")
    parts = []
    for first in range(0, len(files), _IMAGES_AT_ONCE):
        scans = [file[header.num_bytes :] for file in files[first : first + _IMAGES_AT_ONCE]]
        parts.append(_pixels(_coefficients(scans, header), header))
    return np.concatenate(parts)


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, payload, and where the segment ends, up to the start of the scan."""
    if data[:2] != b"\xff\xd8":
        raise JpegError("does not begin as a JPEG does")
    position = 2
    while position + 4 <= len(data):
        mark, marker, size = struct.unpack(">BBH", data[position : position + 4])
        if mark != 0xFF:
            break
        end = position + 2 + size
        yield marker, data[position + 4 : end], end
        if marker == 0xDA:
            return
        position = end
    raise JpegError("ends before its scan begins")


def _read_header(data: bytes) -> _Header:
    header = _Header()
    try:
        for marker, payload, end in _segments(data):
            if marker == 0xDB:
                _read_quantisers(payload, header)
            elif marker == 0xC4:
                _read_codes(payload, header)
            elif marker == 0xC0:
                _read_frame(payload, header)
            elif marker == 0xDA:
                header.scan = {
                    payload[1 + 2 * n]: (payload[2 + 2 * n] >> 4, payload[2 + 2 * n] & 15)
                    for n in range(payload[0])
                }
                header.num_bytes = end
            elif 0xC1 <= marker <= 0xCF or (marker == 0xDD and payload != b"\0\0"):
                raise JpegError(
                    f"has the segment 0xff{marker:02x}; only baseline JPEG without restarts is decoded here"
                )
    except (IndexError, struct.error) as error:
        raise JpegError(f"has a damaged header ({error})") from error
    if len(header.components) != 3 or set(header.scan) != {name for name, _ in header.components}:
        raise JpegError("must hold three components in one scan")
    for name, table in header.components:
        direct, alternating = header.scan[name]
        if (
            table not in header.quantisers
            or direct not in header.codes
            or alternating + 16 not in header.codes
        ):
            raise JpegError("lacks a table that its scan names")
    return header


def _read_quantisers(payload: bytes, header: _Header) -> None:
    while payload:
        if payload[0] >> 4:
            raise JpegError("has 16-bit quantisers; 8-bit ones are decoded here")
        table = np.zeros(64, np.int32)
        table[_ZIGZAG] = np.frombuffer(payload[1:65], np.uint8)
        header.quantisers[payload[0]] = table
        payload = payload[65:]


def _read_codes(payload: bytes, header: _Header) -> None:
    """A table over the next 16 bits: 256 times the length of their code, plus its symbol; 0 where there is no code."""
    while payload:
        counts = payload[1:17]
        symbols = payload[17 : 17 + sum(counts)]
        table, code, taken = np.zeros(1 << 16, np.int32), 0, 0
        for length, count in enumerate(counts, start=1):
            for symbol in symbols[taken : taken + count]:
                table[code << (16 - length) : (code + 1) << (16 - length)] = length * 256 + symbol
                code += 1
            taken += count
            code <<= 1
        header.codes[payload[0]] = table
        payload = payload[17 + len(symbols) :]


def _read_frame(payload: bytes, header: _Header) -> None:
    precision, header.height, header.width, count = struct.unpack(">BHHB", payload[:6])
    if precision != 8 or header.height % 8 or header.width % 8 or not header.height or not header.width:
        raise JpegError("must have 8 bits a sample, height and width that are multiples of 8")
    for n in range(count):
        name, sampling, table = payload[6 + 3 * n : 9 + 3 * n]
        if sampling != 0x11:
            raise JpegError(
                "has subsampled colours; only 4:4:4 is decoded here: install simplejpeg for others"
            )
        header.components.append((name, table))


def _words(scans: Sequence[bytes]) -> npt.NDArray[np.int64]:
    """For each byte of each image the 32 bits that begin there, without the stuffed zeros: (N, longest)."""
    plain = [scan.replace(b"\xff\x00", b"\xff") for scan in scans]
    longest = max(map(len, plain)) + 8
    data = np.zeros((len(plain), longest), np.uint8)
    for row, scan in enumerate(plain):
        data[row, : len(scan)] = np.frombuffer(scan, np.uint8)
    words = np.zeros((len(plain), longest - 4), np.int64)
    for place in range(4):
        words |= data[:, place : longest - 4 + place].astype(np.int64) << (24 - 8 * place)
    return words


def _coefficients(scans: Sequence[bytes], header: _Header) -> Ints:
    """Coefficients (N, M, C, 64), before their quantisers are applied, in rows of 8."""
    count, num_blocks = len(scans), header.height * header.width // 64
    words = _words(scans)
    num_bits = 8 * words.shape[1]
    # code tables in rows: direct and alternating coefficients of each component
    tables = np.stack(
        [header.codes[header.scan[n][a] + 16 * a] for n, _ in header.components for a in (0, 1)]
    )
    out = np.zeros((count, num_blocks * 3 * 64), np.int32)
    position, block, place = (np.zeros(count, np.int64) for _ in range(3))
    rows = np.arange(count)
    while len(rows):
        at = position[rows]
        word = words[rows, at >> 3]
        table = 2 * (block[rows] % 3) + (place[rows] > 0)
        found = tables[table, (word >> (16 - (at & 7))) & 0xFFFF]
        if not found.all():
            raise JpegError(f"image {int(rows[np.argmin(found)])} is damaged: bits that are no code")
        at = at + (found >> 8)
        symbol = found & 255
        run, size = symbol >> 4, symbol & 15
        value = (words[rows, at >> 3] >> (32 - size - (at & 7))) & ((1 << size) - 1)
        value = np.where(value < (1 << size) >> 1, value - (1 << size) + 1, value)
        first = place[rows] == 0
        here = np.where(first, 0, place[rows] + run)
        if (here > 63).any() and (here[(size > 0) | (run == 15)] > 63).any():
            raise JpegError("an image is damaged: more than 64 coefficients in a block")
        some = size > 0
        out[rows[some], (block[rows] * 64 + _ZIGZAG[np.minimum(here, 63)])[some]] = value[some]
        ends = ~first & (size == 0) & (run != 15)
        after = np.where(ends, 64, here + 1)
        whole = after >= 64
        place[rows] = np.where(whole, 0, after)
        block[rows] += whole
        position[rows] = at + size
        if (position[rows] >= num_bits - 32).any():
            raise JpegError("an image is damaged: it ends before its last block")
        rows = rows[block[rows] < num_blocks * 3]
    blocks = out.reshape(count, num_blocks, 3, 64)
    blocks[..., 0] = np.cumsum(blocks[..., 0], axis=1)
    return blocks


def _pixels(blocks: Ints, header: _Header) -> npt.NDArray[np.uint8]:
    count, num_blocks = blocks.shape[:2]
    quantisers = np.stack([header.quantisers[table] for _, table in header.components])
    grid = (blocks * quantisers).reshape(count, num_blocks, 3, 8, 8)
    samples = _inverse_transform(_inverse_transform(grid, 3, _BITS - _PASS_BITS), 4, _BITS + _PASS_BITS + 3)
    planes = np.clip(samples + 128, 0, 255)
    high, wide = header.height // 8, header.width // 8
    planes = planes.reshape(count, high, wide, 3, 8, 8).transpose(0, 1, 4, 2, 5, 3)
    return _rgb(planes.reshape(count, header.height, header.width, 3))


def _fixed(value: float, bits: int = _BITS) -> int:
    return int(value * (1 << bits) + 0.5)


def _inverse_transform(grid: Ints, axis: int, descale_bits: int) -> Ints:
    """One pass of the inverse cosine transform along an axis of 8, in the IJG's integers."""
    x0, x1, x2, x3, x4, x5, x6, x7 = np.moveaxis(grid, axis, 0)
    shared = (x2 + x6) * _fixed(0.541196100)
    even2 = shared - x6 * _fixed(1.847759065)
    even3 = shared + x2 * _fixed(0.765366865)
    even0, even1 = (x0 + x4) << _BITS, (x0 - x4) << _BITS
    sums = [even0 + even3, even1 + even2, even1 - even2, even0 - even3]
    both = (x7 + x3 + x5 + x1) * _fixed(1.175875602)
    z1, z2 = (x7 + x1) * -_fixed(0.899976223), (x5 + x3) * -_fixed(2.562915447)
    z3, z4 = (x7 + x3) * -_fixed(1.961570560) + both, (x5 + x1) * -_fixed(0.390180644) + both
    odd = [
        x1 * _fixed(1.501321110) + z1 + z4,
        x3 * _fixed(3.072711026) + z2 + z3,
        x5 * _fixed(2.053119869) + z2 + z4,
        x7 * _fixed(0.298631336) + z1 + z3,
    ]
    half = 1 << (descale_bits - 1)
    upper = [(a + b + half) >> descale_bits for a, b in zip(sums, odd, strict=True)]
    lower = [(a - b + half) >> descale_bits for a, b in zip(sums, odd, strict=True)]
    return np.stack([*upper, *reversed(lower)], axis=axis)


def _rgb(planes: Ints) -> npt.NDArray[np.uint8]:
    """YCbCr (N, H, W, 3), 0 to 255, as RGB (JFIF), in 16-bit fixed point."""
    luma, blue, red = planes[..., 0], planes[..., 1] - 128, planes[..., 2] - 128
    half = 1 << 15
    green = (-_fixed(0.34414, 16) * blue + half - _fixed(0.71414, 16) * red) >> 16
    colours = [
        luma + ((_fixed(1.40200, 16) * red + half) >> 16),
        luma + green,
        luma + ((_fixed(1.77200, 16) * blue + half) >> 16),
    ]
    pixels: npt.NDArray[np.uint8] = np.clip(np.stack(colours, axis=-1), 0, 255).astype(np.uint8)
    return pixels
