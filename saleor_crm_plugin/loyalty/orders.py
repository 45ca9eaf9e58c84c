"""What an order should mean for points, and the entries that are missing for it.

Level-triggered: the same function runs for a hook, the reconciliation, the backfill and a repair. It compares what the
ledger holds for an order with what the order's facts say now, and posts the difference. A second run posts nothing.

An award is reversed on the terms it was made on, kept in the entry's breakdown: editing the settings changes no past
entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import floor
from uuid import UUID

from saleor_crm_plugin.config import Basis, EarnedPointsPolicy, LoyaltySettings, SpentPointsPolicy
from saleor_crm_plugin.loyalty import accounts, earning, holds
from saleor_crm_plugin.loyalty.expiry import expires_at
from saleor_crm_plugin.loyalty.ledger import Ledger, Source
from saleor_crm_plugin.loyalty.models import PointsHold, PointsTransaction, TransactionType


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order as loyalty sees it.

    Attributes:
        profile_id: whose order it is; None if it is nobody's.
        is_purchase: False once cancelled or expired, and while unconfirmed.
        is_closed: True once cancelled or expired, which gives spent points back.
        placed_at: orders before the channel's `earn_from` earn nothing.
        qualified_at: when the channel's condition (paid, or fulfilled) was met; None while it is not.
        voucher_code: the code on the order, "" if none; it may be the carrier of spent points.
        voucher_amount: what that voucher took off; None if unknown, and then it is taken to be all of it.
    """

    order_id: UUID
    profile_id: int | None
    is_purchase: bool
    is_closed: bool
    is_imported: bool
    placed_at: datetime
    qualified_at: datetime | None
    voucher_code: str
    voucher_amount: Decimal | None
    earning: earning.EarningOrder
    settings: LoyaltySettings


def terms_of(settings: LoyaltySettings) -> earning.EarningTerms | None:
    """The terms of a channel today; None where nothing can be earned."""
    if not settings.points_per_unit:
        return None
    return earning.EarningTerms(
        points_per_unit=settings.points_per_unit,
        net=settings.basis == Basis.NET,
        with_shipping=settings.include_shipping,
    )


def bring_in_line(orders: Sequence[OrderFacts], program_id: int, now: datetime, using: str) -> int:
    """Post what is missing for `orders`. The caller holds the lock on each of them.

    Returns:
        How many entries were posted.
    """
    orders = sorted(orders, key=lambda order: (order.placed_at, order.order_id))
    history = _read_history([order.order_id for order in orders], using)
    hold_of = holds.by_code([order.voucher_code for order in orders if order.voucher_code], using)
    awarded = {
        order_id
        for order_id, entries in history.items()
        if any(entry.type == TransactionType.EARN for entry in entries)
    }
    first_awards = {
        order.order_id: award for order in orders if order.order_id not in awarded and (award := _first_award(order))
    }
    affected = [
        order
        for order in orders
        if order.order_id in history or order.order_id in first_awards or order.voucher_code in hold_of
    ]
    if not affected:
        return 0
    profiles = {
        order.profile_id
        for order in affected
        # An award follows its order to another customer, on the terms it was made on.
        if order.profile_id is not None
        and (order.order_id in first_awards or (order.is_purchase and order.order_id in awarded))
    }
    account_of = accounts.ensure(program_id, profiles, using)
    existing = [entry for order in affected for entry in history.get(order.order_id, ())]
    used_holds = [hold_of[order.voucher_code] for order in affected if order.voucher_code in hold_of]
    with_lots = {entry.account_id for entry in existing} | {hold.account_id for hold in used_holds}
    touched = with_lots | set(account_of.values())
    if not touched:
        return 0
    with Ledger(
        touched,
        lots_of=with_lots,
        orders=[order.order_id for order in affected if order.order_id in history],
        now=now,
        using=using,
    ) as ledger:
        posted = 0
        for order in affected:
            line = _OrderInLedger(ledger, order, list(history.get(order.order_id, ())))
            hold = hold_of.get(order.voucher_code)
            if hold is not None:
                line.commit(hold)
            account_id = None if order.profile_id is None else account_of.get(order.profile_id)
            line.bring_award(account_id, first_awards.get(order.order_id))
            line.bring_redemption()
            posted += line.posted
        holds.save(used_holds, using)
    return posted


def _first_award(order: OrderFacts) -> earning.Award | None:
    """What the order earns on today's terms, if it qualifies at all."""
    settings = order.settings
    terms = terms_of(settings)
    if terms is None or order.profile_id is None or order.qualified_at is None or not order.is_purchase:
        return None
    if settings.earn_from is None or order.placed_at < settings.earn_from:
        return None
    if order.is_imported and not settings.award_imported_orders:
        return None
    full = earning.award(_before_refunds(order), terms)
    return full if full.points > 0 else None


def _before_refunds(order: OrderFacts) -> earning.EarningOrder:
    return replace(order.earning, refunded_gross=Decimal(0)) if order.earning.refunded_gross else order.earning


def _read_history(order_ids: Iterable[UUID], using: str) -> dict[UUID, list[PointsTransaction]]:
    history: dict[UUID, list[PointsTransaction]] = {}
    rows = PointsTransaction.objects.using(using).filter(order_id__in=list(order_ids)).order_by("pk")
    for entry in rows:
        assert entry.order_id is not None
        history.setdefault(entry.order_id, []).append(entry)
    return history


