"""The journal of answers: nothing confirmed is lost, nothing doubled or foreign is accepted."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assets.mos.invitations import WINDOW
from assets.mos.part import rating_rows, ratings_digest, write_ratings_part
from assets.mos.ratings import Journal, RejectedAnswer
from assets.mos.scales import SCALE_NAMES
from assets.project.home import Home
from assets.store.warehouse import publish, query
from tests.assets.mos.mos_studies import DATASET, answer_all, make_study

GOOD = dict.fromkeys(SCALE_NAMES, 4)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_an_answer_is_on_disk_and_seen_by_others_when_it_is_confirmed(home: Home) -> None:
    study = make_study(home)
    journal = Journal(study)
    rater, token = journal.add_rater()
    first = study.order(0)[0]
    assert journal.next_video(rater) == first
    journal.add_answer(rater, first.name, GOOD, 3.5)
    elsewhere = Journal(study)
    same = elsewhere.rater(token)
    assert same is not None and same.answers[first.name].ratings == GOOD
    assert elsewhere.next_video(same) == study.order(0)[1]
    assert token not in study.answers_path.read_text()


@pytest.mark.parametrize(
    "ratings", [{}, GOOD | {"realness": 6}, GOOD | {"realness": 0}, GOOD | {"beauty": 3}]
)
def test_wrong_values_are_rejected(home: Home, ratings: dict[str, int]) -> None:
    study = make_study(home)
    journal = Journal(study)
    rater, _ = journal.add_rater()
    with pytest.raises(RejectedAnswer, match="number from 1 to 5") as rejected:
        journal.add_answer(rater, study.order(0)[0].name, ratings, None)
    assert rejected.value.kind == "bad_value" and rater.answers == {}


def test_doubled_and_foreign_answers_are_rejected(home: Home) -> None:
    study = make_study(home)
    journal, other = Journal(study), Journal(study)
    rater, token = journal.add_rater()
    first, second, *_ = study.order(0)
    journal.add_answer(rater, first.name, GOOD, None)
    twin = other.rater(token)
    assert twin is not None
    for where, who in ((journal, rater), (other, twin)):
        with pytest.raises(RejectedAnswer, match="answered already") as rejected:
            where.add_answer(who, first.name, dict.fromkeys(SCALE_NAMES, 1), None)
        assert rejected.value.kind == "doubled"
    for name in (study.order(0)[5].name, study.practice["in_sync"].name, "0" * 16):
        with pytest.raises(RejectedAnswer, match="not the video") as rejected:
            journal.add_answer(rater, name, GOOD, None)
        assert rejected.value.kind == "not_asked"
    other.add_answer(twin, second.name, GOOD, None)
    with pytest.raises(RejectedAnswer, match="answered already"):
        journal.add_answer(rater, second.name, GOOD, None)
    assert journal.rater("somebody else's") is None


def test_a_line_cut_short_by_a_kill_costs_nothing_that_was_confirmed(home: Home) -> None:
    study = make_study(home)
    rater = answer_all(Journal(study), lambda video, scale: 3, most=2)
    whole = study.answers_path.read_bytes()
    study.answers_path.write_bytes(whole + b'{"kind": "answer", "rater": "rater_001", "vid')
    journal = Journal(study)
    (after,) = journal.raters()
    assert list(after.answers) == list(rater.answers)
    third = journal.next_video(after)
    assert third is not None
    journal.add_answer(after, third.name, GOOD, None)
    assert len(Journal(study).raters()[0].answers) == 3
    assert study.answers_path.read_bytes().startswith(whole)


ENDLESS = """
import sys
from pathlib import Path
from assets.project.home import Home
from assets.mos.ratings import Journal
from assets.mos.study import load_study
from tests.assets.mos.mos_studies import DATASET, answer_all
journal = Journal(load_study(Home(Path(sys.argv[1])), DATASET, "main"))
while True:
    rater = answer_all(journal, lambda video, scale: 3, most=1)
    print(rater.name, *rater.answers, flush=True)
