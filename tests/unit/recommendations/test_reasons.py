from __future__ import annotations

import string
from datetime import UTC, datetime

import pytest

from saleor_crm_plugin.recommendations.models import ReasonKind
from saleor_crm_plugin.recommendations.reasons import TEMPLATES, ReasonCode, ReasonParts, Served, reason_of

BOUGHT_BEFORE, TOGETHER = ReasonKind.BOUGHT_BEFORE, ReasonKind.BOUGHT_TOGETHER
EVERY_KIND = [*ReasonKind, *Served]


def about(kind: int, value: float | None = None, name: str | None = "Tea", **more: object) -> ReasonParts:
    return ReasonParts(kind, value, None if name is None else 7, name, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "code", "text"),
    [
        (about(BOUGHT_BEFORE, 1.0), ReasonCode.BOUGHT_BEFORE, "You have bought this before"),
        (about(BOUGHT_BEFORE, 4.0), ReasonCode.BOUGHT_BEFORE, "You have bought this 4 times"),
        (about(BOUGHT_BEFORE, 4.0, rhythm_days=20.6), ReasonCode.BOUGHT_BEFORE, "You buy it every 21 days"),
        (
            about(BOUGHT_BEFORE, 4.0, rhythm_days=20.6, is_due=True),
            ReasonCode.BOUGHT_BEFORE,
            "Due about now: you buy it every 21 days",
        ),
        (
            about(BOUGHT_BEFORE, 4.0, rhythm_days=1.2, is_due=True),
            ReasonCode.BOUGHT_BEFORE,
            "You have bought this 4 times",
        ),
        (about(TOGETHER, 0.343), ReasonCode.BOUGHT_TOGETHER, "Because you bought Tea"),
        (about(TOGETHER, 0.3, None), ReasonCode.BOUGHT_TOGETHER, "Goes well with what you bought"),
        (about(Served.JUST_BOUGHT, 0.3), ReasonCode.BOUGHT_TOGETHER, "Because you have just bought Tea"),
        (about(Served.JUST_BOUGHT, 0.3, None), ReasonCode.BOUGHT_TOGETHER, "Goes well with what you bought"),
        (
            about(Served.GOES_WITH, 0.343),
            ReasonCode.BOUGHT_TOGETHER,
            "Bought together in 34 % of baskets with Tea",
        ),
        (about(Served.GOES_WITH, 0.004), ReasonCode.BOUGHT_TOGETHER, "Goes well with Tea"),
        (about(Served.GOES_WITH, 0.3, None), ReasonCode.BOUGHT_TOGETHER, "Goes well with what you bought"),
        (about(ReasonKind.SIMILAR, 0.3), ReasonCode.SIMILAR, "Similar to Tea"),
        (about(ReasonKind.SIMILAR, None, None), ReasonCode.SIMILAR, "Similar to what you are looking at"),
        (about(ReasonKind.POPULAR, 12, None), ReasonCode.POPULAR, "Popular in this shop"),
        (about(Served.POPULAR_IN_CATEGORY, 12, None), ReasonCode.POPULAR, "Popular in this category"),
        (about(Served.TRENDING, 2.04, None), ReasonCode.TRENDING, "Sells 2 times as much as before"),
        (about(Served.TRENDING, 1.5, None), ReasonCode.TRENDING, "Sells 1.5 times as much as before"),
        (about(Served.TRENDING, 1.2, None), ReasonCode.TRENDING, "Sells more than before"),
        (about(Served.NEW, None, None), ReasonCode.NEW, "New in this shop"),
        (about(Served.NEW_IN_CATEGORY, None, None), ReasonCode.NEW, "New in this category"),
    ],
)
def test_reasons_in_words(parts: ReasonParts, code: ReasonCode, text: str) -> None:
    reason = reason_of(parts)

    assert (reason.kind, reason.text) == (code, text)
    assert reason.product_ids == (() if parts.product_id is None else (7,))
    assert reason.value == parts.value


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("value", [None, 0.0, 0.3, 5.0])
@pytest.mark.parametrize("name", [None, "Tea"])
def test_the_text_is_its_template_with_its_arguments(kind: int, value: float | None, name: str | None) -> None:
    reason = reason_of(about(kind, value, name, rhythm_days=None if value is None else 10 * value))

    template = TEMPLATES[reason.message]
    assert template.format(**reason.arguments) == reason.text
    assert {field for _, field, _, _ in string.Formatter().parse(template) if field} == set(reason.arguments)


def test_a_name_is_never_taken_for_a_template() -> None:
    assert reason_of(about(ReasonKind.SIMILAR, 0.5, "{percent} {0}")).text == "Similar to {percent} {0}"


def test_the_expected_date_is_passed_on() -> None:
    expected = datetime(2026, 5, 1, tzinfo=UTC)

    assert reason_of(about(BOUGHT_BEFORE, 2.0, expected_at=expected)).expected_at == expected


def test_every_kind_has_a_number_of_its_own_and_a_code() -> None:
    assert len({int(kind) for kind in EVERY_KIND}) == len(EVERY_KIND)
    assert {reason_of(about(kind)).kind for kind in EVERY_KIND} == set(ReasonCode)
