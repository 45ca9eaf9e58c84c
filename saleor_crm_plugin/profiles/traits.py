"""What others may ask about customers: one statement each, for any number of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Q

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics, ProfileOrder, RFMGroup
from saleor_crm_plugin.profiles.segments.models import SegmentMembership


@dataclass(frozen=True, slots=True)
class RFMGroups:
    """A customer's RFM groups (as in the API: `CHAMPIONS`): in each currency that they have ordered in, or `PROSPECTS`.

    Attributes:
        by_currency: "" for whoever was not scored yet since they ordered in it.
        is_known: False for whoever may not be profiled: they are in no group.
    """

    by_currency: Mapping[str, str]
    is_known: bool = True

    def in_currency(self, currency: str) -> frozenset[str]:
        return self._named([self.by_currency.get(currency, RFMGroup.PROSPECTS.name)])

    def in_any_currency(self) -> frozenset[str]:
        """A prospect in one currency only is none."""
        bought = frozenset(self.by_currency.values()) - {RFMGroup.PROSPECTS.name}
        return self._named(bought or [RFMGroup.PROSPECTS.name])

    def _named(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(filter(None, names)) if self.is_known else frozenset()


NO_GROUPS: Final = RFMGroups({}, is_known=False)


def rfm_groups(profile_ids: Collection[int], using: str) -> dict[int, RFMGroups]:
    """The customers' RFM groups by profile, prospects included; who may not be profiled is left out.

    Without numbers, as while *Customer profiles* is off, orders still tell who is no prospect.
    """
    orders = ProfileOrder.objects.filter(profile=OuterRef("pk"), counts=True).order_by().values("currency").distinct()
    rows = (
        CustomerProfile.objects.using(using)
        .filter(pk__in=profile_ids, profiling_allowed=True, erased_at__isnull=True)
        .annotate(ordered_in=ArraySubquery(orders))
    )
    found: dict[int, dict[str, str]] = {}
    for profile_id, ordered_in, currency, group in rows.values_list(
        "pk", "ordered_in", "metrics__currency", "metrics__rfm_group"
    ):
        groups = found.setdefault(profile_id, dict.fromkeys(ordered_in, ""))
        if currency is not None and (currency not in groups or group != RFMGroup.PROSPECTS):
            groups[currency] = RFMGroup(group).name if group else ""
    return {profile_id: RFMGroups(groups) for profile_id, groups in found.items()}


def rfm_groups_of_buyers(profile_ids: Collection[int], using: str) -> dict[tuple[int, str], str]:
    """Names of the RFM groups by profile and currency. Of no use for prospects: whoever orders is none any more."""
    rows = (
        ProfileMetrics.objects.using(using)
        .filter(profile_id__in=profile_ids)
        .exclude(rfm_group="")
        .values_list("profile_id", "currency", "rfm_group")
    )
    return {(profile_id, currency): RFMGroup(group).name for profile_id, currency, group in rows}


def segment_slugs(profile_ids: Collection[int], using: str) -> dict[int, frozenset[str]]:
    """Slugs of the segments that customers are in, by profile; who is in none is left out."""
    rows = SegmentMembership.objects.using(using).filter(profile_id__in=profile_ids)
    found: dict[int, frozenset[str]] = {}
    for profile_id, slug in rows.values_list("profile_id", "segment__slug"):
        found[profile_id] = found.get(profile_id, frozenset()) | {slug}
    return found


def segment_ids(profile_ids: Collection[int], using: str) -> dict[int, frozenset[int]]:
    """Ids of the segments that customers are in, by profile; who is in none is left out."""
    rows = SegmentMembership.objects.using(using).filter(profile_id__in=profile_ids)
    found: dict[int, frozenset[int]] = {}
    for profile_id, segment_id in rows.values_list("profile_id", "segment_id"):
        found[profile_id] = found.get(profile_id, frozenset()) | {segment_id}
    return found


def first_orders(order_ids: Collection[UUID], using: str) -> set[UUID]:
    """Those of the orders that are their customer's first purchase."""
    earlier = ProfileOrder.objects.filter(
        Q(placed_at__lt=OuterRef("placed_at")) | Q(placed_at=OuterRef("placed_at"), order_id__lt=OuterRef("order_id")),
        profile_id=OuterRef("profile_id"),
        counts=True,
    )
    rows = ProfileOrder.objects.using(using).filter(~Exists(earlier), order_id__in=order_ids, counts=True)
    return set(rows.values_list("order_id", flat=True))


def buyers(profile_ids: Collection[int], using: str) -> set[int]:
    """Those of the profiles that have bought anything."""
    rows = ProfileOrder.objects.using(using).filter(profile_id__in=profile_ids, counts=True)
    return set(rows.values_list("profile_id", flat=True).distinct())


def owners(order_ids: Collection[UUID], using: str) -> dict[UUID, int]:
    """The profile that each of the orders was stored for, by order id."""
    rows = ProfileOrder.objects.using(using).filter(order_id__in=order_ids)
    return dict(rows.values_list("order_id", "profile_id"))


def net_spend(
    profile_ids: Collection[int], currency: str, since: datetime | None, using: str
) -> list[tuple[int, datetime, Decimal]]:
    """What each purchase came to after refunds, as (profile, when it was placed, amount)."""
    rows = ProfileOrder.objects.using(using).filter(
        profile_id__in=profile_ids, currency=currency, counts=True, gross_amount__gt=F("refunded_amount")
    )
    if since is not None:
        rows = rows.filter(placed_at__gte=since)
    return list(rows.values_list("profile_id", "placed_at", F("gross_amount") - F("refunded_amount")))


def spenders(
    currency: str, at_least: Decimal, batch_size: int, using: str, profile_ids: Collection[int] | None = None
) -> Iterator[list[int]]:
    """Batches of the profiles, of those given or all, that have ever spent so much after refunds."""
    rows = ProfileMetrics.objects.using(using).filter(currency=currency, net_spent__gte=at_least)
    if profile_ids is not None:
        rows = rows.filter(profile_id__in=profile_ids)
    return key_batches(rows, batch_size, "profile_id")
