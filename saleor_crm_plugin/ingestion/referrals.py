"""What orders mean for referrals: the friends' first purchases as they are now, and what is due to be settled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings as django_settings
from saleor.core.db.connection import allow_writer
from saleor.order.models import Order

from saleor_crm_plugin.ingestion.actions import points_are_on, segments_in_any_currency
from saleor_crm_plugin.ingestion.households import homes_of_orders, homes_of_users
from saleor_crm_plugin.ingestion.placing import placed_at
from saleor_crm_plugin.ingestion.readers import read_orders
from saleor_crm_plugin.ingestion.settings import ShopSettings
from saleor_crm_plugin.ingestion.snapshots import NOT_A_PURCHASE, OrderSnapshot
from saleor_crm_plugin.ingestion.tier_facts import review_customers
from saleor_crm_plugin.loyalty import earning
from saleor_crm_plugin.loyalty.awards import EarningLine
from saleor_crm_plugin.loyalty.orders import OrderFacts, as_seen_by_the_ledger, may_earn
from saleor_crm_plugin.loyalty.referrals import progress
from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralStatus
from saleor_crm_plugin.loyalty.referrals.progress import FriendOrder
from saleor_crm_plugin.loyalty.referrals.settling import Surroundings, settle_referrals
from saleor_crm_plugin.loyalty.terms import terms_of
from saleor_crm_plugin.profiles.merging.family import heads_of


def bring_referrals_in_line(
    orders: Sequence[OrderFacts],
    facts_of: Callable[[OrderSnapshot, int | None], OrderFacts],
    now: datetime,
    using: str,
) -> None:
    """Write what these orders mean for the referrals of whoever placed them. One statement where there are none.

    Points follow when the referral is settled. The caller holds the lock on each order.

    Args:
        facts_of: an order and its profile id, as loyalty sees it.
    """
    referrals = progress.referrals_of(
        {order.profile_id for order in orders if order.profile_id is not None},
        {order.order_id for order in orders},
        using,
    )
    if not referrals:
        return
    known = _friend_orders(orders, using)
    first_of = first_purchases({user for each in referrals if (user := each.friend.profile.user_id)}, using)
    first: dict[int, UUID | None] = {}
    unread: dict[UUID, int] = {}
    for each in referrals:
        user_id = each.friend.profile.user_id
        # Of a friend whose user is gone, only the order that is known already can count.
        order_id = first[each.pk] = first_of.get(user_id) if user_id else each.order_id
        if order_id is not None and order_id not in known and order_id != each.order_id:
            # It has become the first one, because that one was cancelled.
            unread[order_id] = each.friend.profile_id
    later = [facts_of(snapshot, unread[order_id]) for order_id, snapshot in read_orders(unread, using).items()]
    known |= _friend_orders(later, using)
    # A first order that is not among these, and that the referral has already, says nothing new.
    concerned = [
        each for each in referrals if each.status == ReferralStatus.REWARDED or first[each.pk] in {None, *known}
    ]
    orders_of = {each.pk: known[order_id] for each in concerned if (order_id := first[each.pk]) in known}
    same = _same_households(concerned, orders_of, using)
    progress.bring_in_line([each.pk for each in concerned], orders_of | same, known, now, using)


@allow_writer()
def settle(settings: ShopSettings, now: datetime) -> int:
    """Reward referrals whose return window is over, and take back those that were undone; returns how many.

    While no channel gives points, these are only taken back.
    """
    using = django_settings.DATABASE_CONNECTION_DEFAULT_NAME
    around = Surroundings(
        segments=lambda profile_id, wanted: segments_in_any_currency([profile_id], wanted, using).get(
            profile_id, frozenset()
        ),
        policy=lambda channel_id: settings.loyalty_for(channel_id).earned_points_policy,
    )
    settled = settle_referrals(now, around, using, rewards=points_are_on(settings))
    if settled:
        both = Referral.objects.using(using).filter(decided_at=now, code__isnull=False)
        profiles = both.values_list("code__account__profile_id", "friend__profile_id")
        rewarded = {profile_id for pair in profiles for profile_id in pair}
        # The points are the heads'.
        review_customers(set(heads_of(rewarded, using).values()), now, using)
    return settled


def first_purchases(user_ids: Collection[int], using: str) -> dict[int, UUID]:
    """Each user's first order that is a purchase. One statement."""
    rows = (
        Order.objects.using(using)
        .filter(user_id__in=user_ids)
        .exclude(status__in=NOT_A_PURCHASE)
        .order_by("user_id", placed_at(), "pk")
        .distinct("user_id")
        .values_list("user_id", "pk")
    )
    return {user_id: order_id for user_id, order_id in rows if user_id is not None}