"""


def test_kill_at_any_moment_loses_no_confirmed_answer(home: Home) -> None:
    study = make_study(home)
    worker = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(home.root)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    confirmed = [worker.stdout.readline() for _ in range(10)]
    worker.kill()
    confirmed += [line for line in worker.stdout if line.endswith("\n")]
    worker.wait()
    kept = {rater.name: list(rater.answers) for rater in Journal(study).raters()}
    assert len(confirmed) >= 10
    assert all([*kept[line.split()[0]]] == line.split()[1:] for line in confirmed)


def test_many_raters_at_once_each_have_their_number(home: Home) -> None:
    study = make_study(home)
    journals = [Journal(study), Journal(study)]
    threads = [threading.Thread(target=answer_all, args=(j, lambda v, s: 2)) for j in journals * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    raters = Journal(study).raters()
    assert sorted(rater.number for rater in raters) == list(range(6))
    assert [rater.name for rater in raters] == [f"rater_{n:03d}" for n in range(1, 7)]
    assert all(len(rater.answers) == 12 for rater in raters)
    for line in study.answers_path.read_text().splitlines():
        json.loads(line)


def test_who_answers_nothing_is_no_rater_and_takes_no_place_in_the_order(home: Home) -> None:
    study = make_study(home)
    journal = Journal(study)
    early, early_token = journal.add_rater()
    tokens = {journal.add_rater()[1] for _ in range(3000)}
    assert len(tokens) == 3000 and not study.answers_path.exists()
    raters = [answer_all(journal, lambda video, scale: 3) for _ in range(30)]
    numbers = {rater.number for rater in raters}
    assert len(numbers) == 30 and max(numbers) < 30 + WINDOW, "one place each, and not far apart"
    waiting = Journal(study).rater(early_token)  # also after the server was started again
    assert waiting is not None and waiting.number == early.number
    video = journal.next_video(waiting)
    assert video is not None
    journal.add_answer(waiting, video.name, GOOD, None)
    assert waiting.name == "rater_031" and len({rater.number for rater in Journal(study).raters()}) == 31


def test_only_signed_tokens_are_invitations(home: Home) -> None:
    study = make_study(home)
    journal = Journal(study)
    _, token = journal.add_rater()
    text, number, signature = token.split(".")
    for forged in (
        "",
        ".",
        "..",
        text,
        f"{text}.{number}.",
        f"{text}.7.{signature}",
        f"{text}.{number}.{'0' * 32}",
        "ü.0.ü",
    ):
        assert journal.rater(forged) is None
    assert (study.folder / ".key").stat().st_mode & 0o077 == 0
    assert journal.rater(token) is not None


def test_there_is_an_end_to_raters(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assets.mos.ratings.MOST_RATERS", 2)
    journal = Journal(make_study(home))
    late, _ = journal.add_rater()
    for _ in range(2):
        answer_all(journal, lambda video, scale: 3, most=1)
    with pytest.raises(RejectedAnswer, match="2 raters took part"):
        journal.add_rater()
    video = journal.next_video(late)
    assert video is not None
    with pytest.raises(RejectedAnswer, match="2 raters took part"):
        journal.add_answer(late, video.name, GOOD, None)
    assert len(journal.raters()) == 2


def test_ratings_reach_the_warehouse_and_change_the_source(home: Home) -> None:
    study = make_study(home)
    journal = Journal(study)
    before = ratings_digest(home, DATASET)
    journal.add_rater()
    assert ratings_digest(home, DATASET) == before
    answer_all(journal, lambda video, scale: 5 if video.method == "ground_truth" else 2, most=5)
    after = ratings_digest(home, DATASET)
    assert after != before == ratings_digest(home, "another")
    write_ratings_part(home, DATASET)
    publish(home)
    found = query(home.database, "select * from mos_ratings order by rated_at")
    assert len(found) == len(rating_rows(study, journal.raters())) == 15
    assert set(found["rater"]) == {"rater_001"}, "who answered nothing is no rater" and set(
        found["study"]
    ) == {"main"}
    table = query(
        home.database, "select * from table_2 where source = 'measured' and method = 'ground_truth'"
    )
    assert table["realness"].item() == 5
    assert ratings_digest(home, DATASET) == after
