"""What an order was forgiven because it had been spent, and what becomes of it when that is undone.

An order's points are spent on another one, and the first one is refunded: what is missing is waived, since the customer
had it as a discount. If the other order comes to nothing as well, the points are back and nothing was bought for them.
So of what comes back to an order's own lots as much is taken as was forgiven since it was spent: as if the other order
had been the first to come to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final
from uuid import UUID

from saleor_crm_plugin.loyalty.models import PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Posting, Source
from saleor_crm_plugin.loyalty.wallet import Consumption

CAME_BACK = "Forgiven while it was spent"
# In the breakdown of a waiver that forgives only what is spent. Others forgive what an account may keep either way.
WHILE_SPENT: Final = "while_spent"


def account_of(entry: PointsTransaction) -> int:
    """Whose award of the order an entry is about: points of a merged account are taken where they are."""
    return int(entry.breakdown.get("account", entry.account_id))


def take_again(ledger: Posting, account_id: int, back: Iterable[Consumption], cause: Source) -> list[PointsTransaction]:
    """Post a WAIVER below 0 for what comes back by `cause` and was forgiven since the entry that `cause` reverses.

    An order that gives points back pays with all of them for what earlier refunds of itself were forgiven.

    One statement if points of orders come back; one more for an account that others were merged into.

    Args:
        back: what the account's lots got back (negative).

    Returns:
        Those of the order that `cause` is about.
    """
    returned = [part for part in back if part.points < 0]
    came: dict[UUID, list[Consumption]] = {}
    for part in returned:
        order_id = ledger.order_of(part.lot_id)
        if order_id is not None and order_id != cause.order_id:
            came.setdefault(order_id, []).append(part)
    if returned and cause.order_id is not None:
        came[cause.order_id] = returned
    if not came or cause.reverses is None:
        return []
    left = _points_of(returned)
    own = []
    wallet = ledger.wallets[account_id]
    for (order_id, owner_id), forgiven in _forgiven(ledger, account_id, came.keys(), cause.reverses).items():
        points = min(forgiven, _points_of(came[order_id]), left, wallet.spendable)
        if points > 0:
            key = f"{cause.key}:back:{order_id}:{owner_id}"
            source = Source(key=key, order_id=order_id, reason=CAME_BACK, breakdown={"account": owner_id})
            take = partial(wallet.take, points, [part.lot_id for part in came[order_id]])
            entry = ledger.post(account_id, -points, TransactionType.WAIVER, source, take)
            left -= points
            if entry is not None and order_id == cause.order_id:
                own.append(entry)
            elif entry is not None:
                ledger.free_uses(order_id, owner_id, points)
    return own


def _points_of(back: Iterable[Consumption]) -> int:
    return -sum(part.points for part in back)


def _forgiven(ledger: Posting, account_id: int, order_ids: Iterable[UUID], after: int) -> dict[tuple[UUID, int], int]:
    """By order and account. What was forgiven before the entry `after` is for points spent on something else."""
    waivers = [entry for entry in ledger.waivers_of(order_ids) if entry.pk > after]
    others = any(entry.account_id != account_id for entry in waivers)
    family = ledger.family_of(account_id) if others else {account_id}
    found: dict[tuple[UUID, int], int] = {}
    for entry in waivers:
        if entry.account_id in family and (entry.points < 0 or WHILE_SPENT in entry.breakdown):
            assert entry.order_id is not None
            key = entry.order_id, account_of(entry)
            found[key] = found.get(key, 0) + entry.points
    return found
