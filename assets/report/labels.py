"""Labels of trained models, their training curves and their metrics."""

from __future__ import annotations

RATE_WORDS = ("retrieval", "clip_offset", "accuracy")
MODEL_METRIC_LABELS = {
    "retrieval_at_1": "Right moment picked out of 31 (retrieval at 1)",
    "retrieval_within_1_frame": "Picked within one frame of it",
    "clip_offset_exact": "Offset of a whole clip found exactly",
    "clip_offset_within_1_frame": "Offset of a whole clip found within one frame",
    "loss": "Contrastive loss",
}
MODEL_LABELS = {
    "sync_encoder": "Sync encoder",
    "audio_to_lip": "Audio-to-Lip transformer",
    "generator": "Lip-to-Face generator",
    "lse_evaluator": "LSE evaluator",
}
CURVE_LABELS = {
    "l1": "L1",
    "gan": "adversarial loss",
    "d_av": "d_av, lips against audio",
    "d_vv": "d_vv, lips against true lips",
    "wav2lip_sync": "Wav2Lip's sync loss",
    "reference_nearness": "share of the way from the reference's mouth to the true one",
}


def is_rate(metric: str) -> bool:
    """Whether a model's metric is a share of successes; the others are losses."""
    return any(word in metric for word in RATE_WORDS)


def model_metric_label(metric: str) -> str:
    return MODEL_METRIC_LABELS.get(metric, metric.replace("_", " ").capitalize())


def curve_label(metric: str) -> str:
    return CURVE_LABELS.get(metric, metric.replace("_", " "))


def model_label(asset: str, method_label: str | None = None) -> str:
    """Of a model, with the method that it was trained for, where there is one."""
    label = MODEL_LABELS.get(asset, asset.replace("_", " ").capitalize())
    return f"{label}, {method_label}" if method_label else label
