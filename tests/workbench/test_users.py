"""Users of a prepared set: reading, finding, and what speaks for a recommendation; by hand."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from pathlib import Path

import pytest

from recsys_core.errors import InputError
from tests.workbench.films import N_USERS, prepare_films, write_list_run
from workbench.store.files import StoreError
from workbench.store.items import Item
from workbench.store.users import Browse, _places
from workbench.store.users_find import find_users, user_attributes
from workbench.store.users_question import Question, parse_question
from workbench.store.users_why import genre_shares, shared_genres, ties


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    prepare_films(folder)
    return folder


@pytest.fixture
def browse(data_dir: Path) -> Iterator[Browse]:
    with Browse(data_dir, "films") as opened:
        yield opened


def test_a_user_is_found_by_id(browse: Browse) -> None:
    user = browse.find_user("u1")
    assert (user.number, user.events, user.attributes) == (1, 3, {"age": "25-34", "gender": "M"})
    history = browse.history(1)
    assert [(event.item, event.rating) for event in history] == [(0, 4.0), (5, 5.0), (7, 4.0)]
    assert history[0].time == 946_684_800
    assert browse.item(7).title == "Popular (1990)"


def test_an_unknown_id_names_those_near_it(browse: Browse) -> None:
    with pytest.raises(StoreError, match="no user 'u12' in data set 'films'") as error:
        browse.find_user("u12")
    assert "ids near it: u1, u0, u2, u3" in str(error.value)
    with pytest.raises(StoreError, match="ids near it: u0, u1, u2, u3"):
        browse.find_user("42")


def test_a_set_that_is_missing_changed_or_damaged_is_refused(
    data_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="data set 'books' is not in"):
        Browse(data_dir, "books")
    with pytest.raises(StoreError, match="is not the one the run was trained on"):
        Browse(data_dir, "films", "another")
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "browse.sqlite").write_text("no database at all, but long enough")
    with pytest.raises(StoreError, match="damaged"):
        Browse(tmp_path, "films")


def test_a_number_is_found_at_its_places_alone() -> None:
    content = b"\x00\x01\x00\x00" + b"\x01\x00\x00\x00"  # 256, 1: the bytes of 1 also begin at 1
    assert list(_places(content, (1).to_bytes(4, "little"))) == [1]
    assert list(_places(content + content, (256).to_bytes(4, "little"))) == [0, 2]
    assert list(_places(content, (2).to_bytes(4, "little"))) == []


def test_who_knows_an_item(browse: Browse) -> None:
    assert [(fan.user, fan.rating) for fan in browse.fans(0, 10)] == [(0, 5.0), (1, 4.0), (2, 5.0)]
    assert [fan.user for fan in browse.fans(7, 2)] == [0, 1]
    assert browse.most_popular(2) == [(7, 6), (0, 3)]
    assert browse.most_popular(1, without=[7]) == [(0, 3)]


def test_ties_are_cosines_of_who_rated_both(browse: Browse) -> None:
    """Item 5 is rated by users 0, 1, 2; item 0 by the same, item 7 by all six, item 2 by 3, 4."""
    found = ties(browse, [5, 2], [0, 7, 1])
    assert [tie.item for tie in found[5]] == [0, 7, 1]
    assert [tie.weight for tie in found[5]] == pytest.approx(
        [3 / sqrt(3 * 3), 3 / sqrt(3 * 6), 1 / sqrt(3 * 3)]
    )
    assert [tie.item for tie in found[2]] == [1, 7]
    assert [tie.item for tie in ties(browse, [0], [0, 7])[0]] == [7]  # nothing explains itself


def test_ties_of_a_large_set_are_of_every_nth_user(
    browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 events, at most 10 counted: users 0, 2, 4; of these 0 and 2 rated items 0, 5 and 7."""
    monkeypatch.setattr("workbench.store.users_why.EVENTS", 19)
    (first, second) = ties(browse, [5], [0, 7])[5]
    assert (first.item, second.item) == (0, 7)
    assert first.weight == pytest.approx(2 / sqrt(2 * 2))
    assert second.weight == pytest.approx(2 / sqrt(2 * 3))


