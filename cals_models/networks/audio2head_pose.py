"""Head pose as six numbers: found from 68 landmarks, and drawn as a box.

Crops come without a camera, so the projection is scaled orthographic: x = c + s (R P)_xy for a point P of a rigid face.
`head_poses` finds R, c and s by Gauss-Newton on the squared distances (PnP). Only points count that speech does not move:
a pose holds nothing of the mouth. Depths of the rigid face are rough, so poses compare only with each other.

A pose: rotation vector (3, radians), c (2, crop coordinates from -1 to 1), s (1: the mean face's size is 1).

Legend: T frames, P = 29 points.
"""

import torch
from torch import Tensor

POSE_DIMS = 6
POSE_POINTS = (*range(4), *range(13, 17), *range(27, 48))
"""Of the 68 landmarks those that speech does not move: the jaw beside the ears, the nose, the eyes."""
NUM_ITERATIONS = 12
DAMPING = 1e-4

# Half of the face, in 64ths of a crop's half side, from the middle between the eyes: x outwards, y down, z away from the camera.
_JAW = ((38.2, 1.9, 42.0), (37.4, 12.5, 41.0), (36.1, 22.9, 38.0), (34.4, 33.2, 33.0))
_NOSE_RIDGE = ((0.0, -2.5, -8.0), (0.0, 3.9, -13.0), (0.0, 10.1, -18.0), (0.0, 16.9, -22.0))
_NOSE_BASE = ((7.7, 23.2, -6.0), (4.0, 24.5, -10.0), (0.0, 25.5, -12.0))
_EYE = ((23.8, -0.1, 4.0), (19.7, -2.6, 0.0), (14.6, -2.6, -1.0), (10.0, 0.5, 0.0), (14.8, 1.6, -1.0), (19.9, 1.8, 0.0))  # fmt: skip
_BOX = (44.0, -34.0, 66.0, -26.0, 44.0)
"""Half width, top, bottom, front and back of the drawn box."""


def _mirrored(points: tuple[tuple[float, float, float], ...]) -> list[tuple[float, float, float]]:
    return [(-x, y, z) for x, y, z in points]


def rigid_face() -> Tensor:
    """The rigid face, float32 (29, 3), in units of half a crop's side: the points of `POSE_POINTS`, in their order."""
    eye_order = (3, 2, 1, 0, 5, 4)  # of the other eye the inner corner comes first
    points = [
        *_mirrored(_JAW),
        *reversed(_JAW),
        *_NOSE_RIDGE,
        *_mirrored(_NOSE_BASE[:2]),
        _NOSE_BASE[2],
        *reversed(_NOSE_BASE[:2]),
        *_mirrored(_EYE),
        *(_EYE[index] for index in eye_order),
    ]
    return torch.tensor(points, dtype=torch.float32) / 64


def rotation_matrices(rotations: Tensor) -> Tensor:
    """Rotation vectors (..., 3), radians, as matrices (..., 3, 3)."""
    matrices: Tensor = torch.linalg.matrix_exp(_cross_matrices(rotations))
    return matrices


def project(points: Tensor, poses: Tensor) -> Tensor:
    """Rigid points under poses.

    Args:
        points: float (P, 3), in units of half a crop's side.
        poses: float (..., 6).

    Returns:
        float (..., P, 2), crop coordinates from -1 to 1, (x, y).
    """
    turned = points @ rotation_matrices(poses[..., :3]).transpose(-1, -2)
    return poses[..., None, 3:5] + poses[..., None, 5:] * turned[..., :2]


