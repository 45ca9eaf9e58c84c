"""The setting "Share of new products in recommendations" in the lists that are stored."""

from __future__ import annotations

from math import floor

import pytest

from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.ingestion.train import learner_parameters
from saleor_crm_plugin.recommendations.learning.candidates import Why
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.recommender import Recommender
from tests.contract.recommender import Basket, history_of

OWN, NEW = tuple(range(1, 61)), tuple(range(101, 161))


def new_of_the_first(share: float | None, **parameters: object) -> list[bool]:
    """Of a customer who bought 60 products twice, and whose like bought 60 others."""
    baskets = [Basket(customer, age, OWN) for customer in range(1, 9) for age in (3.0, 9.0)]
    baskets += [Basket(customer, 5.0, (*OWN, *NEW)) for customer in range(2, 9)]
    chosen = Parameters(minimum_support=1, discovery_share=share, related_limit=200, **parameters)  # type: ignore[arg-type]
    (entry,) = (one for one in Recommender.fit(history_of(baskets), chosen).personal_lists() if one.customer_id == 1)
    return [kind != Why.BOUGHT_BEFORE for kind in entry.reason_kinds]


@pytest.mark.parametrize("percent", [1, 5, 10, 15, 30, 33, 40, 45, 50])
def test_of_every_first_places_so_many_percent_are_new(percent: int) -> None:
    new = new_of_the_first(percent / 100)

    assert [sum(new[:count]) for count in range(1, 61)] == [floor(count * percent / 100) for count in range(1, 61)]


def test_none_are_new_while_there_is_anything_bought() -> None:
    assert not any(new_of_the_first(0.0)[:60])


def test_left_to_the_learner_every_tenth_is_until_something_else_is_learnt() -> None:
    assert [place for place, new in enumerate(new_of_the_first(None)[:40], start=1) if new] == [10, 20, 30, 40]
    assert [place for place, new in enumerate(new_of_the_first(None, discovery_every=5)[:12], start=1) if new] == [
        5,
        10,
    ]


@pytest.mark.parametrize(("percent", "share"), [(None, None), (0, 0.0), (15, 0.15), (50, 0.5)])
def test_the_setting_reaches_the_learner(percent: int | None, share: float | None) -> None:
    assert learner_parameters(CRMSettings(discovery_percent=percent)).discovery_share == share
