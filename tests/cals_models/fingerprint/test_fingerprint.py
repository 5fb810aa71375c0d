"""Fingerprints of small trees: what is said differently but is the same counts for nothing, what says something else counts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from cals_models.fingerprint.canonical import canonical_sql
from cals_models.fingerprint.closure import Scope
from cals_models.fingerprint.fingerprint import Fingerprint, fingerprint, sources
from cals_models.fingerprint.source_tree import SourceTree

REFERENCES = (Path(__file__).resolve().parents[3] / "cals_models" / "references.py").read_text()
PROGRAM = {
    "assets/__init__.py": "",
    "assets/work/__init__.py": '"""Work."""\n',
    "assets/work/asset.py": '''"""The asset."""
import os
from math import floor

import numpy as np

from assets.work.sizes import LIMIT, area
from . import scale
from cals_models.references import PackageFile, project_folder


def work(width: float, height: float = 2.0) -> float:
    """Area, at most the limit."""
    from assets.work.late import late

    return late(np.minimum(area(width, floor(height)), LIMIT) * scale.factor())  # square metres


def unused() -> str:
    return os.sep
''',
    "assets/work/sizes.py": '''LIMIT = 3
"""The most."""


class Box:
    """A box."""

    side: int = 2
    """Its side."""

    def area(self) -> int:
        return self.side * self.side


def area(width: float, height: float) -> float:
    return width * height * Box().area()
''',
    "assets/work/scale.py": "def factor():\n    return helper(2)\n\n\ndef helper(depth):\n    return factor() if depth > 3 else depth\n",
    "assets/work/late.py": "def late(value):\n    return value\n",
    "cals_models/__init__.py": "",
    "cals_models/references.py": REFERENCES,
}  # fmt: skip


def found(
    folder: Path, files: Mapping[str, str], root: str = "assets.work.asset:work", **scope: object
) -> Fingerprint:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return fingerprint(SourceTree(folder), [root], Scope(**scope))  # type: ignore[arg-type]


def edited(file: str, old: str, new: str) -> dict[str, str]:
    assert old in PROGRAM[file], old
    return PROGRAM | {file: PROGRAM[file].replace(old, new)}


ASSET, SIZES, SCALE = "assets/work/asset.py", "assets/work/sizes.py", "assets/work/scale.py"
SAME = {
    "a comment": edited(ASSET, "# square metres", "# m2"),
    "a docstring": edited(ASSET, "Area, at most", "The area, at most"),
    "a text below an attribute": edited(SIZES, '"""Its side."""', '"""Side."""'),
    "a docstring that is the whole change of a class": edited(SIZES, "A box.", "Box."),
    "formatting": edited(SIZES, "width * height *", "(width\n            * height) *"),
    "order of imports": edited(ASSET, "import os\nfrom math import floor\n", "from math import floor\nimport os\n"),
    "an import of a name that nothing reached uses": edited(ASSET, "import os\n", "import os\nimport json\n"),
    "a function that nothing reached uses": edited(ASSET, "return os.sep", "return os.sep * 2"),
    "a new function": edited(SCALE, "def factor", "def more():\n    return 1\n\n\ndef factor"),
    "a constant that moved": edited(SIZES, "LIMIT = 3\n", "from assets.work.limit import LIMIT\n")
    | {"assets/work/limit.py": "LIMIT = 3\n"},
    "a constant imported from where it moved": edited(SIZES, "LIMIT = 3\n", "")
    | {
        "assets/work/limit.py": "LIMIT = 3\n",
        ASSET: PROGRAM[ASSET].replace(
            "from assets.work.sizes import LIMIT, area\n",
            "from assets.work.limit import LIMIT\nfrom assets.work.sizes import area\n",
        ),
    },
    "a module renamed": {
        **{name: text for name, text in PROGRAM.items() if name != SCALE},
        "assets/work/scaling.py": PROGRAM[SCALE],
        ASSET: PROGRAM[ASSET].replace("from . import scale", "from . import scaling as scale"),
    },
    "order of definitions": edited(SIZES, "LIMIT = 3\n", "").__or__({SIZES: PROGRAM[SIZES].replace("LIMIT = 3\n", "") + "\n\nLIMIT = 3\n"}),
    "a relative import made absolute": edited(ASSET, "from . import scale", "from assets.work import scale"),
    "a block that runs only as a program": edited(SIZES, "LIMIT = 3", 'if __name__ == "__main__":\n    print(1)\nLIMIT = 3'),
}  # fmt: skip
OTHER = {
    "a line": edited(ASSET, "floor(height)", "floor(height) + 1"),
    "a constant": edited(SIZES, "LIMIT = 3", "LIMIT = 4"),
    "a float for a whole number": edited(SIZES, "LIMIT = 3", "LIMIT = 3.0"),
    "a default": edited(ASSET, "height: float = 2.0", "height: float = 2.5"),
    "a decorator": edited(SCALE, "def helper", "@staticmethod\ndef helper"),
    "an attribute of a class": edited(SIZES, "side: int = 2", "side: int = 3"),
    "a method": edited(SIZES, "self.side * self.side", "self.side"),
    "what only a method says": edited(SIZES, "* Box().area()", "* Box().side"),
    "a module imported relatively": edited(SCALE, "else depth", "else depth + 1"),
    "one of two functions that call each other": edited(SCALE, "helper(2)", "helper(1)"),
    "a module imported inside a function": PROGRAM | {"assets/work/late.py": "def late(value):\n    return value + 1\n"},
    "a function that a name now refers to": edited(ASSET, "from math import floor", "from math import ceil as floor"),
    "code of the package": PROGRAM | {"assets/work/__init__.py": "import numpy\n\nnumpy.seterr(all='ignore')\n"},
    "a call in a module": edited(SIZES, "LIMIT = 3\n", "LIMIT = 3\nprint(LIMIT)\n"),
    "an item set in a module": edited(SIZES, "LIMIT = 3\n", "import os\n\nLIMIT = 3\nos.environ['A'] = '1'\n"),
    "a module that is imported for what it does": edited(SIZES, "LIMIT = 3\n", "import assets.work.does\n\nLIMIT = 3\n")
    | {"assets/work/does.py": "print(2)\n"},
    "an import that fails gives another value": edited(SIZES, "LIMIT = 3", "try:\n    import cv2\nexcept ImportError:\n    cv2 = None\nLIMIT = 3"),
    "a name bound twice": edited(SIZES, "LIMIT = 3\n", "LIMIT = 3\nLIMIT = 3\n"),
}  # fmt: skip


@pytest.fixture
def before(tmp_path: Path) -> Fingerprint:
    return found(tmp_path / "before", PROGRAM)


@pytest.mark.parametrize("files", SAME.values(), ids=SAME)
def test_what_says_the_same_counts_for_nothing(
    files: dict[str, str], before: Fingerprint, tmp_path: Path
) -> None:
    assert files != PROGRAM
    assert found(tmp_path / "after", files).digest == before.digest


@pytest.mark.parametrize("files", OTHER.values(), ids=OTHER)
def test_what_says_something_else_counts(files: dict[str, str], before: Fingerprint, tmp_path: Path) -> None:
    assert found(tmp_path / "after", files).digest != before.digest


def digest_of_module(folder: Path, text: str, root: str = "B", **more: str) -> str:
    files = {"assets/__init__.py": "", "assets/m.py": text, "cals_models/__init__.py": "",
             "cals_models/references.py": REFERENCES} | more  # fmt: skip
    return found(folder / str(abs(hash(text + str(more)))), files, f"assets.m:{root}").digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A=1;B=A;A=2", "A=1;A=2;B=A"),
        ("A=1\ndef f(): return A\nB=f()\nA=2", "A=1\nA=2\ndef f(): return A\nB=f()"),
        ("R={};R['a']=1;B=dict(R);R['b']=2", "R={};R['a']=1;R['b']=2;B=dict(R)"),
        ("R=[];R.append(1);R.append(2);B=R", "R=[];R.append(2);R.append(1);B=R"),
        ("A=1\ndef B(x=A): return x\nA=2", "A=1\nA=2\ndef B(x=A): return x"),
        ("A=1\nclass B:\n    x=A\nA=2", "A=1\nA=2\nclass B:\n    x=A"),
        ("for i in (1, 2):\n    B = i", "for i in (2, 1):\n    B = i"),
        ("B, C = 1, 2", "B, C = 2, 1"),
        ("B = [1]\nB += [2]", "B = [1]\nB += [3]"),
        ("if 1 > 0:\n    B = 1\nelse:\n    B = 2", "if 1 > 0:\n    B = 2\nelse:\n    B = 1"),
    ],
)
def test_order_counts_between_statements_that_depend_on_each_other(
    one: str, other: str, tmp_path: Path
) -> None:
    assert digest_of_module(tmp_path, one) != digest_of_module(tmp_path, other)


def test_order_of_independent_statements_does_not_count(tmp_path: Path) -> None:
    assert digest_of_module(tmp_path, "A=1;C=2;B=A,C") == digest_of_module(tmp_path, "C=2;A=1;B=A,C")


def test_functions_of_one_name_that_change_places(tmp_path: Path) -> None:
    """Each definition is there in both trees; only what refers to which differs."""
    files = {"assets/one.py": "def f(): return 1\n", "assets/two.py": "def f(): return 2\n"}
    text = "from assets import one, two\ndef a(): return one.f()\ndef b(): return two.f()\nB = a, b"
    swapped = {"assets/one.py": files["assets/two.py"], "assets/two.py": files["assets/one.py"]}
    assert digest_of_module(tmp_path, text, **files) != digest_of_module(tmp_path, text, **swapped)


@pytest.mark.parametrize(
    "text",
    [
        "from assets import one\nB = [getattr(one, name) for name in ('f',)]",
        "from assets import one\nB = vars(one)",
        "import assets.one\nB = assets.one.f",
        "from assets.one import *\nB = f",
        "from assets.again import f\nB = f",
        "B = 'assets.one:f'",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from assets.one import f\ndef B(x: f) -> None: ...",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from assets.one import f\ndef B(x: 'list[f]') -> None: ...",
        "def B():\n    def inner():\n        from assets.one import f\n        return f\n    return inner",
        "def B():\n    import assets.one as one\n    return one.f",
        "try:\n    from assets.one import f\nexcept ImportError:\n    f = None\nB = f",
        "from assets.one import f\nclass B(f): ...",
        "from assets.one import f\nB = lambda x=f: x",
        "import assets.one as one\nimport assets.one as other\nB = other.f",
    ],
)
def test_every_way_to_name_a_definition_is_followed(text: str, tmp_path: Path) -> None:
    before = {"assets/one.py": "def f(): return 1\n", "assets/again.py": "from .one import f as f\n"}
    after = before | {"assets/one.py": "def f(): return 2\n"}
    assert digest_of_module(tmp_path, text, **before) != digest_of_module(tmp_path, text, **after)


TABLE = "from cals_models.references import {form}\nT = {form}(one='assets.one:f', two='assets.two:f')\nB = T"
INNER_TABLE = (
    "from cals_models.references import {form}\nB = dict(t={form}(one='assets.one:f', two='assets.two:f'))"
)
ENTRIES = {"assets/one.py": "def f(): return 1\n", "assets/two.py": "def f(): return 2\n"}


def of_table(
    folder: Path, form: str, files: Mapping[str, str] = ENTRIES, table: str = TABLE, **scope: object
) -> Fingerprint:
    text = table.format(form=form)
    more = {"assets/__init__.py": "", "assets/m.py": text, "cals_models/__init__.py": "",
            "cals_models/references.py": REFERENCES}  # fmt: skip
    return found(folder / f"{form}{len(list(folder.iterdir()))}", more | files, "assets.m:B", **scope)


@pytest.mark.parametrize("table", [TABLE, INNER_TABLE], ids=["named", "inside"])
def test_only_the_entry_of_the_stage_counts_of_a_table_by_stage(tmp_path: Path, table: str) -> None:
    changed = ENTRIES | {"assets/two.py": "def f(): return 3\n"}

    def digests(**scope: object) -> list[str]:
        return [of_table(tmp_path, "ByStage", files, table, **scope).digest for files in (ENTRIES, changed)]

    one, two, every = digests(stage="one"), digests(stage="two"), digests(every_stage=True)
    assert one[0] == one[1]
    assert two[0] != two[1]
    assert every[0] != every[1]


def test_all_entries_of_choices_count_unless_partitions_choose(tmp_path: Path) -> None:
    changed = ENTRIES | {"assets/two.py": "def f(): return 3\n"}
    assert of_table(tmp_path, "Choices").digest != of_table(tmp_path, "Choices", changed).digest
    scope = {"chosen_elsewhere": frozenset({"assets.m:T"})}
    left = [of_table(tmp_path, "Choices", files, **scope) for files in (ENTRIES, changed)]
    assert left[0].digest == left[1].digest and left[0].tables == ("assets.m:T",)


def test_libraries_are_those_that_reached_code_imports(before: Fingerprint) -> None:
    assert before.modules == ("numpy",)


def test_libraries_inside_functions_and_for_types(tmp_path: Path) -> None:
    text = (
        "from typing import TYPE_CHECKING\nimport cv2\nif TYPE_CHECKING:\n    import torch\n"
        "def B(x: 'torch.Tensor'):\n    import av.logging\n    return av\ndef other(): return cv2"
    )
    files = {"assets/__init__.py": "", "assets/m.py": text}
    assert found(tmp_path, files, "assets.m:B").modules == ("av",)


def test_files_of_packages_and_of_the_project(tmp_path: Path) -> None:
    text = (
        "from cals_models.references import PackageFile, project_folder\n"
        "FILE = PackageFile('shipped', 'models/a.dat')\nB = project_folder('sql'), FILE\n"
    )
    sql = "-- a view\ncreate view v as\nselect a -- the a\nfrom t\n"
    before = digest_of_module(tmp_path, text, **{"sql/v.sql": sql, "sql/t.csv": "a\n1\n"})
    say_same = sql.replace("the a", "an a").replace("\nfrom", "\n    from").replace("-- a view\n", "")
    assert digest_of_module(tmp_path, text, **{"sql/v.sql": say_same, "sql/t.csv": "a\n1\n"}) == before
    for changed in (
        {"sql/v.sql": sql.replace("select a", "select b")},
        {"sql/t.csv": "a\n2\n"},
        {"sql/new.sql": "select 1"},
    ):
        assert (
            digest_of_module(tmp_path, text, **{"sql/v.sql": sql, "sql/t.csv": "a\n1\n"} | changed) != before
        )
    assert found(tmp_path / "x", {"assets/__init__.py": "", "assets/m.py": text, "cals_models/__init__.py": "",
                 "cals_models/references.py": REFERENCES}, "assets.m:B").package_files == (("shipped", "models/a.dat"),)  # fmt: skip


def test_sql_in_quotes_stays_as_it_is() -> None:
    assert canonical_sql("select  'a -- b', \"c  d\" /* e */ ,\n f -- g\n") == "select 'a -- b', \"c  d\" , f"


def test_definitions_and_their_sources_have_names(before: Fingerprint, tmp_path: Path) -> None:
    assert set(before.definitions) == {
        "assets.work.asset.work", "assets.work.sizes.LIMIT", "assets.work.sizes.area", "assets.work.sizes.Box",
        "assets.work.scale.factor", "assets.work.scale.helper", "assets.work.late.late",
    }  # fmt: skip
    found(tmp_path, PROGRAM)
    texts = sources(SourceTree(tmp_path), before.definitions)
    assert texts["assets.work.sizes.LIMIT"] == "LIMIT = 3"
    assert "# square metres" in texts["assets.work.asset.work"]


def test_a_reference_to_no_module_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no module assets\.nothing under .*assets\.nothing:f names it"):
        found(tmp_path, PROGRAM, "assets.nothing:f")


def test_bookkeeping_ends_a_reference(tmp_path: Path) -> None:
    text = "from assets.project.home import place\nB = place"
    files = {"assets/project/__init__.py": "", "assets/project/home.py": "def place(): return 1\n"}
    other = files | {"assets/project/home.py": "def place(): return 2\n"}
    assert digest_of_module(tmp_path, text, **files) == digest_of_module(tmp_path, text, **other)


def test_the_digest_is_the_same_everywhere(before: Fingerprint) -> None:
    """Recorded by Python 3.11; another version, or a change of the canonical form, must give the same."""
    assert before.digest == "b3164b0792ba4e85042bda34ee9fef92", sys.version