def test_genres_of_a_list() -> None:
    war = Item(0, "a", "", ("War", "Drama"))
    shares = genre_shares([war, Item(1, "b", "", ("War",)), Item(2, "c", "", ())])
    assert shares == {"War": pytest.approx(2 / 3), "Drama": pytest.approx(1 / 3)}
    assert shared_genres(Item(3, "d", "", ("Comedy", "Drama", "War")), shares) == ("War", "Drama")


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("", list(range(N_USERS))),
        ("u3", [3]),
        ("u", list(range(N_USERS))),
        ("age=25", [1, 4]),  # 25 is in 25-34
        ("age=18-24", [0, 3]),
        ("age>=25 gender=f", [2, 4]),  # 56+ and 25-34
        ("min-history=4", [0, 2, 4]),
        ("min-history=3 max-history=3", [1, 3]),
        ("genre=horror", [0, 1, 2]),  # 2/5, 1/3, 1/4
        ("genre=Horror>.35", [0]),
        ("genre=Sci-Fi>=.5 genre=Horror<.3", [2]),
        ("rated=105", [0, 1, 2]),
        ("liked=104", []),  # user 2 rated it 1
        ("rated=104 age=56+", [2]),
        ("liked=107 best=ndcg@10", [2, 1, 3]),
        ("most=events", [0, 2, 4, 1, 3, 5]),
        ("least=events min-history=4", [2, 4, 0]),
        ("worst=ndcg@10", [3, 1, 0, 2]),
        ("best=ndcg@10", [2, 0, 1, 3]),
        ("ndcg@10>=.5", [0, 2]),
        ("gain=ndcg@10", [3, 1, 2, 0]),
        ("loss=ndcg@10 genre=Horror", [0, 2, 1]),
        ('gender="M" best=ndcg@10', [1, 3]),
        ("gender='M", []),  # a quote that is still open
    ],
)
def test_users_are_found_by_conditions(
    text: str, users: list[int], browse: Browse, tmp_path: Path
) -> None:
    first = write_list_run(tmp_path, "one", {}, ndcg={0: 0.5, 1: 0.25, 2: 1.0, 3: 0.0})
    second = write_list_run(tmp_path, "two", {}, ndcg={0: 0.25, 1: 0.5, 2: 1.0, 3: 0.75})
    question = parse_question(text, user_attributes(browse), ["ndcg@10"])
    found = find_users(browse, question, [first, second])
    assert list(found.users) == users
    assert len(found.values) == (len(users) if found.column else 0)


def test_values_say_what_was_asked_for(browse: Browse, tmp_path: Path) -> None:
    first = write_list_run(tmp_path, "one", {}, ndcg={0: 0.5, 1: 0.25})
    second = write_list_run(tmp_path, "two", {}, ndcg={0: 0.25, 1: 0.5})
    gain = find_users(browse, Question(order=("gain", "ndcg@10")), [first, second])
    assert (gain.column, list(gain.values)) == ("Δ ndcg@10", [0.25, -0.25])
    taste = find_users(browse, Question(genres=(("Horror", ">=", 0.2),)))
    assert taste.column == "Horror"
    assert list(taste.values) == pytest.approx([0.4, 1 / 3, 0.25])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agee=25", "unknown condition 'agee'\ndid you mean 'age'?"),
        ("worst=ndcg@20", "unknown metric of users 'ndcg@20'\ndid you mean 'ndcg@10'?"),
        ("genre=Horor", "unknown genre 'Horor'\ndid you mean 'Horror'?"),
        ("most=ratings", "'most=ratings' is not an order\nmost=events"),
        ("rated=7", "no item '7' in data set 'films'"),
        ("min-history=many", "'min-history=many' wants a number, got 'many'\ne.g. min-history=50"),
        ("min-history=inf", "'min-history=inf' wants a number, got 'inf'"),
        ("max-history=nan", "'max-history=nan' wants a number, got 'nan'"),
        ("ndcg@10<nan", "'ndcg@10<nan' wants a number, got 'nan'"),
        ("age>=old", "'age>=old' wants a number, got 'old'"),
        ("gain=ndcg@10", "gain=ndcg@10 compares two runs"),
    ],
)
def test_wrong_conditions(text: str, message: str, browse: Browse, tmp_path: Path) -> None:
    run = write_list_run(tmp_path, "one", {}, ndcg={0: 0.5})
    with pytest.raises(InputError) as error:
        find_users(browse, parse_question(text, ["age"], ["ndcg@10"]), [run])
    assert message in str(error.value)


def test_a_gain_needs_a_metric_that_both_runs_have(browse: Browse, tmp_path: Path) -> None:
    first = write_list_run(tmp_path, "one", {}, ndcg={0: 0.5})
    second = write_list_run(tmp_path, "two", {}, ndcg={})
    with pytest.raises(InputError, match=r"run \S*two\S* has no ndcg@10 of users"):
        find_users(browse, Question(order=("gain", "ndcg@10")), [first, second])


def test_a_metric_needs_a_run(browse: Browse) -> None:
    with pytest.raises(InputError, match="is a metric of a run"):
        parse_question("worst=ndcg@10", [], [])
    with pytest.raises(InputError, match="is a metric of a run"):
        find_users(browse, Question(order=("worst", "ndcg@10")))
