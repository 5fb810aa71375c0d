"""Which video frames of a stretch of audio are masked for f_theta.

Source: CALS (arXiv 2305.19556) masks timesteps M; the poster is silent about how, so the spans are AV-HuBERT's
(arXiv 2201.02184): about 0.8 of the frames, in spans of 10.
"""

import math

import torch
from torch import Tensor


def span_mask(
    num_valid: Tensor,
    num_frames: int,
    *,
    mask_share: float,
    span_frames: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Masks random spans: as many as make `mask_share` the expected share of masked frames.

    Spans may overlap: n spans at random places leave a frame unmasked with probability (1 - span / T)^n.

    Args:
        num_valid: int64 (B,), frames of each stretch; the rest is padding and never masked.
        num_frames: T.
        mask_share: expected share of masked frames, in (0, 1).
        span_frames: length of a span; a shorter stretch is masked in spans of half its length.
        generator: of torch, on the CPU.

    Returns:
        bool (B, T), True where masked; every stretch has at least one masked and one unmasked frame.

    Raises:
        ValueError: a stretch shorter than 2 frames or longer than T.

    Example:
        >>> mask = span_mask(torch.tensor([100] * 50), 100, mask_share=0.8, span_frames=10)
        >>> 0.75 < mask.float().mean().item() < 0.85
        True
    """
    if num_valid.min() < 2 or num_valid.max() > num_frames:
        raise ValueError(f"num_valid {num_valid.tolist()}: every stretch needs 2 to {num_frames} frames")
    mask = torch.zeros(len(num_valid), num_frames, dtype=torch.bool)
    for row, length in enumerate(num_valid.tolist()):
        span = min(span_frames, max(1, length // 2))
        # Spans may begin before the stretch, so that its first frames are masked as often as the others.
        num_places = length + span - 1
        num_spans = max(1, round(math.log(1 - mask_share) / math.log(1 - span / num_places)))
        starts = torch.randint(1 - span, length, (num_spans,), generator=generator)
        hidden = (starts[:, None] + torch.arange(span)).flatten()
        mask[row, hidden[(hidden >= 0) & (hidden < length)]] = True
        if mask[row, :length].all():
            first = int(torch.randint(0, length - 1, (), generator=generator))
            mask[row, first : first + max(1, min(span, length // 4))] = False
    return mask
