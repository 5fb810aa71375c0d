"""What a method is: one declaration, from which everything that trains, opens, renders or prints it learns of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Region = Literal["lower_half", "whole_crop"]
PoseSource = Literal["pose_prior", "target_frame", "none"]

CONTROL_PARTS: Mapping[str, str] = {}
TRAINED_PARTS = ("settings", "generator", "renders")


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a method's training needs of a dataset beyond crops and mels.

    Args:
        speakers: the clips name their speaker (`speaker` in a clip's json).
        words: the clips have timed words (`words` in a clip's json).
        clip_frames: video frames that a clip of each split must have at least, or the name of the method's setting
            that says so; 0 takes clips of any length.
    """

    speakers: bool = False
    words: bool = False
    clip_frames: int | str = 0


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to generate lips from audio; a control if it has no parts.

    Args:
        name: the partition's name, as `cals.yaml` lists it.
        label: how tables and the report print it.
        position: order in tables and lists; the published systems of `sql/seeds/method_definitions.csv` have 3, 4 and 6.
            Methods of one position are ordered by name.
        description: one line for tables, the report and model cards.
        parts: where its code is, ``module:name`` by use: a `ByStage`, so that a stage reaches the part of its own name and
            no other. ``generator``: function of (job, world, shard_sets) that builds its `TrainingStage`. ``renders``:
            function of (folder, device, *, precision) that opens its model, a `FrameGenerator`
            (`cals_models.inference.frame_generator`). ``settings``: class of its training's settings; ``profiles``:
            what the profiles give them, profile -> setting -> value. Planners read these two and digest the values.
        inputs: stages whose trained models its training reads.
        settings_name: under which `cals.yaml` gives its settings; its own name if left empty.
        shares_training_of: a method with the same parts and settings: where that one is trained and up to date, its model is
            taken instead of training another.
        draws: what it generates: the rows that the pose prior hides, or the whole crop. PSNR and SSIM of a whole crop do
            not compare with those of methods that are given its upper half.
        pose_from: what it is given of the frame that it draws: the pose prior; the whole frame, of which it keeps the pose
            alone; or nothing.
        has_units: its opened model is a `UnitGenerator`: units of the audio first, then any frames in any order.
            Figures 2 and 3 and dubs need that.
        needs: of a dataset.
        differs: what differs from the published system of that name, in a few words; for tables and cards.
        is_optional: trained only where a dataset lists it under `methods`.

    Raises:
        ValueError: a trained method without one of its parts, or an unknown region or source of the pose.
    """

    name: str
    label: str
    position: int
    description: str
    parts: Mapping[str, str] = field(default_factory=lambda: CONTROL_PARTS)
    inputs: tuple[str, ...] = ()
    settings_name: str = ""
    shares_training_of: str = ""
    draws: Region = "lower_half"
    pose_from: PoseSource = "pose_prior"
    has_units: bool = False
    needs: Needs = field(default_factory=Needs)
    differs: str = ""
    is_optional: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (
            ("draws", self.draws, get_args(Region)),
            ("pose_from", self.pose_from, get_args(PoseSource)),
        ):
            if value not in known:
                raise ValueError(f"method {self.name}: {name} {value!r}; must be one of {', '.join(known)}")
        lacking = [part for part in TRAINED_PARTS if part not in self.parts]
        if self.parts and lacking:
            raise ValueError(
                f"method {self.name}: parts lack {', '.join(lacking)}; a control has none at all"
            )

    @property
    def is_trained(self) -> bool:
        """Whether a generator is trained for it; a control has none."""
        return bool(self.parts)
