"""Geometry of the 68 points."""

from __future__ import annotations

import numpy as np
import pytest

from assets.faces.canonical_face import template
from assets.faces.landmarks import (
    MIRRORED,
    boxes_of,
    is_upright_face,
    mouth_opening,
    overlap,
    overlaps,
    spread,
)


def test_mirroring_twice_changes_nothing() -> None:
    assert sorted(MIRRORED) == list(range(68))
    assert (MIRRORED[MIRRORED] == np.arange(68)).all()


def test_boxes_grow_and_move_with_the_face() -> None:
    face = template(128)
    box = boxes_of(face)
    assert box[2] - box[0] == pytest.approx(box[3] - box[1])
    assert (face.min(axis=0) > box[:2] - 8).all() and (face.max(axis=0) < box[2:] + 8).all()
    np.testing.assert_allclose(boxes_of(face * 3 + 10), box * 3 + 10, rtol=1e-4)
    np.testing.assert_allclose(boxes_of(np.stack([face, face])), np.stack([box, box]))


def test_overlap_of_boxes() -> None:
    box = np.array([0, 0, 10, 10], np.float32)
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [10, 0, 20, 10]], np.float32)
    assert overlaps(box, others).tolist() == pytest.approx([1, 1 / 3, 0, 0])
    assert [overlap(box, other) for other in others] == pytest.approx([1, 1 / 3, 0, 0])


def test_mouth_opening_is_measured_in_face_sizes() -> None:
    face = template(128).copy()
    closed = mouth_opening(face)
    face[65:68, 1] += 8
    assert mouth_opening(face) - closed == pytest.approx(8 / spread(template(128)), rel=0.1)
    assert mouth_opening(face * 2) == pytest.approx(mouth_opening(face), rel=1e-5)


def test_only_upright_faces_pass() -> None:
    face = template(128)
    turn = np.deg2rad(40)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    assert is_upright_face(face)
    assert is_upright_face((face @ rotation.T).astype(np.float32))
    assert not is_upright_face(face * [1, -1])
    assert not is_upright_face(np.zeros((68, 2), np.float32))
    assert not is_upright_face(np.full((68, 2), np.nan, np.float32))
    assert not is_upright_face(np.random.default_rng(0).normal(size=(68, 2)).astype(np.float32))
