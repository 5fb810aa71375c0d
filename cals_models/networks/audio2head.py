"""Audio2Head: from audio and one image to a moving head.

Source: Wang et al., IJCAI 2021. The parts are described where they are: `audio2head_pose` (six numbers of head pose),
`audio2head_motion` (audio to pose and keypoints), `audio2head_animator` (keypoints to frames).

Legend: B windows, L frames of a window, K = 10 keypoints, H = W crop size.
"""

from torch import Tensor, nn

from cals_models.config.audio2head import Audio2HeadConfig
from cals_models.networks.audio2head_animator import Animator
from cals_models.networks.audio2head_keypoints import Keypoints
from cals_models.networks.audio2head_motion import AudioToKeypoints, PosePredictor, PoseReader


class Motion(nn.Module):
    """Audio to head poses and keypoints.

    Args:
        config: of the method.
    """

    def __init__(self, config: Audio2HeadConfig) -> None:
        super().__init__()
        self.pose = PosePredictor(config)
        self.keypoints = AudioToKeypoints(config)


class Audio2Head(nn.Module):
    """The whole model.

    Args:
        config: of the method.
        crop_px: side of the crops, 128 or 256.
    """

    def __init__(self, config: Audio2HeadConfig, crop_px: int) -> None:
        super().__init__()
        self.animator = Animator(config, crop_px)
        self.reader = PoseReader(config.pose_width)
        self.motion = Motion(config)

    def observe(self, frames: Tensor) -> tuple[Keypoints, Tensor]:
        """Keypoints and head poses (N, 6) of frames (N, 3, H, W), RGB in [0, 1]."""
        poses: Tensor = self.reader(frames)
        return self.animator.detect(frames), poses

    def predict_poses(self, mel: Tensor, image: Tensor, image_pose: Tensor) -> Tensor:
        """The model's own head poses; see `PosePredictor.forward`."""
        poses: Tensor = self.motion.pose(mel, image, image_pose)
        return poses

    def predict_keypoints(
        self, mel: Tensor, image: Tensor, image_pose: Tensor, found: Keypoints, poses: Tensor
    ) -> Keypoints:
        """Keypoints of every frame; see `AudioToKeypoints.forward`."""
        keypoints: Keypoints = self.motion.keypoints(mel, image, image_pose, found, poses)
        return keypoints

    def draw(self, images: Tensor, found: Keypoints, keypoints: Keypoints) -> Tensor:
        """Frames with given keypoints.

        Args:
            images: float (N, 3, H, W), RGB in [0, 1].
            found: their keypoints.
            keypoints: of the frames to draw.

        Returns:
            float32 (N, 3, H, W), RGB in [0, 1].
        """
        frames: Tensor = self.animator(images, found, keypoints)
        return frames
