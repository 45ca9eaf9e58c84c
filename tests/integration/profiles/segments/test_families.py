"""What a query says of customers who were merged is about all accounts and addresses of theirs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from saleor.checkout.models import Checkout
from saleor.order.models import Order

from saleor_crm_plugin.ingestion.segments import VOCABULARY, refresh_for
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.looking import explain, preview
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from saleor_crm_plugin.profiles.segments.understanding import Query, understand
from tests.integration.profiles.segments.people import NOW, Person, Purchase, make_catalogue, store

# Whom each was merged into.
HEADS = {"eve": "ada", "guy": "ada", "old": "hal", "new": "hal", "web": "bob"}
PEOPLE = (
    Person("ada", joined=20, language="en", country="US", city="Portland"),
    Person("eve", joined=300, language="de", country="NO", city="Oslo", checkouts=((3, True),)),
    Person("guy"),
    # Has no account any more.
    Person("hal", purchases=(Purchase(1, language="fr"),)),
    Person("old", joined=90, language="pl", country="SE", city="Lund"),
    Person("new", joined=50, language="it", country="DK", city="Ribe"),
    # Left a checkout without signing in.
    Person("bob", joined=10, language="en"),
    Person("web", checkouts=((5, True),)),
    # Alone.
    Person("sol", purchases=(Purchase(1, language="es"),)),
)


@pytest.fixture
def ids(db) -> dict[str, int]:
    CustomerSegment.objects.all().delete()
    make_catalogue()
    found = dict(zip((person.name for person in PEOPLE), store(PEOPLE), strict=True))
    for name, head in HEADS.items():
        CustomerProfile.objects.filter(pk=found[name]).update(merged_into=found[head])
    return found


def query(text: str) -> Query:
    return understand(text, VOCABULARY, NOW, "default")


def names(ids: Mapping[str, int], found: set[int]) -> str:
    return " ".join(name for name, profile_id in ids.items() if profile_id in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abandoned_checkout", "ada bob"),
        ("abandoned_checkout(within: 4d)", "ada"),
        ("abandoned_checkout = false", "hal sol"),
        ("country = 'NO'", "ada"),
        ("country = 'US'", "ada hal sol"),
        ("country IN ('SE', 'DK')", "hal"),
        ("country NOT CONTAINS 'NO'", "hal bob sol"),
        ("country IS NULL", "bob"),
        ("city = 'oslo'", "ada"),
        ("city = 'Portland'", "ada"),
        ("joined_at = -300d", "ada"),
        ("joined_at = -90d", "hal"),
        ("joined_at > -30d", "bob"),
        ("joined_at IS NULL", "sol"),
        ("is_guest", "sol"),
        ("language = 'en'", "ada bob"),
        ("language = 'de'", ""),
        ("language = 'it'", "hal"),
        ("language = 'es'", "sol"),
    ],
)
def test_every_account_counts(ids, text, expected):
    assert names(ids, set(preview(query(text), 100, "default").sample)) == expected

    segment = CustomerSegment.objects.create(name="Some", slug="some", query=text)
    refresh_for(list(ids.values()), NOW)
    assert names(ids, set(segment.memberships.values_list("profile_id", flat=True))) == expected


def test_after_a_separation_each_has_the_own_ones(ids):
    CustomerProfile.objects.filter(pk=ids["eve"]).update(merged_into=None)
    for text, expected in (
        ("abandoned_checkout", "eve bob"),
        ("country = 'NO'", "eve"),
        ("joined_at = -20d", "ada"),
        ("language = 'de'", "eve"),
    ):
        assert names(ids, set(preview(query(text), 100, "default").sample)) == expected


def test_a_checkout_that_an_order_was_made_of_is_not_abandoned(ids):
    by_account, by_guest = Checkout.objects.get(user__isnull=False), Checkout.objects.get(user__isnull=True)
    order, other = Order.objects.all()
    Order.objects.filter(pk=order.pk).update(checkout_token=str(by_account.token))
    assert names(ids, set(preview(query("abandoned_checkout"), 100, "default").sample)) == "bob"
    Order.objects.filter(pk=other.pk).update(checkout_token=str(by_guest.token))
    assert names(ids, set(preview(query("abandoned_checkout"), 100, "default").sample)) == ""


def test_the_reason_names_them(ids):
    told = explain(query("country = 'NO'"), ids["ada"], "default")
    assert told is not None
    assert told.matches
    assert [condition.value for condition in told.conditions] == ["NO, US"]
