"""What tiers need of orders: which one the customer was in, what customers have spent, and when to look again."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError

from saleor_crm_plugin.confidential import told
from saleor_crm_plugin.exceptions import CRMError
from saleor_crm_plugin.ingestion.snapshots import OrderSnapshot
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.awards import TierTerms
from saleor_crm_plugin.loyalty.tiers.queries import tiers_then
from saleor_crm_plugin.loyalty.tiers.review import is_everybody_due, out_of_line, review, review_due
from saleor_crm_plugin.loyalty.tiers.scheme import Scheme, load_default_scheme
from saleor_crm_plugin.loyalty.tiers.standing import Basis
from saleor_crm_plugin.loyalty.tiers.windows import Amount
from saleor_crm_plugin.profiles import traits

logger = logging.getLogger(__name__)

ERRORS = (DatabaseError, CRMError, ArithmeticError, ValueError, LookupError)

# Profiles whose accounts are looked up in one statement.
SPENDER_BATCH_SIZE = 1_000


def net_spend(
    profile_ids: Collection[int], currency: str, since: datetime | None, using: str
) -> Mapping[int, Sequence[Amount]]:
    """A `SpendReader` over the orders of profiles."""
    spent: dict[int, list[Amount]] = {}
    for profile_id, placed_at, amount in traits.net_spend(profile_ids, currency, since, using):
        spent.setdefault(profile_id, []).append(Amount(placed_at, amount))
    return spent


def tiers_of_orders(
    orders: Sequence[OrderSnapshot], owner: Mapping[UUID, int], program_id: int, using: str
) -> dict[UUID, TierTerms]:
    """The tier of each order's customer when it was placed, by order id. One statement.

    It is what the customer was shown then: an order that is paid a week later earns as the preview said.
    """
    asked = {order.order_id: (owner[order.order_id], order.placed_at) for order in orders if order.order_id in owner}
    found = tiers_then(program_id, list(dict.fromkeys(asked.values())), using)
    return {
        order_id: TierTerms(tier.tier_id, tier.name, tier.earning_multiplier)
        for order_id, question in asked.items()
        if (tier := found.get(question)) is not None
    }


def review_customers(profile_ids: Collection[int], now: datetime, using: str) -> None:
    """Bring the tiers of customers in line whose orders have just been synced and committed.

    In a transaction of its own, after that of the orders: the accounts of both together could not be locked in one
    order. What is lost in between, or fails, is found by the periodic review.
    """
    if not profile_ids:
        return
    scheme = load_default_scheme(using)
    if scheme is None:
        return
    try:
        _open_accounts(scheme, using, profile_ids)
        account_ids = accounts.find(scheme.policy.program_id, profile_ids, using).values()
    except ERRORS as error:
        _log(error)
    else:
        _review(account_ids, scheme, now, using)


def review_accounts(account_ids: Collection[int], now: datetime, using: str) -> None:
    """The same for accounts that have just been given something for an action."""
    if account_ids and (scheme := load_default_scheme(using)) is not None:
        _review(account_ids, scheme, now, using)


def _review(account_ids: Collection[int], scheme: Scheme, now: datetime, using: str) -> None:
    try:
        review(out_of_line(account_ids, scheme, net_spend, now, using), scheme, net_spend, now, using)
    except ERRORS as error:
        _log(error)


def _log(error: Exception) -> None:
    logger.error("Tiers could not be brought in line; the periodic review tries again.", exc_info=told(error))


def review_tiers(now: datetime, using: str = "default") -> int:
    """The periodic review of tiers; returns how many memberships were written."""
    scheme = load_default_scheme(using)
    if scheme is None:
        return 0
    if is_everybody_due(scheme, now):
        _open_accounts(scheme, using)
    return review_due(scheme, net_spend, now, using)


def _open_accounts(scheme: Scheme, using: str, profile_ids: Collection[int] | None = None) -> None:
    """Where money counts, whoever has spent enough for some tier has an account, even if no order earned points."""
    if scheme.basis != Basis.NET_SPEND or not scheme.tiers:
        return
    least = scheme.tiers[0].threshold
    for batch in traits.spenders(scheme.policy.currency, least, SPENDER_BATCH_SIZE, using, profile_ids):
        accounts.ensure(scheme.policy.program_id, batch, using)
