"""What an order should mean for points, and the entries that are missing for it.

Level-triggered: the same function runs for a hook, the reconciliation, the backfill and a repair. It compares what the
ledger holds for an order with what the order's facts say now, and posts the difference. A second run posts nothing.

An award is reversed, and an edited order awarded again, on the terms it was made on, kept in the entry's breakdown:
editing settings or rules changes no past entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from uuid import UUID

from django.db.models import QuerySet

from saleor_crm_plugin.compiled import CompiledLookup
from saleor_crm_plugin.config import AwardWhen, LoyaltySettings
from saleor_crm_plugin.loyalty import accounts, earning, holds
from saleor_crm_plugin.loyalty.awards import (
    Award,
    EarningOrder,
    EarningTerms,
    award_when_of,
    terms_from_breakdown,
    versions_in,
)
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import Carrier, HoldForm, PointsHold, PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.order_entries import OrderEntries
from saleor_crm_plugin.loyalty.rules import storage as rules
from saleor_crm_plugin.loyalty.rules.storage import RuleUse
from saleor_crm_plugin.loyalty.terms import NO_TRAITS, CustomerTraits, RuleLimits, Wanted, occasion_of, terms_of

NO_HISTORY: Mapping[UUID, Sequence[PointsTransaction]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order as loyalty sees it.

    Attributes:
        profile_id: whose order it is; None if it is nobody's.
        is_purchase: False once cancelled or expired, and while unconfirmed.
        is_closed: True once cancelled or expired, which gives spent points back.
        is_replacement: sent in place of goods of another order, which keeps its points; earns nothing.
        is_moved: its channel was deleted, and `settings` are those of another one: it follows an award that it has, and
            gets no first one.
        placed_at: orders before the channel's `earn_from` earn nothing.
        paid_at: when it was paid in full; None while it is not.
        fulfilled_at: when it was sent, being paid in full; None while it is not.
        awarded_on: what its award was made on; None: it has none, and the channel decides.
        carried: voucher codes and gift cards of the order, any of which may be the carrier of spent points, with what
            each took off; None if unknown, and then it is taken to be all of it.
    """

    order_id: UUID
    channel_id: int
    profile_id: int | None
    is_purchase: bool
    is_closed: bool
    is_imported: bool
    placed_at: datetime
    paid_at: datetime | None
    fulfilled_at: datetime | None
    earning: EarningOrder
    settings: LoyaltySettings
    carried: Mapping[Carrier, Decimal | None] = field(default_factory=dict)
    traits: CustomerTraits = NO_TRAITS
    is_replacement: bool = False
    is_moved: bool = False
    awarded_on: AwardWhen | None = None

    @property
    def qualified_at(self) -> datetime | None:
        """When it became an order that is awarded; None while it is not one."""
        when = self.awarded_on or self.settings.award_when
        if when == AwardWhen.PAID or self.paid_at is None:
            return self.paid_at
        # It may be sent before it is paid.
        return self.fulfilled_at and max(self.fulfilled_at, self.paid_at)