def head_poses(landmarks: Tensor, crop_px: int) -> Tensor:
    """The pose of each frame, by PnP.

    Args:
        landmarks: float (T, 68, 2), crop pixels, (x, y).
        crop_px: side of the crops.

    Returns:
        float32 (T, 6).

    Raises:
        ValueError: another shape, or the points of a frame are all one point, which has no pose.
    """
    if landmarks.ndim != 3 or landmarks.shape[1:] != (68, 2):
        raise ValueError(f"landmarks {tuple(landmarks.shape)}: expected (T, 68, 2)")
    seen = (landmarks[:, list(POSE_POINTS)].double() + 0.5) * 2 / crop_px - 1
    face = rigid_face().double()
    spread = seen.std(dim=1).mean(dim=1)
    if not bool((spread > 0.01).all()):
        frame = int((spread > 0.01).logical_not().nonzero()[0])
        raise ValueError(
            f"landmarks of frame {frame} lie in one point or are not finite; a pose needs a face's points"
        )
    rotations = torch.eye(3, dtype=torch.float64).repeat(len(seen), 1, 1)
    sizes = spread / face[:, :2].std(dim=0).mean()
    centres = seen.mean(dim=1) - sizes[:, None] * face[:, :2].mean(dim=0)
    for _ in range(NUM_ITERATIONS):
        turned = face @ rotations.transpose(1, 2)  # (T, P, 3)
        residual = seen - centres[:, None] - sizes[:, None, None] * turned[..., :2]
        step = _least_squares(turned, sizes, residual)
        rotations = rotation_matrices(step[:, :3]) @ rotations
        centres, sizes = centres + step[:, 3:5], sizes + step[:, 5]
    return torch.cat([rotation_vectors(rotations), centres, sizes[:, None]], dim=1).float()


def _least_squares(turned: Tensor, sizes: Tensor, residual: Tensor) -> Tensor:
    """The Gauss-Newton step (T, 6) of rotation (about the camera's axes), centre and size."""
    num_frames, num_points = turned.shape[:2]
    jacobian = torch.zeros(num_frames, num_points, 2, POSE_DIMS, dtype=turned.dtype)
    # The derivative of a turned point q by a small turn w is w x q.
    jacobian[..., :3] = sizes[:, None, None, None] * -_cross_matrices(turned)[..., :2, :]
    jacobian[..., 0, 3] = jacobian[..., 1, 4] = 1
    jacobian[..., 5] = turned[..., :2]
    rows = jacobian.flatten(1, 2)
    normal = rows.transpose(1, 2) @ rows + DAMPING * torch.eye(POSE_DIMS, dtype=rows.dtype)
    step: Tensor = torch.linalg.solve(normal, rows.transpose(1, 2) @ residual.flatten(1)[..., None])
    return step[..., 0]


def rotation_vectors(matrices: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of less than half a turn as vectors (..., 3), radians."""
    skew = (matrices - matrices.transpose(-1, -2)) / 2
    vectors = torch.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], dim=-1)  # axis times sine
    sine = vectors.norm(dim=-1, keepdim=True)
    cosine = (matrices.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True) - 1) / 2
    turns: Tensor = vectors * torch.atan2(sine, cosine) / sine.clamp_min(1e-12)
    return turns


def _cross_matrices(vectors: Tensor) -> Tensor:
    """[v] with [v] q = v x q, for vectors (..., 3): (..., 3, 3)."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    rows = (zero, -z, y, z, zero, -x, -y, x, zero)
    return torch.stack(rows, dim=-1).view(*vectors.shape[:-1], 3, 3)


def draw_boxes(poses: Tensor, map_px: int) -> Tensor:
    """The edges of a box around the head, drawn softly: a line is one pixel wide, its brightness falls as a Gaussian.

    Args:
        poses: float (..., 6).
        map_px: side of the maps.

    Returns:
        float (..., map_px, map_px) in [0, 1].
    """
    half_width, top, bottom, front, back = (value / 64 for value in _BOX)
    corners = torch.tensor(
        [
            [x, y, z]
            for x in (-half_width, half_width)
            for y in (top, bottom)
            for z in (front, back)
        ],
        device=poses.device,
    )  # fmt: skip
    pairs = [(a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b).bit_count() == 1]
    ends = (project(corners, poses.float()) + 1) * map_px / 2 - 0.5  # (..., 8, 2), map pixels
    starts = ends[..., [a for a, _ in pairs], :]
    along = ends[..., [b for _, b in pairs], :] - starts  # (..., 12, 2)
    pixels = torch.arange(map_px, device=poses.device, dtype=torch.float32)
    places = torch.stack(torch.meshgrid(pixels, pixels, indexing="xy"), dim=-1).view(-1, 1, 2)
    offsets = places - starts[..., None, :, :]  # (..., map_px ** 2, 12, 2)
    share = (offsets * along[..., None, :, :]).sum(-1) / along.square().sum(-1).clamp_min(1e-6)[..., None, :]
    nearest = offsets - share.clamp(0, 1)[..., None] * along[..., None, :, :]
    distance = nearest.square().sum(-1).amin(dim=-1)
    return torch.exp(-distance).view(*poses.shape[:-1], map_px, map_px)
