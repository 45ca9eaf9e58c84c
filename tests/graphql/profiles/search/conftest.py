"""Six customers whose numbers are known."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.accounts import ensure as ensure_accounts
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier, TierMembership
from saleor_crm_plugin.profiles.consents.models import ConsentRecord
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics
from saleor_crm_plugin.profiles.notes.models import CustomerTag
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from tests.devshop.factories import make_customer
from tests.graphql.client import Api, global_id

PROFILES = """
query (
  $first: Int, $last: Int, $after: String, $before: String,
  $search: String, $where: CustomerProfileWhereInput, $sortBy: CustomerProfileSortingInput
) {
  customerProfiles(
    first: $first, last: $last, after: $after, before: $before, search: $search, where: $where, sortBy: $sortBy
  ) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { node { id } cursor }
  }
}
"""
# Name -> currency -> (orders, net spent, day of the last order in May 2026, predicted value).
ORDERS: dict[str, dict[str, tuple[int, str, int | None, str | None]]] = {
    "ada": {"USD": (3, "300", 10, "120")},
    "ben": {"USD": (1, "40.5", 20, None), "EUR": (4, "90", 25, "60")},
    "cat": {"USD": (3, "300", 5, "80.25")},
    "dan": {"USD": (0, "0", None, None)},
    "eve": {},
    "guy": {"EUR": (2, "300", 15, "10")},
}


def day(number: int) -> datetime:
    return datetime(2026, 5, number, 12, tzinfo=UTC)


@pytest.fixture
def people(site: None) -> SimpleNamespace:
    """Profiles by name, made in this order on the 1st to the 6th; Guy is a guest. Zoe was joined to Ada."""
    made: dict[str, Any] = {}
    for number, (name, metrics) in enumerate(ORDERS.items(), start=1):
        user = None if name == "guy" else make_customer(f"{name}@example.com", first_name=name.title())
        profile = made[name] = CustomerProfile.objects.create(user=user)
        CustomerProfile.objects.filter(pk=profile.pk).update(created_at=day(number))
        for currency, (orders, net, last, clv) in metrics.items():
            ProfileMetrics.objects.create(
                profile=profile,
                currency=currency,
                orders_count=orders,
                gross_spent=Decimal(net),
                refunded=0,
                net_spent=Decimal(net),
                last_order_at=last and day(last),
                predicted_clv=clv and Decimal(clv),
            )
    CustomerProfile.objects.create(merged_into=made["ada"], user=make_customer("zoe@example.com"))
    return SimpleNamespace(**made)


@pytest.fixture
def marks(people: SimpleNamespace) -> SimpleNamespace:
    """Tags, a segment, a tier, groups, stages, types and consents."""
    now = timezone.now()
    for name, tags in {"ada": ["vip", "eu"], "ben": ["vip"], "cat": ["eu"]}.items():
        for tag in tags:
            CustomerTag.objects.create(profile=getattr(people, name), name=tag, assigned_at=now)
    segments = [CustomerSegment.objects.create(name=slug, slug=slug, query="x") for slug in ("big", "small")]
    SegmentMembership.objects.create(segment=segments[0], profile=people.ada, entered_at=now)
    SegmentMembership.objects.create(segment=segments[1], profile=people.ben, entered_at=now)
    program = default_program_id()
    tier = LoyaltyTier.objects.create(program_id=program, name="Gold", level=1)
    account = ensure_accounts(program, [people.cat.pk], "default")[people.cat.pk]
    TierMembership.objects.create(account_id=account, tier=tier, earned_tier=tier)
    ProfileMetrics.objects.filter(profile=people.ada).update(rfm_group="champions")
    ProfileMetrics.objects.filter(profile=people.ben, currency="EUR").update(rfm_group="loyal")
    ProfileMetrics.objects.filter(profile=people.dan).update(rfm_group="prospects")
    CustomerProfile.objects.filter(pk=people.ada.pk).update(lifecycle_stage="loyal", customer_type="b2b")
    CustomerProfile.objects.filter(pk=people.ben.pk).update(lifecycle_stage="repeat")
    for name, state in [("ada", "refused"), ("ada", "granted"), ("ben", "granted"), ("ben", "refused")]:
        ConsentRecord.objects.create(
            profile=getattr(people, name), purpose="marketing_email", state=state, recorded_at=now
        )
    return SimpleNamespace(
        segments=[global_id("CustomerSegment", segment.pk) for segment in segments],
        tier=global_id("LoyaltyTier", tier.pk),
    )


@pytest.fixture
def staff(people: SimpleNamespace, staff_with: Any) -> Api:
    return staff_with("MANAGE_USERS")


@pytest.fixture
def find(people: SimpleNamespace, staff: Api) -> Any:
    """Names of those found, in order."""
    names = {global_id("CustomerProfile", profile.pk): name for name, profile in vars(people).items()}

    def ask(**arguments: Any) -> list[str]:
        found = staff.data(PROFILES, **{"first": 50, **arguments})["customerProfiles"]
        return [names[edge["node"]["id"]] for edge in found["edges"]]

    return ask
