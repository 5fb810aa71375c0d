"""The losses of `pc_avs` that no other method has. Lower is better for all of them.

Source: PC-AVS (arXiv 2104.11116); feature matching of pix2pixHD (arXiv 1711.11585).

Legend: N frames, C channels, H, W, D = 512 code, K word classes.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from cals_models.losses import info_nce

PYRAMID_LEVELS = 4


def pyramid_l1(preds: Tensor, target: Tensor, *, lower_half_weight: float = 1.0) -> Tensor:
    """L1 at the full size and after each of three halvings by means of 2 x 2 pixels: the mean over the four sizes.

    Args:
        preds, target: float (N, 3, H, W), RGB in [0, 1]; H and W multiples of 16.
        lower_half_weight: of a pixel in the lower half of the rows, where one of the upper half has 1; the weights are
            scaled to the mean 1.

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> black = torch.zeros(1, 3, 16, 16)
        >>> round(pyramid_l1(black + 0.5, black).item(), 4)
        0.5
    """
    if preds.shape != target.shape:
        raise ValueError(f"preds {tuple(preds.shape)}, target {tuple(target.shape)}: must be the same")
    terms = []
    difference = preds - target
    for _ in range(PYRAMID_LEVELS):
        upper, lower = difference.abs().chunk(2, dim=2)
        mean = (upper.mean() + lower_half_weight * lower.mean()) / (1 + lower_half_weight)
        terms.append(mean)
        difference = F.avg_pool2d(difference, 2)
    return torch.stack(terms).mean()


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """L1 between the discriminator's features of generated and of real frames, the mean over its layers.

    Args:
        fake, real: float (N, C, H, W), one a layer; no gradient reaches `real`.

    Returns:
        A scalar.

    Raises:
        ValueError: another number of layers, or shapes that differ.

    Example:
        >>> feature_matching([torch.ones(1, 2)], [torch.zeros(1, 2)]).item()
        1.0
    """
    if len(fake) != len(real) or any(a.shape != b.shape for a, b in zip(fake, real, strict=False)):
        raise ValueError(
            f"features {[tuple(one.shape) for one in fake]} and {[tuple(one.shape) for one in real]}: must be the same"
        )
    return torch.stack(
        [(a.float() - b.detach().float()).abs().mean() for a, b in zip(fake, real, strict=True)]
    ).mean()


def modal_contrast(mouth: Tensor, audio: Tensor, temperature: float) -> Tensor:
    """Softmax contrast both ways: a mouth code must find its audio's among the batch's, and the reverse; log N by chance.

    Args:
        mouth, audio: float (N, D), any length of the vectors; rows of the same number belong together.
        temperature: of the softmax over cosines, above 0.

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> eye = torch.eye(4)
        >>> round(modal_contrast(3 * eye, eye, 1.0).item(), 4)  # log(e + 3) - 1
        0.7437
    """
    if mouth.shape != audio.shape:
        raise ValueError(f"mouth {tuple(mouth.shape)}, audio {tuple(audio.shape)}: must be the same")
    mouth, audio = (F.normalize(codes.float(), dim=-1) for codes in (mouth, audio))
    return 0.5 * (info_nce(mouth, audio, temperature) + info_nce(audio, mouth, temperature))


def word_information(logits: Tensor, labels: Tensor) -> Tensor:
    """How far a classifier tells the words of frames apart: the Jensen-Shannon divergence of its answers, in nats.

    The mean over the frames of KL(p_i || mean of p): 0 where the classifier gives every frame the same answer, so that the
    codes it is given hold nothing that it could use.

    Args:
        logits: float (N, K), of the classifier.
        labels: int64 (N,), -1 where no word is spoken or known: not counted.

    Returns:
        A scalar; 0 where fewer than two frames count.

    Raises:
        ValueError: the shapes do not agree.

    Example:
        >>> sure = torch.tensor([[50.0, 0.0], [0.0, 50.0]])
        >>> round(word_information(sure, torch.tensor([0, 1])).item(), 4)  # log 2
        0.6931
    """
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"logits {tuple(logits.shape)}, labels {tuple(labels.shape)}: expected (N, K) and (N,)"
        )
    counted = labels >= 0
    if counted.sum() < 2:
        return logits.sum() * 0
    log_p = logits[counted].float().log_softmax(1)
    log_mean = log_p.logsumexp(0) - torch.log(counted.sum().float())
    return (log_p.exp() * (log_p - log_mean)).sum(1).mean()


def known_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of a classifier over the samples whose label is known (0 or more); 0 where none is.

    Args:
        logits: float (N, K).
        labels: int64 (N,), -1 where it is not known.

    Returns:
        A scalar.
    """
    if not (labels >= 0).any():
        return logits.sum() * 0
    return F.cross_entropy(logits.float(), labels, ignore_index=-1)