def _friend_orders(orders: Sequence[OrderFacts], using: str) -> dict[UUID, FriendOrder]:
    """By order id. One statement if there are any; one more if any of them carries what may have been points."""
    return {order.order_id: _friend_order(order) for order in as_seen_by_the_ledger(orders, using)}


def _friend_order(order: OrderFacts) -> FriendOrder:
    return FriendOrder(
        order_id=order.order_id,
        profile_id=order.profile_id,
        channel_id=order.channel_id,
        placed_at=order.placed_at,
        is_kept=_is_kept(order),
        is_met=order.qualified_at is not None,
        reward_at=_reward_at(order),
    )


def _is_kept(order: OrderFacts) -> bool:
    """What a rewarded order has to be: paid, and not by points alone, whatever else the channel asks for by now."""
    if not order.is_purchase or order.paid_at is None:
        return False
    priced = [line for line in order.earning.lines if line.gross > 0]
    # A gift card keeps no reward for goods that came back. Alone, or beside goods that points paid for, it was rewarded
    # before `_reward_at` refused it.
    goods = [line for line in priced if not line.is_gift_card] or priced
    return (
        _is_bought(order, priced)
        and any(line.taken_back < 1 for line in goods)
        and earning.kept_value(order.earning) > 0
    )


def _is_bought(order: OrderFacts, lines: Sequence[EarningLine]) -> bool:
    """Whether points left anything of these to pay. As a voucher, they have lowered the lines.

    Shipping is not given back with goods, as a rule, and is no purchase.
    """
    return sum((line.gross for line in lines), -order.earning.points_paid) > 0


def _reward_at(order: OrderFacts) -> datetime | None:
    """Where an order earns nothing for itself, it earns nothing for a referral."""
    if order.qualified_at is None or not may_earn(order) or not _has_goods_that_earn(order) or not _is_kept(order):
        return None
    if not _is_bought(order, [line for line in order.earning.lines if line.gross > 0 and not line.is_gift_card]):
        return None
    return order.qualified_at + timedelta(days=order.settings.pending_days)


def _has_goods_that_earn(order: OrderFacts) -> bool:
    """Whether they were too few for a whole point does not matter, nor whether some of them came back."""
    terms = terms_of(order.settings, channel_id=order.channel_id, at=order.placed_at)
    return terms is not None and earning.has_goods_that_earn(order.earning, terms)


def _same_households(
    referrals: Sequence[Referral], first: dict[int, FriendOrder], using: str
) -> dict[int, FriendOrder]:
    """Those of the first orders that went to the referrer's address and last name. Looked at once for each order."""
    new = {
        each: user_id
        for each in referrals
        if each.pk in first
        and first[each.pk].order_id != each.order_id
        and each.code is not None
        and (user_id := each.code.account.profile.user_id)
    }
    if not new:
        return {}
    of_order = homes_of_orders({first[each.pk].order_id for each in new}, using)
    of_user = homes_of_users(set(new.values()), using)
    return {
        each.pk: replace(first[each.pk], is_same_household=True)
        for each, user_id in new.items()
        if of_order.get(first[each.pk].order_id, set()) & of_user.get(user_id, set())
    }
