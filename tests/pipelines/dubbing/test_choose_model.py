"""Which generator a dub uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.project.home import Home
from pipelines.dubbing.choose_model import choose_model
from tests.pipelines.dubbing.dub_inputs import register_model


def test_the_newest_cals_generator_is_the_default_and_others_go_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = Home(tmp_path)
    with pytest.raises(ValueError, match="no cals generator is registered"):
        choose_model(home, None)
    old, new = register_model(home, "old", "cals", 1000), register_model(home, "new", "cals", 2000)
    wav2lip = register_model(home, "old", "wav2lip", 3000)
    choice = choose_model(home, None)
    assert choice.folder == new and choice.why == "the newest registered cals generator, trained on new"
    assert choose_model(home, "old").folder == old
    assert choose_model(home, "old/wav2lip").folder == wav2lip
    assert choose_model(home, str(old)).folder == old
    for wanted in ("other", "../old", "old/a2l"):
        with pytest.raises(
            ValueError, match=r"neither a folder nor a registered generator.*old/cals, old/wav2lip"
        ):
            choose_model(home, wanted)
