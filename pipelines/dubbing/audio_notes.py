"""What was done to a dub's audio, in words."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_LISTED = 3
# Shorter stretches are delays of codecs and containers.
NAMED_FROM_S = 0.02


@dataclass(kw_only=True)
class AudioNotes:
    """Collected while a file's audio is read; times in seconds.

    Attributes:
        late_s: silence before audio that starts late.
        early_s: audio before the first video frame, left out.
        gaps: (start, length) of the gaps in the time stamps, which are silence.
        overlap_s: audio that came twice by its time stamps, left out.
        jumps: (time, length) of jumps of the time stamps that are no gaps.
        num_no_numbers: resampled samples that were not finite, which are silence.
        shapes: (time, rate in Hz, layout) wherever one of them changes.
    """

    late_s: float = 0.0
    early_s: float = 0.0
    gaps: list[tuple[float, float]] = field(default_factory=list)
    overlap_s: float = 0.0
    jumps: list[tuple[float, float]] = field(default_factory=list)
    num_no_numbers: int = 0
    shapes: list[tuple[float, int, str]] = field(default_factory=list)

    def add_silence(self, length_s: float, at_s: float, is_start: bool) -> None:
        if is_start:
            self.late_s = length_s
        else:
            self.gaps.append((at_s, length_s))

    def add_left_out(self, length_s: float, is_start: bool) -> None:
        if is_start:
            self.early_s = length_s
        else:
            self.overlap_s += length_s

    def add_jump(self, length_s: float, at_s: float) -> None:
        self.jumps.append((at_s, length_s))

    def add_shape(self, rate_hz: int, layout: str, at_s: float) -> None:
        if self.shapes and at_s - self.shapes[-1][0] < NAMED_FROM_S:  # a decoder that had not settled
            at_s = self.shapes.pop()[0]
        if not self.shapes or self.shapes[-1][1:] != (rate_hz, layout):
            self.shapes.append((at_s, rate_hz, layout))

    def lines(self) -> list[str]:
        """What a person should know, each in a few words; empty for audio that is taken as it is."""
        said = []
        if self.late_s >= NAMED_FROM_S:
            said.append(f"starts late: {self.late_s:.2f} s of silence before it")
        if self.early_s >= NAMED_FROM_S:
            said.append(f"{self.early_s:.2f} s before the first video frame left out")
        if self.gaps:
            total_s = sum(length_s for _, length_s in self.gaps)
            places = _listed([f"{length_s:.2f} s at {at_s:.2f} s" for at_s, length_s in self.gaps])
            said.append(f"{total_s:.2f} s of gaps kept as silence ({places})")
        if self.overlap_s >= NAMED_FROM_S:
            said.append(f"{self.overlap_s:.2f} s that came twice left out")
        if self.jumps:
            places = _listed([f"by {length_s:+.1f} s at {at_s:.2f} s" for at_s, length_s in self.jumps])
            said.append(f"time stamps jump {places}; the audio goes on there")
        if self.num_no_numbers:
            said.append(f"{self.num_no_numbers} samples are no numbers: silence there")
        if len(self.shapes) > 1:
            changes = [f"{rate} Hz {layout} from {at_s:.2f} s" for at_s, rate, layout in self.shapes]
            said.append(f"rate or layout changes: {_listed(changes)}")
        return said


def _listed(words: list[str]) -> str:
    more = len(words) - MOST_LISTED
    return ", ".join(words[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
