"""Settings of the trained stages: architecture and training of each network, and the profiles.

Imports nothing but the standard library, so that whoever plans work reads it at no cost. The defaults are the
`paper` profile: the poster of CALS (arXiv 2305.19556); where it is silent, SyncTalkFace (arXiv 2211.00924),
then Wav2Lip (arXiv 2008.10010), and AV-HuBERT (arXiv 2201.02184) for the masking.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

UNIT_DIM = 512
"""Width of a lip motion unit, of F_v, F_a and f_theta alike."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a stage trains, whatever it trains.

    Args:
        steps: updates in all.
        batch_samples: samples an update and process; what a sample is, each stage says.
        samples_per_clip: samples drawn whenever a clip is visited; divides `batch_samples`.
        accumulate_batches: batches whose gradients are averaged into one update.
        learning_rate: the peak, reached after warm-up.
        warmup_steps: updates over which it rises linearly from 0.
        schedule: `cosine` falls to `final_learning_rate_share`, `step` multiplies by `step_factor` every
            `step_every_steps` updates, `constant` stays.
        final_learning_rate_share: share of the peak that is left at the end of `cosine`.
        step_every_steps: updates between two drops of `step`.
        step_factor: factor of a drop.
        weight_decay: of AdamW, on weights with two dimensions or more.
        adam_beta_1: decay of the first moment.
        adam_beta_2: decay of the second moment.
        clip_gradient_norm: the gradients' norm is scaled down to this; 0 leaves it.
        ema_decay: of the averaged weights that are validated and exported; 0 takes the weights themselves.
        precision: `auto` computes in bf16 wherever the processor has it, `fp32` never.
        compile: compile the networks where there is a GPU (torch.compile).
        validate_every_steps: updates between two validations; the last update is always validated.
        validation_clips: clips of the split `val` looked at each time, at most.
        early_stopping_validations: stop after so many validations without a better figure, and take the weights of
            the best one; 0 never stops and takes the last.
        checkpoint_every_steps: updates between two checkpoints.
        log_every_steps: updates between two lines of progress.
        clip_cache_bytes: a split that is no larger than this is kept in memory, a larger one is streamed.
        frame_cache_bytes: limit of the decoded frames that each process that draws keeps in memory; 0 decodes at every
            visit. Audio-to-Lip keeps F_v's units instead.
        seed: every random draw follows from it and from the number of the step.
    """

    steps: int
    batch_samples: int
    samples_per_clip: int = 1
    accumulate_batches: int = 1
    learning_rate: float = 1e-4
    warmup_steps: int = 500
    schedule: Literal["cosine", "step", "constant"] = "cosine"
    final_learning_rate_share: float = 0.05
    step_every_steps: int = 50_000
    step_factor: float = 0.5
    weight_decay: float = 0.0
    adam_beta_1: float = 0.9
    adam_beta_2: float = 0.999
    clip_gradient_norm: float = 1.0
    ema_decay: float = 0.999
    precision: Literal["auto", "fp32"] = "auto"
    compile: bool = True
    validate_every_steps: int = 2_000
    validation_clips: int = 64
    early_stopping_validations: int = 0
    checkpoint_every_steps: int = 1_000
    log_every_steps: int = 20
    clip_cache_bytes: int = 2 * 1024**3
    frame_cache_bytes: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in (
            "steps",
            "batch_samples",
            "samples_per_clip",
            "accumulate_batches",
            "step_every_steps",
            "validate_every_steps",
            "validation_clips",
            "checkpoint_every_steps",
            "log_every_steps",
        ):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in (
            "warmup_steps",
            "weight_decay",
            "clip_gradient_norm",
            "early_stopping_validations",
            "clip_cache_bytes",
            "frame_cache_bytes",
            "seed",
        ):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        for name in ("ema_decay", "adam_beta_1", "adam_beta_2"):
            _require(0 <= getattr(self, name) < 1, name, getattr(self, name), "in [0, 1)")
        for name in ("final_learning_rate_share", "step_factor"):
            _require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "in [0, 1]")
        _require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        _require_choice("schedule", self.schedule, ("cosine", "step", "constant"))
        _require_choice("precision", self.precision, ("auto", "fp32"))
        if self.batch_samples % self.samples_per_clip:
            raise ValueError(
                f"batch_samples: {self.batch_samples} samples cannot be drawn {self.samples_per_clip} a clip;"
                " make samples_per_clip a divisor of it"
            )


@dataclass(frozen=True, kw_only=True)
class SyncEncoderConfig(TrainingConfig):
    """F_v and F_a. A sample is `windows_per_sample` consecutive windows of one clip.

    SyncTalkFace: batch 256, learning rate 1e-4, a lip encoder of Conv3d 5x7x7 and residual convolutions.

    Args:
        visual_width: channels of F_v's first convolution; the last has 8 times as many.
        visual_front_stride: px that F_v's first convolution moves by, 2 or 4.
        audio_width: channels of F_a's first convolution; the last has 8 times as many.
        blocks_per_level: residual blocks a resolution.
        windows_per_sample: consecutive 5-frame windows a sample, all candidates for each other.
        initial_temperature: of the InfoNCE softmax; it is learned from there on.
        shift_px: largest random shift of a sample's frames, both ways.
        brightness_jitter: largest relative change of a sample's brightness, contrast and colour balance, so that
            identity is of little help.
        mirror_share: share of the samples that are mirrored left to right.
        mel_bins_masked: largest number of neighbouring mel bins hidden in a sample.
        plateau_margin: a training loss above this share of the chance level is a plateau...
        plateau_after_steps: ...once so many updates are done.
    """

    steps: int = 60_000
    batch_samples: int = 64
    windows_per_sample: int = 4
    visual_width: int = 64
    visual_front_stride: int = 2
    audio_width: int = 32
    blocks_per_level: int = 2
    initial_temperature: float = 0.07
    shift_px: int = 4
    brightness_jitter: float = 0.2
    mirror_share: float = 0.5
    mel_bins_masked: int = 8
    plateau_margin: float = 0.97
    plateau_after_steps: int = 2_000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("visual_width", "audio_width"):
            _require(
                getattr(self, name) >= 8 and getattr(self, name) % 8 == 0,
                name,
                getattr(self, name),
                "a multiple of 8",
            )
        _require(self.blocks_per_level >= 1, "blocks_per_level", self.blocks_per_level, "at least 1")
        _require(
            self.visual_front_stride in (2, 4), "visual_front_stride", self.visual_front_stride, "2 or 4"
        )
        _require(self.windows_per_sample >= 2, "windows_per_sample", self.windows_per_sample, "at least 2")
        _require(self.initial_temperature > 0, "initial_temperature", self.initial_temperature, "above 0")
        _require(0 <= self.shift_px <= 16, "shift_px", self.shift_px, "in 0..16")
        _require(0 <= self.brightness_jitter < 1, "brightness_jitter", self.brightness_jitter, "in [0, 1)")
        _require(0 <= self.mirror_share <= 1, "mirror_share", self.mirror_share, "in [0, 1]")
        _require(0 <= self.mel_bins_masked <= 40, "mel_bins_masked", self.mel_bins_masked, "in 0..40")
        _require(0 < self.plateau_margin <= 1, "plateau_margin", self.plateau_margin, "in (0, 1]")
        _require(self.plateau_after_steps >= 1, "plateau_after_steps", self.plateau_after_steps, "at least 1")


@dataclass(frozen=True, kw_only=True)
class AudioToLipConfig(TrainingConfig):
    """f_theta. A sample is one stretch of a clip of at most `sample_frames` video frames.

    Args:
        front_width: channels of the first convolution over the mel; the last has 4 times as many.
        width: channels of a token.
        num_layers: transformer layers.
        num_heads: attention heads; divides `width` into even parts (rotary positions).
        dropout: share of activations dropped in training.
        sample_frames: longest stretch, video frames.
        mask_share: expected share of masked video frames (AV-HuBERT: 0.8).
        mask_span_frames: length of a masked span (AV-HuBERT: 10).
        mask_with: `embedding` puts a learned mel column at masked steps, `zero` silence in normalised units.
    """

    steps: int = 60_000
    batch_samples: int = 32
    weight_decay: float = 0.01
    front_width: int = 32
    width: int = 512
    num_layers: int = 6
    num_heads: int = 8
    dropout: float = 0.1
    sample_frames: int = 250
    mask_share: float = 0.8
    mask_span_frames: int = 10
    mask_with: Literal["embedding", "zero"] = "embedding"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_heads < 1 or self.width % (2 * self.num_heads):
            raise ValueError(
                f"width: {self.width} does not split into {self.num_heads} heads of even width;"
                " make it a multiple of 2 * num_heads"
            )
        _require(self.front_width >= 1, "front_width", self.front_width, "at least 1")
        _require(self.num_layers >= 1, "num_layers", self.num_layers, "at least 1")
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "in [0, 1)")
        _require(self.sample_frames >= 10, "sample_frames", self.sample_frames, "at least 10")
        _require(0 < self.mask_share < 1, "mask_share", self.mask_share, "in (0, 1)")
        _require(self.mask_span_frames >= 1, "mask_span_frames", self.mask_span_frames, "at least 1")
        _require_choice("mask_with", self.mask_with, ("embedding", "zero"))


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig(TrainingConfig):
    """f_phi and the discriminator. A sample is `target_frames` consecutive frames of one clip.

    The weights are SyncTalkFace's (L1 10, each of the others 0.2); Wav2Lip's sync loss has the ratio to L1
    that Wav2Lip gives it (0.03 to 0.9), so that the rows of Table 1 differ only in what they name.

    Args:
        widths: channels at 128, 64, 32, 16, 8 and 4 px.
        blocks_per_level: convolution blocks a resolution of the decoder.
        audio_width: channels of Wav2Lip's audio encoder (method `wav2lip`); its last layers have 8 times more.
        discriminator_width: channels of the discriminator's first layer.
        target_frames: S, consecutive frames that are generated; two real frames stand on each side of them.
        context_frames: video frames of mel that f_theta sees around the targets, where the clip has them.
        finetune_audio_to_lip: train f_theta along.
        audio_to_lip_learning_rate_share: its learning rate, as a share of the generator's.
        known_pixels: `copied` takes the rows that the pose prior shows from it, so that the network is judged
            on what it makes; `generated` makes the whole crop, as Wav2Lip does.
        output_from: `scratch` draws every pixel, as Wav2Lip does; `reference` moves the reference frame's pixels and
            draws what then is to change, which a short training learns much sooner.
        reference_from: `any` takes any other moment of the clip as the reference, as the paper does; `near_pose` one in
            which the head is held as in the targets: less to learn where heads turn, and what a dub needs, which shows
            each frame itself. Validation takes the same; renders for an evaluation do not.
        discriminator_learning_rate: of the discriminator.
        l1_weight, gan_weight, d_av_weight, d_vv_weight, wav2lip_sync_weight: weights of the loss terms.
        d_av_temperature: of the softmax over the S frames' sounds. At 0.3 it pulls at the cosine about as SyncTalkFace's
            binary loss of the same weight does; at 0.1 its gradient is several times L1's, which cost picture and
            sync in a long training (docs/benchmarks.md).
        d_vv_temperature: of the softmax over the S frames; the paper's form has none, which is 1.
        sync_switch_on_loss: Wav2Lip's sync loss has weight 0 until the expert's loss on generated validation
            frames is below this (Wav2Lip: 0.75).
        dead_discriminator_loss: a discriminator whose loss stays below this has nothing left to teach.
        copies_reference_margin: warn if the generated mouths are nearer to the reference's than this share of
            the distance between the reference's and the true mouths.
    """

    steps: int = 200_000
    batch_samples: int = 40
    adam_beta_1: float = 0.5
    widths: tuple[int, ...] = (32, 64, 128, 256, 512, 512)
    blocks_per_level: int = 2
    audio_width: int = 32
    discriminator_width: int = 64
    target_frames: int = 5
    context_frames: int = 75
    finetune_audio_to_lip: bool = True
    audio_to_lip_learning_rate_share: float = 1.0
    known_pixels: Literal["copied", "generated"] = "copied"
    output_from: Literal["scratch", "reference"] = "scratch"
    reference_from: Literal["any", "near_pose"] = "any"
    discriminator_learning_rate: float = 5e-4
    l1_weight: float = 10.0
    gan_weight: float = 0.2
    d_av_weight: float = 0.2
    d_vv_weight: float = 0.2
    wav2lip_sync_weight: float = 0.33
    d_av_temperature: float = 0.3
    d_vv_temperature: float = 1.0
    sync_switch_on_loss: float = 0.75
    dead_discriminator_loss: float = 0.01
    copies_reference_margin: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "widths", tuple(self.widths))
        if len(self.widths) != 6 or any(width < 8 or width % 8 for width in self.widths):
            raise ValueError(
                f"widths: {list(self.widths)}; give 6 multiples of 8, for 128, 64, 32, 16, 8 and 4 px"
            )
        for name in ("audio_width", "discriminator_width"):
            _require(
                getattr(self, name) >= 8 and getattr(self, name) % 8 == 0,
                name,
                getattr(self, name),
                "a multiple of 8",
            )
        _require(self.blocks_per_level >= 1, "blocks_per_level", self.blocks_per_level, "at least 1")
        _require(
            self.target_frames >= 5,
            "target_frames",
            self.target_frames,
            "at least 5 (d_vv is 0 for one frame)",
        )
        _require(
            self.context_frames >= self.target_frames + 4,
            "context_frames",
            self.context_frames,
            f"at least target_frames + 4 = {self.target_frames + 4}",
        )
        for name in (
            "audio_to_lip_learning_rate_share",
            "l1_weight",
            "gan_weight",
            "d_av_weight",
            "d_vv_weight",
            "wav2lip_sync_weight",
            "dead_discriminator_loss",
        ):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        for name in ("discriminator_learning_rate", "d_av_temperature", "d_vv_temperature"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "above 0")
        _require(self.sync_switch_on_loss > 0, "sync_switch_on_loss", self.sync_switch_on_loss, "above 0")
        _require(
            0 < self.copies_reference_margin < 1,
            "copies_reference_margin",
            self.copies_reference_margin,
            "in (0, 1)",
        )
        _require_choice("known_pixels", self.known_pixels, ("copied", "generated"))
        _require_choice("output_from", self.output_from, ("scratch", "reference"))
        _require_choice("reference_from", self.reference_from, ("any", "near_pose"))


@dataclass(frozen=True, kw_only=True)
class LseEvaluatorConfig(TrainingConfig):
    """Network S of the public SyncNet, trained in the pipeline. A sample is one window and its sound.

    Its seed differs from the sync encoder's: the evaluator is never the network in the loss.

    Args:
        width_factor: share of network S's channels; 1 is the public network.
        other_moments: sound windows of the same clip at other moments that a picture window must be told from, beside
            the other samples of the batch: half of them the nearest (1, 2, ... frames away), half from up to 15 frames
            away, as far as LSE looks. They are cheap: the sound's half of network S costs an eighth of the pictures'.
    """

    steps: int = 60_000
    batch_samples: int = 256
    samples_per_clip: int = 8
    width_factor: float = 1.0
    other_moments: int = 8
    seed: int = 1_000

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(0 < self.width_factor <= 1, "width_factor", self.width_factor, "in (0, 1]")
        _require(self.other_moments >= 0, "other_moments", self.other_moments, "0 or more")


CONFIGS: dict[str, type[TrainingConfig]] = {
    "sync_encoder": SyncEncoderConfig,
    "audio_to_lip": AudioToLipConfig,
    "generator": GeneratorConfig,
    "lse_evaluator": LseEvaluatorConfig,
}

_TINY_TRAINING: dict[str, object] = {
    "warmup_steps": 50,
    "validate_every_steps": 200,
    "validation_clips": 16,
    "checkpoint_every_steps": 200,
    "log_every_steps": 10,
    "clip_cache_bytes": 512 * 1024**2,
    "frame_cache_bytes": 768 * 1024**2,
}

PROFILES: dict[str, dict[str, dict[str, object]]] = {
    "paper": {"sync_encoder": {}, "audio_to_lip": {}, "generator": {}, "lse_evaluator": {}},
    "tiny": {
        "sync_encoder": {
            **_TINY_TRAINING,
            "steps": 1_100,
            "learning_rate": 7e-4,
            "ema_decay": 0.99,
            "weight_decay": 0.01,
            "batch_samples": 32,
            "windows_per_sample": 4,
            "visual_width": 16,
            "visual_front_stride": 4,
            "audio_width": 16,
            "blocks_per_level": 1,
            "shift_px": 2,
            "plateau_after_steps": 300,
        },
        "audio_to_lip": {
            **_TINY_TRAINING,
            "steps": 700,
            "learning_rate": 1e-3,
            "ema_decay": 0.99,
            "batch_samples": 8,
            "front_width": 16,
            "width": 192,
            "num_layers": 3,
            "num_heads": 4,
            "sample_frames": 75,
        },
        "generator": {
            **_TINY_TRAINING,
            "steps": 800,
            "learning_rate": 5e-4,
            "discriminator_learning_rate": 5e-4,
            "adam_beta_1": 0.9,
            "ema_decay": 0.99,
            "batch_samples": 3,
            "widths": (16, 32, 64, 96, 128, 128),
            "output_from": "reference",
            "blocks_per_level": 1,
            "audio_width": 16,
            "discriminator_width": 16,
        },
        "lse_evaluator": {
            **_TINY_TRAINING,
            "steps": 600,
            "learning_rate": 1e-3,
            "ema_decay": 0.99,
            "batch_samples": 64,
            "samples_per_clip": 2,
            "width_factor": 0.125,
        },
    },
}


def stage_config(stage: str, profile: str, overrides: Mapping[str, object] | None = None) -> TrainingConfig:
    """The settings of a trained stage under a profile, with the user's own on top.

    Raises:
        ValueError: unknown stage, profile or field, or a value that its field refuses.
    """
    if profile not in PROFILES:
        raise ValueError(f"profile {profile!r} is unknown; known: {', '.join(PROFILES)}")
    if stage not in CONFIGS:
        raise ValueError(f"stage {stage!r} is not trained; known: {', '.join(CONFIGS)}")
    return config_from_fields(stage, {**PROFILES[profile][stage], **(overrides or {})})


def config_from_fields(stage: str, values: Mapping[str, object]) -> TrainingConfig:
    """Settings of a stage from plain values, as JSON or YAML give them; fields left out have their default.

    Raises:
        ValueError: unknown stage or field, a value of the wrong type, or one that its field refuses.
    """
    if stage not in CONFIGS:
        raise ValueError(f"stage {stage!r} is not trained; known: {', '.join(CONFIGS)}")
    defaults = CONFIGS[stage]()  # type: ignore[call-arg]
    known = {field.name for field in fields(defaults)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{stage}.{name}: no such setting; known: {', '.join(sorted(known))}")
        expected = getattr(defaults, name)
        if not _fits(value, expected):
            raise ValueError(
                f"{stage}.{name}: {value!r} is {type(value).__name__}; give {_type_name(expected)},"
                f" such as {expected!r}"
            )
    try:
        return replace(defaults, **values)  # type: ignore[arg-type]
    except ValueError as error:
        raise ValueError(f"{stage}.{error}") from error


def _fits(value: object, expected: object) -> bool:
    if isinstance(expected, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(expected, bool)
    if isinstance(expected, float):
        return isinstance(value, int | float)
    if isinstance(expected, tuple):
        return isinstance(value, list | tuple) and all(
            isinstance(item, int) and not isinstance(item, bool) for item in value
        )
    return isinstance(value, type(expected))


def _type_name(expected: object) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", tuple: "a list"}
    return names[type(expected)]


def _require(holds: bool, name: str, value: object, right: str) -> None:
    if not holds:
        raise ValueError(f"{name}: {value!r}; must be {right}")


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}: {value!r}; must be one of {', '.join(choices)}")