def bring_in_line(orders: Sequence[OrderFacts], program_id: int, now: datetime, using: str) -> int:
    """Post what is missing for `orders`. The caller holds the lock on each of them.

    Returns:
        How many entries were posted.
    """
    orders = sorted(orders, key=lambda order: (order.placed_at, order.order_id))
    orders, history, hold_of = _with_what_was_posted(orders, using, lock=True)
    first_awards = _first_awards(orders, history, program_id, using)
    affected = [
        order
        for order in orders
        if order.order_id in history or order.order_id in first_awards or order.carried.keys() & hold_of.keys()
    ]
    if not affected:
        return 0
    profiles = {
        order.profile_id
        for order in affected
        # An award follows its order to another customer, on the terms it was made on.
        if order.profile_id is not None
        and (order.order_id in first_awards or (order.is_purchase and _first_award(history.get(order.order_id, ()))))
    }
    account_of = accounts.ensure(program_id, profiles, using)
    existing = [entry for order in affected for entry in history.get(order.order_id, ())]
    used_holds = [hold_of[carrier] for order in affected for carrier in order.carried if carrier in hold_of]
    fates = holds.fates(used_holds)
    with_lots = {entry.account_id for entry in existing} | {hold.account_id for hold in used_holds}
    touched = with_lots | set(account_of.values())
    if not touched:
        return 0
    definitions = rules.definitions({pair for entry in existing for pair in versions_in(entry.breakdown)}, using)
    rules.lock_rules(_budgeted(award.terms for award in first_awards.values()), using)
    with Ledger(
        touched,
        lots_of=with_lots,
        orders=[order.order_id for order in affected if order.order_id in history],
        now=now,
        using=using,
        savepoint=False,
    ) as ledger:
        wanted = {
            order.order_id: Wanted(head, occasion_of(order.order_id), order.placed_at, award.terms)
            for order in affected
            if (award := first_awards.get(order.order_id))
            and order.profile_id is not None
            # Who was deleted on request earns nothing more, whoever orders under that user.
            and ledger.accounts[head := ledger.head_of(account_of[order.profile_id])].closed_at is None
        }
        posted = 0

        def bring(order: OrderFacts, terms: EarningTerms | None) -> list[RuleUse]:
            nonlocal posted
            line = OrderEntries(ledger, order, list(history.get(order.order_id, ())))
            for carrier, amount in order.carried.items():
                if carrier in hold_of:
                    line.commit(hold_of[carrier], amount)
            account_id = None if order.profile_id is None else account_of.get(order.profile_id)
            line.give_back()
            uses = line.bring_award(account_id, terms, first_awards.get(order.order_id))
            line.spend_again()
            posted += line.posted
            return uses

        def of_then(order: OrderFacts) -> EarningTerms | None:
            earned = [e.breakdown for e in history.get(order.order_id, ()) if e.type == TransactionType.EARN]
            return terms_from_breakdown(earned[0], definitions, later=earned[1:]) if earned else None

        uses: list[RuleUse] = []
        questions = [question for each in wanted.values() for question in each.questions()]
        if questions:
            # What they give back of a limit is there for the others.
            rules.record_uses(
                [use for each in affected if each.order_id not in wanted for use in bring(each, of_then(each))], using
            )
        limits = RuleLimits(dict(zip(questions, rules.usages(questions, using), strict=True)))
        for order in affected:
            if order.order_id in wanted:
                used = bring(order, limits.apply(wanted[order.order_id]))
                limits.count(use._replace(account_id=ledger.head_of(use.account_id)) for use in used)
                uses += used
            elif not questions:
                uses += bring(order, of_then(order))
        rules.record_uses(uses, using)
        holds.save(used_holds, fates, using)
    return posted


def as_seen_by_the_ledger(orders: Sequence[OrderFacts], using: str) -> Sequence[OrderFacts]:
    """The orders with what the award of each was made on, and what points paid told apart. Two statements at most."""
    seen, _, _ = _with_what_was_posted(orders, using)
    return seen


def _with_what_was_posted(
    orders: Sequence[OrderFacts], using: str, *, lock: bool = False
) -> tuple[Sequence[OrderFacts], dict[UUID, list[PointsTransaction]], dict[Carrier, PointsHold]]:
    """The orders by what was posted for them, their entries, and the holds of which points were or may be spent."""
    history = _read_history([order.order_id for order in orders], using)
    carriers = {carrier for order in orders for carrier in order.carried}
    hold_of = holds.by_carrier(carriers, using, and_ids=_holds_spent(history), lock=lock)
    awarded = [_as_awarded(order, history.get(order.order_id, ())) for order in orders]
    return told_apart(awarded, hold_of, history), history, hold_of


def told_apart(
    orders: Sequence[OrderFacts],
    hold_of: Mapping[Carrier, PointsHold],
    history: Mapping[UUID, Sequence[PointsTransaction]] = NO_HISTORY,
) -> Sequence[OrderFacts]:
    """The orders with what points paid told apart from other vouchers and gift cards (`holds.with_points`).

    Args:
        history: the entries of the orders, which still know what gift cards paid that Saleor has deleted.
    """
    if not hold_of:
        return orders
    told = []
    for order in orders:
        gone = _paid_by_deleted_cards(order, hold_of, history.get(order.order_id, ()))
        told.append(replace(order, earning=holds.with_points(order.earning, {**order.carried, **gone}, hold_of)))
    return told


