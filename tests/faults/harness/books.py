"""What must hold after every drill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.core.management import call_command
from saleor.order.models import Order

from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.reconcile import orders_behind, reconcile
from saleor_crm_plugin.loyalty.models import PointsTransaction
from saleor_crm_plugin.profiles.models import ProfileOrder


def assert_nothing_lost_and_nothing_twice(sold: Iterable[UUID] = ()) -> None:
    """The audit passes, a reconciliation of everything finds nothing, and every order of the shop is taken in.

    Args:
        sold: orders that must be among them, because a buyer was told so.
    """
    assert orders_behind() == 0
    # Raises if the ledger does not add up, or does not say what the orders say.
    call_command("crm_ledger_audit", verbosity=0)
    found = reconcile(full=True)
    assert (found.unseen, found.changed, found.moved, found.repaired, found.gone, found.failed) == (0,) * 6, found
    known = set(ProfileOrder.objects.values_list("pk", flat=True))
    assert known == set(Order.objects.values_list("pk", flat=True))
    assert known >= set(sold)
    assert not OrderSync.objects.exclude(error="").exists()


def points_by_order() -> dict[UUID | None, dict[str, int]]:
    """Order -> kind of entry -> sum of points."""
    sums: defaultdict[UUID | None, dict[str, int]] = defaultdict(dict)
    for order_id, kind, points in PointsTransaction.objects.values_list("order_id", "type", "points"):
        sums[order_id][kind] = sums[order_id].get(kind, 0) + points
    return dict(sums)
