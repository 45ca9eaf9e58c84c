"""The demo's story must fail, and say why, when the shop does not do what it should."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from demo.client import ANYBODY, Shop, StoryError, masked, printed
from demo.expected import Terms, terms_of
from demo.story import Story

TERMS = Terms(
    channel_id="Q2hhbm5lbDox",
    currency="USD",
    per_unit=Decimal("1.5"),
    worth=Decimal("0.01"),
    with_shipping=False,
    pending=False,
)
Answers = Callable[[list[dict[str, Any]]], Shop]


@pytest.fixture
def shown() -> list[str]:
    return []


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, shown: list[str]) -> Answers:
    """A shop that gives these answers, the last of them again and again."""

    def make(answers: list[dict[str, Any]]) -> Shop:
        monkeypatch.setattr(Shop, "post", lambda *_: answers.pop(0) if len(answers) > 1 else answers[0])
        return Shop("http://shop.example.com/graphql/", shown.append)

    return make


def configuration(**values: str) -> list[dict[str, Any]]:
    return [
        {
            "active": True,
            "channel": {"id": "Q2hhbm5lbDox", "slug": "default-channel", "currencyCode": "USD"},
            "configuration": [{"name": name, "value": value} for name, value in values.items()],
        }
    ]


def test_a_number_that_is_not_as_expected_stops_the_story(answering: Answers, shown: list[str]) -> None:
    story = Story(answering([{}]), "default-channel", 1)
    story.check("points pending", 12, 12)

    with pytest.raises(StoryError, match="points pending: expected 12, but the shop says 13"):
        story.check("points pending", 13, 12)

    assert shown == ["  * ok: points pending = 12"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"errors": [{"message": "No such field."}]}, "The shop refuses: No such field."),
        (
            {"data": {"pay": {"errors": [{"field": "id", "message": "Gone.", "code": "NOT_FOUND"}]}}},
            r"pay refuses: id: Gone. \(NOT_FOUND\)",
        ),
    ],
)
def test_a_refusal_stops_the_story(answering: Answers, answer: dict[str, Any], message: str) -> None:
    with pytest.raises(StoryError, match=message):
        answering([answer]).ask(ANYBODY, "{ pay { errors { field message code } } }")


def test_something_that_should_be_refused_and_is_not_stops_the_story(answering: Answers) -> None:
    with pytest.raises(StoryError, match="should have refused"):
        answering([{"data": {"pay": {}}}]).refused(ANYBODY, "{ pay { id } }")


def test_it_waits_for_the_shop_and_shows_the_last_answer(answering: Answers, shown: list[str]) -> None:
    shop = answering([{"data": {"points": number}} for number in (0, 0, 17)])

    assert shop.ask_until(ANYBODY, "{ points }", lambda data: data["points"] == 17, 5) == {"points": 17}

    assert [line for line in shown if "points" in line and ":" in line] == ['    {"points": 17}']
    assert any("asked 3 times" in line for line in shown)


def test_it_does_not_wait_for_ever(answering: Answers) -> None:
    with pytest.raises(StoryError, match="Is a Celery worker running"):
        answering([{"data": {"points": 0}}]).ask_until(ANYBODY, "{ points }", lambda data: False, 0.2)


def test_secrets_are_not_shown(answering: Answers, shown: list[str]) -> None:
    shop = answering([{"data": {"tokenCreate": {"token": "eyJ.secret", "errors": []}}}])

    shop.ask(ANYBODY, "mutation { tokenCreate { token } }", email="ada@example.com", password="hunter2")

    assert "hunter2" not in "".join(shown)
    assert "eyJ.secret" not in "".join(shown)
    assert masked({"password": "", "name": "Ada"}) == {"password": "", "name": "Ada"}


def test_json_is_printed_in_as_few_lines_as_fit() -> None:
    value = {"short": [1, {"a": "ä"}], "long": [{"text": "x" * 60}, {"text": "y" * 60}]}

    text = printed(value, 0, 0)

    assert json.loads(text) == value
    assert '"short": [1, {"a": "ä"}]' in text
    assert max(map(len, text.splitlines())) < 120


def test_expected_points_are_rounded_down_and_go_with_the_money() -> None:
    total = Decimal("25.90")

    assert TERMS.earned(Decimal("20.90"), Decimal(5), total) == 31
    assert TERMS.earned(Decimal("20.90"), Decimal(5), total, refunded=total) == 0
    assert TERMS.earned(Decimal("20.90"), Decimal(5), total, refunded=Decimal("12.95")) == 15
    assert TERMS.value(299) == Decimal("2.99")
    assert TERMS.spendable(300, 299) == 299


def test_terms_are_read_from_the_plugins_page() -> None:
    page = configuration(points_per_unit="1.5", point_value="0.01", include_shipping="false", basis="")

    assert terms_of("default-channel", page) == TERMS


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "gives or takes no points yet"),
        ({"points_per_unit": "1", "point_value": "0.01", "basis": "net"}, "basis is 'gross', not 'net'"),
    ],
)
def test_terms_that_the_story_cannot_reckon_with_are_named(values: dict[str, str], message: str) -> None:
    with pytest.raises(StoryError, match=message):
        terms_of("default-channel", configuration(**values))


def test_an_unknown_channel_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(StoryError, match="it has default-channel"):
        terms_of("channel-pln", configuration())