def _paid_by_deleted_cards(
    order: OrderFacts, hold_of: Mapping[Carrier, PointsHold], entries: Sequence[PointsTransaction]
) -> dict[Carrier, Decimal]:
    """What gift cards of points paid that staff have deleted: with a card, Saleor deletes that it was used."""
    if not entries or order.earning.total_gross >= order.earning.price_gross:
        return {}
    by_id = {str(hold.pk): hold for hold in hold_of.values() if hold.form == HoldForm.GIFT_CARD}
    spent = [(by_id.get(entry.breakdown["hold"]), -entry.points) for entry in _spent_by_holds(entries)]
    return {
        hold.carrier: holds.paid_by(hold, points)
        for hold, points in spent
        if hold is not None and hold.carrier not in order.carried
    }


def _holds_spent(history: Mapping[UUID, Sequence[PointsTransaction]]) -> set[str]:
    return {entry.breakdown["hold"] for entries in history.values() for entry in _spent_by_holds(entries)}


def _spent_by_holds(entries: Iterable[PointsTransaction]) -> list[PointsTransaction]:
    return [entry for entry in entries if entry.type == TransactionType.REDEEM and "hold" in entry.breakdown]


def _first_awards(
    orders: Iterable[OrderFacts], history: Mapping[UUID, Sequence[PointsTransaction]], program_id: int, using: str
) -> dict[UUID, Award]:
    """What orders earn that earn something and have no award yet, by order id, before refunds and before limits."""
    candidates = [
        order for order in orders if may_earn(order) and _first_award(history.get(order.order_id, ())) is None
    ]
    if not candidates:
        return {}
    in_force = rules.live_rules(program_id, using)
    found = {}
    for order in candidates:
        terms = terms_of(
            order.settings,
            channel_id=order.channel_id,
            at=order.placed_at,
            rules=in_force,
            traits=order.traits,
        )
        if terms is None:
            continue
        full = earning.award(earning.before_refunds(order.earning), terms)
        if full.points > 0 or any(share.points > 0 for share in full.rules):
            found[order.order_id] = full
    return found


def may_earn(order: OrderFacts) -> bool:
    """Whether the order is one that the settings of the channel it was placed in let earn at all."""
    earn_from = order.settings.earn_from
    return earn_from is not None and order.placed_at >= earn_from and not order.is_moved and qualifies(order)


def qualifies(order: OrderFacts) -> bool:
    """Whether it is an order that earns, whenever it was placed."""
    if order.profile_id is None or order.qualified_at is None or not order.is_purchase or order.is_replacement:
        return False
    return order.settings.award_imported_orders or not order.is_imported


def _first_award(entries: Iterable[PointsTransaction]) -> PointsTransaction | None:
    return next((entry for entry in entries if entry.type == TransactionType.EARN), None)


def _as_awarded(order: OrderFacts, entries: Iterable[PointsTransaction]) -> OrderFacts:
    first = _first_award(entries)
    return order if first is None else replace(order, awarded_on=award_when_of(first.breakdown))


def _budgeted(terms: Iterable[EarningTerms]) -> set[int]:
    """Rules with a limit for all customers together."""
    return {rule.rule_id for each in terms for rule in each.rules if rule.definition.limits.points_in_total is not None}


@partial(CompiledLookup, "order_id")
def _entries_of_orders() -> QuerySet[PointsTransaction]:
    return PointsTransaction.objects.order_by("pk")


def _read_history(order_ids: Iterable[UUID], using: str) -> dict[UUID, list[PointsTransaction]]:
    history: dict[UUID, list[PointsTransaction]] = {}
    for entry in _entries_of_orders.instances(list(order_ids), using):
        assert entry.order_id is not None
        history.setdefault(entry.order_id, []).append(entry)
    return history
