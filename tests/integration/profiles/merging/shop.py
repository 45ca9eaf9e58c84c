"""Customers with something to merge, and everything of ours that a merge could touch."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.apps import apps
from django.utils import timezone
from saleor.order.models import Order

from saleor_crm_plugin.actors import SYSTEM, Actor, ActorType
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentRecord, ConsentState
from saleor_crm_plugin.profiles.identity import GuestPerson, Person, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileOrder
from saleor_crm_plugin.profiles.notes.models import CustomerNote, CustomerTag
from tests.devshop.factories import make_order

STAFF = Actor(ActorType.STAFF, 999_999)

# What grows by merging and separating, whatever happens: the record of it.
TRAIL = {
    "crm_profile_merge", "crm_account_merge", "crm_profile_event", "crm_points_transaction", "crm_lot_consumption",
}  # fmt: skip
# The lots that points were moved into and out of again are left, empty; and so is the account of a target that had
# none: their entries refer to them.
LEFT_EMPTY = {
    "crm_points_lot": {"remaining": 0},
    "crm_loyalty_account": dict.fromkeys(("active", "pending", "deficit", "held", "lifetime"), 0) | {"closed_at": None},
}
# When it was looked at, and where the next number starts, is not what it says.
NOT_COMPARED = {
    "crm_order_sync": {"synced_at"},
    "crm_profile_metrics": {"id"},
    # Who was in no segment for a while enters it anew.
    "crm_segment_membership": {"id", "entered_at"},
    "crm_points_lot": {"status"},
}


def profile_of(person: Person) -> int:
    return resolve_profiles([person])[person]


def guest(email: str, *amounts: int, channel: Any, product: Any) -> int:
    """The profile of a guest who has bought for so much."""
    buy(*amounts, email=email, channel=channel, product=product)
    return profile_of(GuestPerson(email))


def buy(*amounts: int, channel: Any, product: Any, user: Any = None, email: str = "") -> list[Order]:
    orders = [make_order(user, email, channel, [(product, 1, amount)]) for amount in amounts]
    assert not sync_orders([order.pk for order in orders]).failed
    return orders


def give(profile_id: int, points: int, key: str) -> int:
    account_id = ensure(default_program_id(), [profile_id], "default")[profile_id]
    adjust(account_id, points, "Given", SYSTEM, key)
    return account_id


def owe(profile_id: int, points: int, key: str) -> None:
    """Spend so many, by an order, whether they are there or not."""
    account_id = ensure(default_program_id(), [profile_id], "default")[profile_id]
    with Ledger([account_id]) as ledger:
        ledger.redeem(account_id, points, Source(key=key, order_id=uuid4()))


def points(profile_id: int) -> tuple[int, int]:
    """Active points and debt."""
    account = LoyaltyAccount.objects.filter(profile_id=profile_id).first()
    return (account.active, account.deficit) if account else (0, 0)


def say(profile_id: int, purpose: ConsentPurpose, state: ConsentState, source: str = "test") -> None:
    ConsentRecord.objects.create(
        profile_id=profile_id, purpose=purpose, state=state, source=source, recorded_at=timezone.now()
    )
    flags = {ConsentPurpose.PROFILING: "profiling_allowed", ConsentPurpose.RECOMMENDATIONS: "recommendations_allowed"}
    if purpose in flags:
        allowed = state != ConsentState.REFUSED
        CustomerProfile.objects.filter(pk=profile_id).update(**{flags[purpose]: allowed})


def consents(profile_id: int) -> dict[str, str]:
    """The newest of each purpose."""
    rows = ConsentRecord.objects.filter(profile_id=profile_id).order_by("pk")
    return dict(rows.values_list("purpose", "state"))


def tag(profile_id: int, *names: str) -> None:
    for name in names:
        CustomerTag.objects.create(profile_id=profile_id, name=name, assigned_at=timezone.now())


def tags(profile_id: int) -> list[str]:
    return list(CustomerTag.objects.filter(profile_id=profile_id).order_by("name").values_list("name", flat=True))


def note(profile_id: int, text: str) -> None:
    CustomerNote.objects.create(profile_id=profile_id, text=text, created_at=timezone.now())


def orders_of(profile_id: int) -> set[Any]:
    return set(ProfileOrder.objects.filter(profile_id=profile_id).values_list("order_id", flat=True))


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of ours, but the trail."""
    found = {}
    for model in apps.get_app_config("saleor_crm_plugin").get_models():
        table = model._meta.db_table
        if table in TRAIL:
            continue
        rows = model._default_manager.order_by("pk")
        if table in LEFT_EMPTY:
            rows = rows.exclude(**LEFT_EMPTY[table])
        left_out = NOT_COMPARED.get(table, set())
        values = [{name: value for name, value in row.items() if name not in left_out} for row in rows.values()]
        found[table] = sorted(values, key=repr) if "id" in left_out else values
    return found
