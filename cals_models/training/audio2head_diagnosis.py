"""Known ways in which the training of Audio2Head goes wrong, by the metrics of a validation that show them."""

from collections.abc import Mapping

from cals_models.config.audio2head import Audio2HeadConfig
from cals_models.training.stage import Diagnosis

MIN_ANIMATED_NEARNESS = 0.25
"""Below this the animator's own keypoints hardly move the mouth."""
POSE_MARGIN = 1.1
"""A predicted pose may be this much farther from the true one than a head that keeps still."""
PLATEAU_GAIN = 0.02
PLATEAU_STEPS = 500


def audio2head_diagnoses(
    config: Audio2HeadConfig, val: Mapping[str, float], step: int, nearness: Mapping[int, float]
) -> list[Diagnosis]:
    """What the metrics of a validation show.

    Args:
        config: thresholds.
        val: metrics, or none.
        step: updates done.
        nearness: `reference_nearness` of the second part's validations by step; none before the end.

    Returns:
        At the end of the first part and later `keypoints_collapsed`, `animator_moves_nothing`; late in the second
        `ignores_audio`, `pose_worse_than_still`; at the end `not_at_plateau`.
    """
    if not val or step < config.animator_steps:
        return []
    found = _animator_diagnoses(config, val)
    if step >= (config.animator_steps + config.steps) // 2:
        found += _motion_diagnoses(config, val)
    return found + _plateau(nearness)


def _animator_diagnoses(config: Audio2HeadConfig, val: Mapping[str, float]) -> list[Diagnosis]:
    found = []
    limit = config.min_keypoint_spread_px
    if val["keypoint_spread_px"] < limit or val["keypoint_travel_px"] < limit / 10:
        text = (
            f"the keypoints lie {val['keypoint_spread_px']:.1f} px from their mean, and the one that moves most moves"
            f" {val['keypoint_travel_px']:.2f} px over a clip: they hold no motion; lower equivariance_weight or"
            " learning_rate, or raise animator_share"
        )
        found.append(Diagnosis(name="keypoints_collapsed", text=text))
    if val["animated_nearness"] < MIN_ANIMATED_NEARNESS:
        text = (
            f"with the true frame's own keypoints the mouth comes only {val['animated_nearness']:.2f} of the way to the true"
            " one: audio can't move it farther; raise steps, animator_share or mouth_weight"
        )
        found.append(Diagnosis(name="animator_moves_nothing", text=text))
    return found


def _motion_diagnoses(config: Audio2HeadConfig, val: Mapping[str, float]) -> list[Diagnosis]:
    found = []
    if val["audio_gain"] < config.min_audio_gain_db:
        text = (
            f"a clip's own audio brings {val['audio_gain']:.2f} dB of PSNR in the mouth over another clip's: the mouths do not"
            " follow the audio; train longer, or check that audio and video are in sync"
        )
        found.append(Diagnosis(name="ignores_audio", text=text))
    if val["pose_error"] > POSE_MARGIN * val["still_pose_error"]:
        text = (
            f"predicted head poses are {val['pose_error']:.2f} from the true ones, a head that keeps still"
            f" {val['still_pose_error']:.2f}: lower pose_width or motion_learning_rate, or train on more clips"
        )
        found.append(Diagnosis(name="pose_worse_than_still", text=text))
    return found


def _plateau(nearness: Mapping[int, float]) -> list[Diagnosis]:
    """`not_at_plateau`: the gain since the newest validation 500 updates back, or a third, scaled to 500 updates."""
    if len(nearness) < 2:
        return []
    first, last = min(nearness), max(nearness)
    span = min(PLATEAU_STEPS, max(1, (last - first) // 3))
    start = max(step for step in nearness if step <= last - span)
    gain = (nearness[last] - nearness[start]) * PLATEAU_STEPS / (last - start)
    if gain < PLATEAU_GAIN:
        return []
    text = (
        f"generated mouths still came nearer to the true ones, from {nearness[start]:.3f} of the way at step {start} to"
        f" {nearness[last]:.3f} at step {last}: train longer before methods are compared"
    )
    return [Diagnosis(name="not_at_plateau", text=text)]
