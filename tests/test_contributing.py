"""CONTRIBUTING.md sends a newcomer to files that are there and do what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "CONTRIBUTING.md"

# A file that the page names -> what must stand in it for the row to be true.
PROOF = {
    "assets/mels/settings.py": "hop_samples",
    "assets/mels/mel.py": "log10_()",
    "cals_models/timebase.py": "MELS_PER_FRAME = 4",
    "cals_models/training/sync_losses.py": "d_vv",
    "cals_models/losses.py": "def sequence_contrast",
    "assets/clips/clip_rows.py": "Rejected(",
    "assets/clips/settings.py": "min_",
    "assets/faces/track_clip.py": "Rejected(",
    "assets/faces/settings.py": "min_track_frames",
    "assets/media/scene_change.py": "def scene_change",
    "assets/faces/shots.py": "scene_change(",
    "assets/clips/shots.py": "scene_change(",
    "assets/media/display.py": "def shown_frames",
    "assets/clips/rejections.py": "MOST_REJECTED_SHARE",
    "sql/marts/table_3.sql": "create",
    "pipelines/cli/errors.py": "cals: error:",
    "assets/project/settings.py": "SettingsError(",
    "cals_models/declarations/declared.py": "did you mean",
    "pipelines/dubbing/rest.py": "def find_rest",
    "pipelines/dubbing/cast_audio.py": "class CastAudio",
    "pipelines/dubbing/find_speaker.py": "def find_speaker",
    "pipelines/dubbing/join_tracks.py": "def people",
    "pipelines/dubbing/covered_face.py": "def covers",
    "pipelines/dubbing/paste_mouth.py": "def ",
    "pipelines/adapt.py": "def adapt",
    "cals_models/shards/shard_format.py": "CROP_SIZES_PX",
    "cals_models/methods/needs.py": "def unmet_need",
    "pipelines/unmet_needs.py": "def unmet_need_of",
    "assets/project/settings_names.py": "def settings_name",
    "cals_models/inference/frame_generator.py": "class FrameGenerator",
    "assets/project/graph.py": "Stage(",
    "pipelines/staleness.py": "kind=",
    "pipelines/web/door.py": "class Door",
    "pipelines/ui/graphql_gate.py": "class GraphqlGate",
    "pipelines/web/connections.py": "HEADERS_S",
    "cals_models/config/profiles.py": '"tiny"',
    "assets/project/atomic_files.py": "os.replace",
    "assets/store/partition_runs.py": "FileLock(",
    "pipelines/status.py": "KILLED",
    "assets/store/moved_rows.py": "class MovedRows",
    "tests/test_words.py": "TERMS",
    "tests/support/odd_footage.py": "def odd_footage",
    "cals_models/references.py": "class PackageFile",
    "assets/store/bucket_pass.py": "def fill_buckets",
    "tests/assets/project/test_what_runs.py": "mutant",
}


def test_every_file_that_is_named_is_proven() -> None:
    named = set(re.findall(r"`([a-z_]+/[\w/]+\.(?:py|sql))`", PAGE.read_text(encoding="utf-8")))
    assert named == set(PROOF)


@pytest.mark.parametrize("name", PROOF)
def test_a_named_file_holds_what_the_page_says(name: str) -> None:
    assert PROOF[name] in (PROJECT / name).read_text(encoding="utf-8")
