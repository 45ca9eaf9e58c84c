"""Invariant 8 of the design: merged and separated, everything is as it was."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import TestCase
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.ingestion.standing import bring_customers_in_line
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentState
from saleor_crm_plugin.profiles.identity import GuestPerson, UserPerson
from saleor_crm_plugin.profiles.models import CustomerProfile, CustomerType
from saleor_crm_plugin.profiles.rfm import refresh_rfm
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from tests.devshop.factories import make_customer
from tests.devshop.flows import refund_order
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.profiles.merging.shop import STAFF, everything, give, note, owe, profile_of, say, tag

pytestmark = pytest.mark.django_db

PEOPLE = 3
PURPOSES = st.sampled_from(ConsentPurpose)

customers = st.fixed_dictionaries(
    {
        "amounts": st.lists(st.integers(1, 90), max_size=3),
        "refund": st.booleans(),
        # Below zero, beyond what there is: a debt.
        "points": st.lists(st.sampled_from([-200, -30, 5, 40]), max_size=2),
        "tags": st.sets(st.sampled_from(["red", "green", "blue"])),
        "consents": st.lists(st.tuples(PURPOSES, st.sampled_from(ConsentState)), max_size=4),
        "notes": st.integers(0, 2),
        "type": st.none() | st.sampled_from(CustomerType),
    }
)


@given(
    people=st.lists(customers, min_size=PEOPLE, max_size=PEOPLE),
    is_user=st.tuples(st.booleans(), st.booleans()),
    both_into_one=st.booleans(),
    first_leaves_first=st.booleans(),
)
@settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_merged_and_separated_everything_is_as_it_was(store, people, is_user, both_into_one, first_leaves_first):
    """The first into the second, then that one or the third; and back in turn, or in the order in which they came."""
    sid = transaction.savepoint()
    try:
        # A test with real transactions leaves no program behind; whoever needs it makes it.
        default_program_id()
        for tag_name in ("red", "green"):
            CustomerSegment.objects.create(name=tag_name, slug=tag_name, query=f"tag = '{tag_name}'")
        # An account can be merged into an account only.
        users = (is_user[0] and is_user[1], is_user[1], True)
        profiles = [live(store, number, person, is_user=users[number]) for number, person in enumerate(people)]
        refresh_rfm(365, timezone.now())
        bring_customers_in_line(profiles, timezone.now())
        before = everything()
        first, second, third = profiles
        pairs = [(first, third), (second, third)] if both_into_one else [(first, second), (second, third)]
        merges = [merge_customers(*pair, STAFF, timezone.now()).pk for pair in pairs]
        # A chain can be undone from its end only.
        for merge_id in merges if both_into_one and first_leaves_first else reversed(merges):
            with TestCase.captureOnCommitCallbacks(execute=True):
                separate_customers(merge_id, STAFF, timezone.now())
        # The scores are those of the next night: they compare with everybody.
        refresh_rfm(365, timezone.now())
        bring_customers_in_line(profiles, timezone.now())
        after = everything()
        for table in before:
            assert after[table] == before[table], table
        assert_ledger_adds_up()
    finally:
        transaction.savepoint_rollback(sid)


def live(store, number, person, *, is_user) -> int:
    email = f"person{number}@example.com"
    user = make_customer(email) if is_user else None
    if user is not None:
        profile_id = profile_of(UserPerson(user.pk))
        orders = store.buy(*person["amounts"], user=user) if person["amounts"] else []
    else:
        orders = store.buy(*person["amounts"], email=email) if person["amounts"] else []
        profile_id = profile_of(GuestPerson(email))
    if person["refund"] and orders:
        refund_order(orders[0], 1)
        sync_orders([order.pk for order in orders])
    for place, points in enumerate(person["points"]):
        if points > 0:
            give(profile_id, points, str(place))
        else:
            owe(profile_id, -points, f"{number}:{place}")
    tag(profile_id, *sorted(person["tags"]))
    for purpose, state in person["consents"]:
        say(profile_id, purpose, state)
    for each in range(person["notes"]):
        note(profile_id, f"Note {each}")
    if person["type"]:
        CustomerProfile.objects.filter(pk=profile_id).update(customer_type=person["type"], customer_type_by_hand=True)
    return profile_id
