"""The kept code of each code version, whole and damaged."""

from __future__ import annotations

from pathlib import Path

from assets.project.graph import stage_code
from assets.project.home import Home
from assets.store import code_store


def test_the_files_of_a_code_version_hold_its_definitions_and_their_sources(tmp_path: Path) -> None:
    home, mels, report = Home(tmp_path), stage_code("mels"), stage_code("metric_report")
    code_store.remember_code(home, mels)
    code_store.remember_code(home, report)
    own, *sources = code_store.code_files(home, mels.digest)
    assert own == code_store.code_path(home, mels.digest) and len(sources) == 1
    assert {own, *sources} < {*code_store.code_files(home, report.digest), own}
    assert all(path.is_file() for path in code_store.code_files(home, report.digest))


def test_a_damaged_file_of_sources_is_passed_over(tmp_path: Path) -> None:
    home, code = Home(tmp_path), stage_code("mels")
    code_store.remember_code(home, code)
    wanted = code.definitions.values()
    assert code_store.recall_sources(home, wanted)
    _, source_file = code_store.code_files(home, code.digest)
    whole = source_file.read_bytes()
    for damaged in (b"", whole[:100], whole[:50] + b"\0" * 50 + whole[100:]):
        source_file.write_bytes(damaged)
        assert code_store.recall_sources(home, wanted) == {}
