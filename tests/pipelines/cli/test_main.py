"""The parser of ``cals``: a module a command, and one line for whatever is wrong."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from pipelines.cli import main as cli_main
from pipelines.cli.errors import EXIT_INTERRUPTED, EXIT_NOT_DONE, EXIT_USAGE, run_command
from pipelines.cli.main import COMMANDS, main


def test_a_command_is_in_the_module_of_its_name() -> None:
    names: dict[str, str] = {}
    for module in COMMANDS:
        parser = cli_main.Parser()

        def add(
            name: str, _run: object, text: str, module: object = module, parser: object = parser
        ) -> object:
            names[name] = module.__name__.rpartition(".")[2]  # type: ignore[attr-defined]
            assert text
            return parser

        module.add_command(add)  # type: ignore[arg-type]
    assert names == {name: name.replace("-", "_") for name in names} and len(names) == len(COMMANDS)
    here = {path.stem for path in Path(cli_main.__file__).parent.glob("*.py")}
    assert here == {*names.values(), "__init__", "command", "errors", "main", "selection"}


def test_wrong_usage_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["add", "x"], ["no-such-command"], ["run", "--no-such-option"], []):
        with pytest.raises(SystemExit) as leaving:
            main(wrong)
        said = capsys.readouterr().err
        assert leaving.value.code == EXIT_USAGE == 2
        assert said.count("\n") == 1 and ": error: " in said and "--help)" in said


def test_a_bad_settings_file_is_one_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALS_CONFIG", "put back afterwards")
    config = tmp_path / "cals.yaml"
    config.write_text("datasets:\n  made: {layout: lsr2, root: raw}\n")
    assert main(["--config", str(config), "stale"]) == EXIT_NOT_DONE == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith(
        f"cals: error: {config}: datasets.made.layout: unknown 'lsr2'"
    )


def test_errors_become_one_line_unless_debugged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CALS_DEBUG", raising=False)

    def fails(_: Namespace) -> int:
        raise ValueError("two\n  lines")

    def interrupted(_: Namespace) -> int:
        raise KeyboardInterrupt

    assert run_command(lambda _: 0, Namespace()) == 0
    assert run_command(fails, Namespace()) == EXIT_NOT_DONE
    assert capsys.readouterr().err == "cals: error: two lines\n"
    assert run_command(interrupted, Namespace()) == EXIT_INTERRUPTED == 130
    assert "cals: interrupted" in capsys.readouterr().err
    monkeypatch.setenv("CALS_DEBUG", "1")
    with pytest.raises(ValueError, match="two"):
        run_command(fails, Namespace())
