"""The losses of the paper's stages, as functions. Lower is better for all of them.

Sources: CALS (arXiv 2305.19556) for L_a2l, L_sync = d_av + d_vv and d_vv; SyncTalkFace (arXiv 2211.00924) where the
poster is silent; Wav2Lip (arXiv 2008.10010) for its sync loss.

Legend: B batch, S frames of a sequence, T video frames, D = 512, N pairs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def info_nce(lips: Tensor, audio: Tensor, temperature: Tensor | float, *, first_row: int = 0) -> Tensor:
    """Contrastive loss of matching pairs: each lip motion must find its audio among all candidates.

    -(1/N) sum_i log softmax_j(v_i a_j / tau)_i; log(M) by chance. With the arguments exchanged audio must find lips;
    training takes the mean of both.

    Args:
        lips: float (N, D), unit length.
        audio: float (M, D), unit length, M >= N; rows first_row .. first_row + N - 1 match the lips.
        temperature: tau > 0.
        first_row: 0 unless `audio` was gathered from several processes.

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes do not agree.

    Example:
        >>> eye = torch.eye(4)
        >>> round(info_nce(eye, eye, 1.0).item(), 4)  # log(e + 3) - 1
        0.7437
    """
    if (
        lips.ndim != 2
        or audio.ndim != 2
        or lips.shape[1] != audio.shape[1]
        or len(audio) < first_row + len(lips)
    ):
        raise ValueError(
            f"lips {tuple(lips.shape)}, audio {tuple(audio.shape)}: expected (N, D), (M >= N, D)"
        )
    target = torch.arange(first_row, first_row + len(lips), device=lips.device)
    return F.cross_entropy(lips.float() @ audio.float().T / temperature, target)


def audio_to_lip_loss(units: Tensor, targets: Tensor, counted: Tensor) -> Tensor:
    """L_a2l: squared distance of predicted units from F_v's on the counted timesteps.

    sum over t in M of ||z_t - e_t||^2, divided by the number of timesteps in M, so that it does not grow with the batch. In
    the paper M are the masked timesteps.

    Args:
        units: e, float (B, T, D).
        targets: z, float (B, T, D).
        counted: M, bool (B, T): all have a target.

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes differ, or nothing is counted.

    Example:
        >>> ones = torch.ones(1, 3, 2)
        >>> audio_to_lip_loss(ones, 0 * ones, torch.tensor([[True, False, True]])).item()
        2.0
    """
    if units.shape != targets.shape or counted.shape != units.shape[:2]:
        raise ValueError(
            f"units {tuple(units.shape)}, targets {tuple(targets.shape)}, counted {tuple(counted.shape)}:"
            " expected (B, T, D) twice and (B, T)"
        )
    if not counted.any():
        raise ValueError("counted: no step has a target; mask more frames or take longer stretches")
    return (units - targets).square().sum(-1)[counted].mean()


def sequence_contrast(
    queries: Tensor, keys: Tensor, temperature: float, *, first: Tensor, counted: Tensor
) -> Tensor:
    """Contrastive loss over time: each frame must match its own key among those of its sequence, the whole clip.

    -(1/S) sum_i log( exp(cos(q_i, k_i) / tau) / sum_j exp(cos(q_i, k_j) / tau) ), j over the counted keys, mean over the
    batch; about log(K) by chance. With queries F_v(generated) and keys F_v(true) it is d_vv (the paper's form has
    tau = 1); with keys F_a(true audio) it is d_av.

    Args:
        queries: float (B, S, D), any length of the vectors.
        keys: float (B, K, D), K >= S.
        temperature: tau > 0.
        first: int64 (B,), the key that matches query 0; query i matches key first + i.
        counted: bool (B, K), False for padding and for keys without a window. Those that match a query must be counted.

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes do not agree, or a sequence has fewer than two keys, for which the loss is 0 whatever is
            generated.

    Example:
        >>> eye = torch.eye(5)[None]
        >>> all_of_it = torch.ones(1, 5, dtype=torch.bool)
        >>> loss = sequence_contrast(eye[:, 1:3], eye, 1.0, first=torch.tensor([1]), counted=all_of_it)
        >>> round(loss.item(), 4)  # log(e + 4) - 1
        0.9048
    """
    if queries.ndim != 3 or keys.ndim != 3 or counted.shape != keys.shape[:2]:
        raise ValueError(
            f"queries {tuple(queries.shape)}, keys {tuple(keys.shape)}, counted {tuple(counted.shape)}:"
            " expected (B, S, D), (B, K, D) and (B, K)"
        )
    if (counted.sum(1) < 2).any():
        raise ValueError("counted: a sequence has fewer than two keys; the contrast needs at least 2")
    cosines = F.normalize(queries.float(), dim=-1) @ F.normalize(keys.float(), dim=-1).transpose(1, 2)
    logits = (cosines / temperature).masked_fill(~counted[:, None], float("-inf"))
    target = first[:, None] + torch.arange(queries.shape[1], device=queries.device)
    return F.cross_entropy(logits.flatten(0, 1), target.flatten())


def wav2lip_sync_loss(lips: Tensor, audio: Tensor) -> Tensor:
    """Wav2Lip's: binary cross-entropy of cos(F_v, F_a) as the probability of being in sync, target 1.

    -log( max(mean_i cos(v_i, a_i), 1e-4) ). Wav2Lip takes the logarithm of each cosine; its embeddings have no negative
    entries, ours may, and the logarithm of a cosine at the floor has no gradient. The mean over a batch is above it soon.

    Args:
        lips: float (..., D), any length of the vectors.
        audio: float (..., D).

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> a = torch.tensor([[1.0, 0.0]]); b = torch.tensor([[0.6, 0.8]])
        >>> round(wav2lip_sync_loss(a, b).item(), 4)  # -log(0.6)
        0.5108
    """
    if lips.shape != audio.shape:
        raise ValueError(f"lips {tuple(lips.shape)}, audio {tuple(audio.shape)}: must be the same")
    cosine = F.cosine_similarity(lips.float(), audio.float(), dim=-1)
    return -cosine.mean().clamp(1e-4, 1.0).log()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Binary cross-entropy, the mean over real (target 1) and generated (target 0) patches; log 2 = 0.693 by chance.

    Args:
        real_logits, fake_logits: float, any shape; above 0 means real.

    Returns:
        A scalar.

    Example:
        >>> zeros = torch.zeros(2)
        >>> round(discriminator_loss(zeros, zeros).item(), 4)
        0.6931
    """
    return 0.5 * (F.softplus(-real_logits.float()).mean() + F.softplus(fake_logits.float()).mean())


