"""How the page prints names, numbers and counts."""

from __future__ import annotations

DECIMALS = {
    **{
        "psnr": 2,
        "psnr_mouth": 2,
        "ssim": 3,
        "ssim_mouth": 3,
        "lmd": 3,
        "lpips": 3,
        "fid": 2,
        "lse_d": 3,
        "lse_c": 3,
    },
    **{"visual_quality": 2, "lip_sync_quality": 2, "realness": 2},
}
RATE_WORDS = ("retrieval", "clip_offset", "accuracy")
FIGURE_LABELS = {
    "retrieval_at_1": "Right moment picked out of 31 (retrieval at 1)",
    "retrieval_within_1_frame": "Picked within one frame of it",
    "clip_offset_exact": "Offset of a whole clip found exactly",
    "clip_offset_within_1_frame": "Offset of a whole clip found within one frame",
    "loss": "Contrastive loss",
}
STAGE_LABELS = {
    "sync_encoder": "Sync encoder",
    "audio_to_lip": "Audio-to-Lip transformer",
    "generator": "Lip-to-Face generator",
    "lse_evaluator": "LSE evaluator",
}
CURVE_LABELS = {
    "l1": "L1",
    "gan": "adversarial loss",
    "d_av": "d_av, lips against sound",
    "d_vv": "d_vv, lips against true lips",
    "wav2lip_sync": "Wav2Lip's sync loss",
}
MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"


def number(value: float, decimals: int = 3) -> str:
    """A value with a true minus sign; never -0.000."""
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float, decimals: int = 3) -> str:
    """A difference: always with its sign, except 0."""
    text = number(value, decimals)
    return text if text.startswith(MINUS) or float(text) == 0 else f"+{text}"


def interval(low: float | None, high: float | None, decimals: int = 3, *, with_sign: bool = False) -> str:
    """``low to high``, or nothing where there is no interval."""
    if low is None or high is None:
        return ""
    if with_sign:
        return f"{signed(low, decimals)} to {signed(high, decimals)}"
    return f"{number(low, decimals)} to {number(high, decimals)}"


def decimals_of(metric: str) -> int:
    return DECIMALS.get(metric, 3)


def p_value(value: float | None) -> str:
    """A two-sided p-value, or nothing where there is none."""
    if value is None:
        return ""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def percent(share: float) -> str:
    """A share between 0 and 1 as per cent, with a decimal where it is small."""
    return f"{100 * share:.1f} %" if abs(share) < 0.1 else f"{100 * share:.0f} %"


def is_rate(figure: str) -> bool:
    """Whether a model's figure is a share of successes; other figures are losses."""
    return any(word in figure for word in RATE_WORDS)


def figure_label(figure: str) -> str:
    return FIGURE_LABELS.get(figure, figure.replace("_", " ").capitalize())


def curve_label(metric: str) -> str:
    return CURVE_LABELS.get(metric, metric.replace("_", " "))


def stage_label(asset: str, method_label: str | None = None) -> str:
    label = STAGE_LABELS.get(asset, asset.replace("_", " ").capitalize())
    return f"{label}, {method_label}" if method_label else label


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 clip``, ``2,000 clips``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(num_bytes: int) -> str:
    """Bytes in kB, MB or GB (powers of 1000)."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= factor:
            return f"{num_bytes / factor:.1f} {unit}"
    return f"{num_bytes} bytes"