class _OrderInLedger:
    """One order inside a ledger. Keys count the order's entries, which nobody else can add meanwhile."""

    def __init__(self, ledger: Ledger, order: OrderFacts, entries: list[PointsTransaction]) -> None:
        self.ledger = ledger
        self.order = order
        self.entries = entries
        self.posted = 0

    def commit(self, hold: PointsHold) -> None:
        """The order carries the code of points that were set aside: they are spent now, come what may.

        If the checkout has shrunk since, the voucher took less off than the points are worth, and only as many points
        as it needed are spent.
        """
        if hold.order_id is not None:
            return
        if holds.commit(hold, self.order.order_id):
            self.ledger.wallets[hold.account_id].release(hold.points)
        points = holds.points_used(hold, self.order.voucher_amount)
        if points:
            self._add(self.ledger.redeem(hold.account_id, points, self._source(reason="Spent on an order")))

    def bring_award(self, account_id: int | None, first_award: earning.Award | None) -> None:
        """Bring the order's award in line.

        Args:
            account_id: the account of whoever the order belongs to; None if that is nobody.
            first_award: what an order without entries earns; None if it does not qualify.
        """
        for other in sorted({entry.account_id for entry in self.entries} - {account_id}):
            self._reverse(other, self._earned(other))
        if account_id is None:
            return
        first = next((entry for entry in self.entries if entry.type == TransactionType.EARN), None)
        if first is not None:
            self._bring_awarded(account_id, earning.terms_from_breakdown(first.breakdown))
        elif first_award is not None:
            # The full award and its reversal are two entries, whenever the order was first seen.
            self._award(account_id, first_award.points, first_award)
            self._reverse(account_id, first_award.points - earning.award(self.order.earning, first_award.terms).points)

    def _bring_awarded(self, account_id: int, terms: earning.EarningTerms) -> None:
        order = self.order
        full = owed = earning.Award.nothing(terms)
        if order.is_purchase and order.qualified_at is not None:
            full = earning.award(_before_refunds(order), terms)
            owed = earning.award(order.earning, terms)
        earned = self._earned(account_id)
        if owed.points > earned:
            self._award(account_id, owed.points - earned, full)
        else:
            self._reverse(account_id, earned - owed.points)

    def bring_redemption(self) -> None:
        spent = [entry for entry in self.entries if entry.type == TransactionType.REDEEM]
        if not spent:
            return
        account_id = spent[0].account_id
        total = -sum(entry.points for entry in spent)
        returned = sum(entry.points for entry in self.entries if entry.type == TransactionType.REDEEM_REVERSAL)
        hold_points = -spent[0].points
        due = self._points_to_return(hold_points) - (returned - (total - hold_points))
        if due > 0:
            reason = "Order cancelled" if self.order.is_closed else "Order refunded"
            self._add(self.ledger.give_back(account_id, due, self._source(reason=reason, reverses=spent[0].pk)))
        elif due < 0:
            self._add(self.ledger.redeem(account_id, -due, self._source(reason="Refund or cancellation undone")))

    def _points_to_return(self, points: int) -> int:
        policy = self.order.settings.spent_points_policy
        if policy == SpentPointsPolicy.KEEP:
            return 0
        if self.order.is_closed:
            return points
        kept = earning.kept_share(self.order.earning.refunded_gross, self.order.earning.total_gross)
        if policy == SpentPointsPolicy.RETURN:
            return points if kept == 0 else 0
        return floor(points * (1 - kept))

    def _award(self, account_id: int, points: int, full: earning.Award) -> None:
        since = self.order.qualified_at
        assert since is not None
        settings = self.order.settings
        available_at = since + timedelta(days=settings.pending_days)
        self._add(
            self.ledger.award(
                account_id,
                points,
                self._source(breakdown=full.as_breakdown()),
                available_at=available_at,
                expires_at=expires_at(settings.expiry, available_at),
            )
        )

    def _why_less(self, account_id: int) -> str:
        if not self.order.is_purchase:
            return "Order cancelled"
        if self.ledger.accounts[account_id].profile_id != self.order.profile_id:
            return "Order belongs to another customer"
        return "Order refunded" if self.order.earning.refunded_gross > 0 else "Order changed"

    def _reverse(self, account_id: int, points: int) -> None:
        if points <= 0:
            return
        policy = self.order.settings.earned_points_policy
        wallet = self.ledger.wallets[account_id]
        before = wallet.deficit
        first = next(e for e in self.entries if e.type == TransactionType.EARN and e.account_id == account_id)
        self._add(
            self.ledger.reverse_award(
                account_id,
                points,
                self._source(reason=self._why_less(account_id), reverses=first.pk),
                pending_only=policy == EarnedPointsPolicy.REVERSE_PENDING_ONLY,
            )
        )
        uncovered = wallet.deficit - before
        if uncovered > 0 and policy != EarnedPointsPolicy.REVERSE_INTO_DEFICIT:
            self._add(self.ledger.waive(account_id, uncovered, self._source(reason="Already spent; not charged")))

    def _earned(self, account_id: int) -> int:
        return sum(
            entry.points
            for entry in self.entries
            if entry.account_id == account_id and entry.type in (TransactionType.EARN, TransactionType.EARN_REVERSAL)
        )

    def _source(
        self, *, reason: str = "", reverses: int | None = None, breakdown: dict[str, object] | None = None
    ) -> Source:
        return Source(
            key=f"order:{self.order.order_id}:{len(self.entries)}",
            order_id=self.order.order_id,
            reason=reason,
            reverses=reverses,
            breakdown=breakdown,
        )

    def _add(self, entry: PointsTransaction | None) -> None:
        if entry is not None:
            self.entries.append(entry)
            self.posted += 1