def adversarial_loss(fake_logits: Tensor) -> Tensor:
    """Binary cross-entropy of generated patches against the target "real" (the non-saturating form).

    Args:
        fake_logits: float, any shape; above 0 means real.

    Returns:
        A scalar.

    Example:
        >>> round(adversarial_loss(torch.zeros(2)).item(), 4)
        0.6931
    """
    return F.softplus(-fake_logits.float()).mean()


def memory_store_loss(lips: Tensor, read: Tensor) -> Tensor:
    """SyncTalkFace's: what a memory returns for a mouth's own address must be that mouth.

    ||f - A M||^2, the mean over samples and components.

    Args:
        lips: f, float (..., D).
        read: A M, float (..., D).

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> memory_store_loss(torch.ones(1, 2), torch.tensor([[0.0, 1.0]])).item()
        0.5
    """
    if lips.shape != read.shape:
        raise ValueError(f"lips {tuple(lips.shape)}, read {tuple(read.shape)}: must be the same")
    return F.mse_loss(read.float(), lips.float())


def memory_align_loss(lip_log_address: Tensor, audio_log_address: Tensor) -> Tensor:
    """SyncTalkFace's: the audio's address must be that of the mouth.

    KL(A_lip || A_aud) = sum_s A_lip log(A_lip / A_aud), mean over the samples; 0 where they are the same. The address of
    the mouth is a target without gradient: else the mouths would be stored so that audio finds them easily, all alike.

    Args:
        lip_log_address, audio_log_address: float (..., S), log softmax over the slots.

    Returns:
        A scalar.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> lip, audio = torch.tensor([[1.0, 1e-9]]).log(), torch.tensor([[0.5, 0.5]]).log()
        >>> round(memory_align_loss(lip, audio).item(), 4)  # log 2
        0.6931
    """
    if lip_log_address.shape != audio_log_address.shape:
        raise ValueError(
            f"lip address {tuple(lip_log_address.shape)}, audio address {tuple(audio_log_address.shape)}:"
            " must be the same"
        )
    target = lip_log_address.detach()
    return (target.exp() * (target - audio_log_address)).sum(-1).mean()
