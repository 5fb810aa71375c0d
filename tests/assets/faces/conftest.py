"""Fixtures of the face tests."""

from __future__ import annotations

import pytest

from assets.faces.backends.dlib import DlibBackend


@pytest.fixture(scope="session")
def dlib_backend() -> DlibBackend:
    return DlibBackend()
