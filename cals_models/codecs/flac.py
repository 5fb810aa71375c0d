"""FLAC decoder in numpy, for machines without soundfile; lossless.

It decodes what the shards hold: one channel of 16-bit samples. It does not verify the frames' checksums: a shard's
sha256 is verified before any byte of it is read.

Source: RFC 9639 (Free Lossless Audio Codec).
"""

import numpy as np
import numpy.typing as npt

_FIXED = ((), (1,), (2, -1), (3, -3, 1), (4, -6, 4, -1))
_BLOCK_SIZES = {
    1: 192,
    **{n: 576 << (n - 2) for n in range(2, 6)},
    **{n: 256 << (n - 8) for n in range(8, 16)},
}


class FlacError(ValueError):
    """A file that this decoder cannot read; the message says what would be right."""


def decode_flac(data: bytes | memoryview) -> tuple[npt.NDArray[np.int16], int]:
    """Decodes a FLAC file of one channel and 16 bits.

    Args:
        data: the whole file.

    Returns:
        int16 (samples,) and the rate in Hz.

    Raises:
        FlacError: no FLAC, damaged, or of other channels or bits.
    """
    file = bytes(data)
    if file[:4] != b"fLaC":
        raise FlacError("does not begin as a FLAC file does")
    position, last, rate, total = 4, False, 0, 0
    while not last:
        kind, size = file[position] & 127, int.from_bytes(file[position + 1 : position + 4], "big")
        last = bool(file[position] & 128)
        if kind == 0:
            facts = int.from_bytes(file[position + 14 : position + 22], "big")
            rate, channels, bits = facts >> 44, (facts >> 41 & 7) + 1, (facts >> 36 & 31) + 1
            total = facts & ((1 << 36) - 1)
            if channels != 1 or bits != 16:
                raise FlacError(
                    f"has {channels} channels of {bits} bits; 1 channel of 16 bits is decoded here"
                )
        position += 4 + size
    bits_left = _Bits(file, 8 * position)
    samples: list[int] = []
    try:
        while len(samples) < total:
            samples += _frame(bits_left)
    except IndexError as error:
        raise FlacError(f"ends after {len(samples)} of {total} samples") from error
    return np.array(samples[:total], np.int16), rate


class _Bits:
    """A bit stream, read from front to back."""

    def __init__(self, data: bytes, position: int) -> None:
        bits = np.unpackbits(np.frombuffer(data, np.uint8))
        self.position = position
        self._text = (
            (bits + ord("0")).astype(np.uint8).tobytes()
        )  # b"0110...": an integer is int(text, 2), a run of zeros is a search

    def take(self, count: int) -> int:
        if count == 0:
            return 0
        start = self.position
        self.position = start + count
        if self.position > len(self._text):
            raise IndexError(start)
        return int(self._text[start : self.position], 2)

    def take_signed(self, count: int) -> int:
        value = self.take(count)
        return value - (1 << count) if count and value >> (count - 1) else value

    def zeros(self) -> int:
        """Number of zero bits up to the next one bit, which is read too."""
        start = self.position
        found = self._text.find(b"1", start)
        if found < 0:
            raise IndexError(start)
        self.position = found + 1
        return found - start

    def rice(self, count: int, low_bits: int) -> list[int]:
        """Rice-coded residuals: high part in unary, low part in binary, signs folded into the lowest bit."""
        text, position, values = self._text, self.position, []
        for _ in range(count):
            one = text.find(b"1", position)
            if one < 0:
                raise IndexError(position)
            end = one + 1 + low_bits
            if end > len(text):
                raise IndexError(end)
            value = one - position << low_bits
            if low_bits:
                value |= int(text[one + 1 : end], 2)
            position = end
            values.append(-(value >> 1) - 1 if value & 1 else value >> 1)
        self.position = position
        return values

    def align(self) -> None:
        self.position = (self.position + 7) // 8 * 8


def _frame(bits: _Bits) -> list[int]:
    if bits.take(15) != 0x7FFC:
        raise FlacError("is damaged: no frame where one must begin")
    bits.take(1)
    size_code, rate_code, channels, depth, _ = (
        bits.take(4),
        bits.take(4),
        bits.take(4),
        bits.take(3),
        bits.take(1),
    )
    if channels != 0 or depth not in (0, 4):
        raise FlacError("changes its channels or bits on the way; 1 channel of 16 bits is decoded here")
    for _ in range(_following(bits.take(8))):
        bits.take(8)
    size = (
        bits.take(8) + 1
        if size_code == 6
        else bits.take(16) + 1
        if size_code == 7
        else _BLOCK_SIZES[size_code]
    )
    bits.take({12: 8, 13: 16, 14: 16}.get(rate_code, 0))
    bits.take(8)
    samples = _subframe(bits, size, 16)
    bits.align()
    bits.take(16)
    return samples


def _following(first: int) -> int:
    """Bytes after the first one of a frame's number, which is coded like a UTF-8 character."""
    count = 0
    while first & (0x80 >> count):
        count += 1
    return max(0, count - 1)


def _subframe(bits: _Bits, size: int, depth: int) -> list[int]:
    bits.take(1)
    kind, wasted = bits.take(6), 0
    if bits.take(1):
        wasted = bits.zeros() + 1
    depth -= wasted
    if kind == 0:
        samples = [bits.take_signed(depth)] * size
    elif kind == 1:
        samples = [bits.take_signed(depth) for _ in range(size)]
    elif 8 <= kind <= 12:
        order = kind - 8
        warm_up = [bits.take_signed(depth) for _ in range(order)]
        samples = _restored(warm_up, _residuals(bits, size, order), _FIXED[order], 0)
    elif kind >= 32:
        order = kind - 31
        warm_up = [bits.take_signed(depth) for _ in range(order)]
        precision = bits.take(4) + 1
        shift = bits.take_signed(5)
        weights = tuple(bits.take_signed(precision) for _ in range(order))
        samples = _restored(warm_up, _residuals(bits, size, order), weights, shift)
    else:
        raise FlacError(f"is damaged: no subframe is of kind {kind}")
    return [sample << wasted for sample in samples] if wasted else samples


def _residuals(bits: _Bits, size: int, order: int) -> list[int]:
    width = 5 if bits.take(2) else 4
    partitions = 1 << bits.take(4)
    residuals: list[int] = []
    for number in range(partitions):
        count = size // partitions - (order if number == 0 else 0)
        low_bits = bits.take(width)
        if low_bits == (1 << width) - 1:
            raw = bits.take(5)
            residuals += [bits.take_signed(raw) for _ in range(count)]
        else:
            residuals += bits.rice(count, low_bits)
    return residuals


def _restored(warm_up: list[int], residuals: list[int], weights: tuple[int, ...], shift: int) -> list[int]:
    """Samples: each is its linear prediction from the ones before it, plus its residual."""
    order, samples = len(warm_up), list(warm_up)
    if order == 0:
        return residuals
    backwards = weights[::-1]
    for residual in residuals:
        predicted = 0
        for weight, sample in zip(backwards, samples[-order:], strict=True):
            predicted += weight * sample
        samples.append((predicted >> shift) + residual)
    return samples
