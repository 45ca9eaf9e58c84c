"""One order inside a ledger: its holds, its award and its redemption, each brought to what it should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import floor
from typing import TYPE_CHECKING

from saleor_crm_plugin.config import EarnedPointsPolicy, SpentPointsPolicy
from saleor_crm_plugin.loyalty import earning, forgiving, holds
from saleor_crm_plugin.loyalty.awards import Award, EarningTerms
from saleor_crm_plugin.loyalty.expiry import expires_at
from saleor_crm_plugin.loyalty.ledger import Ledger, is_let_go
from saleor_crm_plugin.loyalty.models import PointsHold, PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.rules.storage import RuleUse
from saleor_crm_plugin.loyalty.terms import occasion_of

if TYPE_CHECKING:
    from saleor_crm_plugin.loyalty.orders import OrderFacts


_SPENT_AND_RETURNED = (TransactionType.REDEEM, TransactionType.REDEEM_REVERSAL)
# What an account has of the order.
_GIVEN = (TransactionType.EARN, TransactionType.EARN_REVERSAL, TransactionType.WAIVER)


class OrderEntries:
    """The entries of one order. Keys count them, and nobody else can add one meanwhile."""

    def __init__(self, ledger: Ledger, order: OrderFacts, entries: list[PointsTransaction]) -> None:
        self.ledger = ledger
        self.order = order
        self.entries = entries
        self.posted = 0
        # Points that the order needs now of each hold that it carries.
        self._needed: dict[str, int] = {}

    def commit(self, hold: PointsHold, amount: Decimal | None) -> None:
        """The order carries what the points were set aside as: they are spent now, come what may.

        A gift card with something left can end up on a second order before its first one is synced: each order spends
        what it took.

        Args:
            amount: what the voucher or gift card takes off. If the checkout has shrunk since, or staff have edited the
                order, that is less than the points are worth, and only as many points as it needs are spent. None:
                unknown, so all of them.
        """
        if holds.was_given_back_meanwhile(hold, amount):
            return
        if amount is not None:
            self._needed[str(hold.pk)] = holds.points_used(hold, amount)
        # Not "once it is committed": an order may first be seen while staff's own discount is in place of the voucher.
        if self._has_spent(hold):
            return
        if holds.commit(hold, self.order.order_id):
            self.ledger.wallets[hold.account_id].release(hold.points)
        points = holds.points_used(hold, amount)
        if points:
            # What a refund gives back of them is settled now, like the terms of an award.
            policy = self.order.settings.spent_points_policy
            breakdown: dict[str, object] = {"hold": str(hold.pk), "returned": policy.value}
            source = self._source(reason="Spent on an order", breakdown=breakdown)
            self._add(self.ledger.redeem(hold.account_id, points, source))
        self.ledger.settle(hold.account_id)

    def _has_spent(self, hold: PointsHold) -> bool:
        return any(entry.breakdown.get("hold") == str(hold.pk) for entry in self.entries)

    def bring_award(
        self, account_id: int | None, terms: EarningTerms | None, computed: Award | None = None
    ) -> list[RuleUse]:
        """Bring the order's award in line.

        Args:
            account_id: an account of whoever the order belongs to; None if that is nobody. An award on another account
                of theirs, merged with it, stays there.
            terms: those of the first award if there was one, else those of today; None if it does not qualify.
            computed: what the order earns before refunds on some terms, which may be these.

        Returns:
            What the rules have given, if that has changed.
        """
        uses: list[RuleUse] = []
        account_id = account_id and self._home(account_id)
        for other in sorted({entry.account_id for entry in self.entries} - {account_id}):
            if (earned := self._earned(other)) > 0:
                # A cancelled order is looked at without whose it is.
                self._reverse(other, earned, passed=self.order.is_purchase)
                # Of one that passes to another customer, the other's use counts all.
                uses += self._uses(other, {} if self.order.is_purchase else self._had(other, None), terms)
        if account_id is None or terms is None:
            return uses
        order = self.order
        full = owed = Award.nothing(terms)
        if order.is_purchase and order.qualified_at is not None:
            whole = earning.before_refunds(order.earning)
            full = computed if computed and computed.terms == terms else earning.award(whole, terms)
            owed = full if whole is order.earning else earning.award(order.earning, terms)
        before, entries_before = self._earned(account_id), self.posted
        is_new = not any(entry.type == TransactionType.EARN for entry in self.entries)
        # Only what others have left of it follows the order. Asked of the entries, so that each sync finds the same.
        left = max(owed.points - self._kept_by_others(account_id), 0)
        # The full award and its reversal are two entries, whenever the order was first seen.
        due = full.points if is_new else left
        if due > before:
            self._award(account_id, due - before, full)
        self._reverse(account_id, self._earned(account_id) - left)
        if is_new or self.posted > entries_before:
            uses += self._uses(account_id, self._had(account_id, owed), terms)
        return uses

    def _home(self, account_id: int) -> int:
        """Which account of a person has the order's award: one that was merged, or the one that has the points now."""
        head = self.ledger.head_of(account_id)
        homes = [
            entry.account_id
            for entry in self.entries
            if entry.type == TransactionType.EARN and self.ledger.head_of(entry.account_id) == head
        ]
        # The order may have passed from one to the other before they were merged.
        return max(reversed(homes), key=self._earned, default=head)

    def _had(self, account_id: int, owed: Award | None) -> Mapping[int | None, int]:
        """By rule, what an account is owed of the order, with the rule's part of what was taken back and forgiven.

        Limits bound what a rule costs, so a use is free again only as far as its points came back.
        """
        had = {share.rule_id: share.points for share in owed.rules} if owed else {}
        awards = [e for e in self.entries if e.type == TransactionType.EARN and e.account_id == account_id]
        given = awards[-1].breakdown.get("shares", ()) if awards else ()
        back = sum(share["points"] for share in given) - (owed.points if owed else 0)
        forgiven = min(self._forgiven(account_id, self.entries), back)
        if forgiven > 0:
            for share in given:
                still = had.get(share["rule"], 0)
                had[share["rule"]] = still + max(share["points"] - still, 0) * forgiven // back
        return had

    def _uses(self, account_id: int, points: Mapping[int | None, int], terms: EarningTerms | None) -> list[RuleUse]:
        return [
            RuleUse(
                rule.rule_id,
                rule.version,
                account_id,
                occasion_of(self.order.order_id),
                points.get(rule.rule_id, 0),
                rule.is_dry_run,
                self.order.placed_at,
            )
            for rule in (terms.rules if terms else ())
        ]

    def give_back(self) -> None:
        """Give back what was spent on the order and is not due any more.

        Before `bring_award`: nothing is forgiven as spent that the same order gives back.
        """
        for account_id in self._spenders():
            self._bring_redemption_of(account_id, back=True)

    def spend_again(self) -> None:
        """Take what is due once more of what was given back.

        After `bring_award`: what that takes back is forgiven for what was spent before, not for this.
        """
        for account_id in self._spenders():
            self._bring_redemption_of(account_id, back=False)

    def _spenders(self) -> list[int]:
        return sorted({entry.account_id for entry in self.entries if entry.type == TransactionType.REDEEM})

    def _bring_redemption_of(self, account_id: int, *, back: bool) -> None:
        own = [entry for entry in self.entries if entry.account_id == account_id]
        spent = [entry for entry in own if entry.type == TransactionType.REDEEM]
        by_holds = [entry for entry in spent if "hold" in entry.breakdown] or spent[:1]
        needed = self._needed_of(own, by_holds)
        policy = SpentPointsPolicy(by_holds[0].breakdown.get("returned", self.order.settings.spent_points_policy))
        to_return = self._points_to_return(needed, policy)
        due = -sum(entry.points for entry in own if entry.type in _SPENT_AND_RETURNED) - (needed - to_return)
        if back and due > 0:
            source = self._source(
                reason=self._why_returned(to_return), reverses=spent[0].pk, breakdown={"needed": needed}
            )
            self._add(*self.ledger.give_back(account_id, due, source))
        elif not back and due < 0:
            reason = "Order changed" if to_return else "Refund or cancellation undone"
            self._add(self.ledger.redeem(account_id, -due, self._source(reason=reason, breakdown={"needed": needed})))

    def _needed_of(self, own: Iterable[PointsTransaction], by_holds: Sequence[PointsTransaction]) -> int:
        """Points that the order needs of an account; where its discount is gone, as many as when it was last seen."""
        before = sum(-entry.points for entry in by_holds)
        for entry in own:
            before = int(entry.breakdown.get("needed", before))
        keys = [str(entry.breakdown.get("hold")) for entry in by_holds]
        return sum(self._needed[key] for key in keys) if self._needed.keys() >= set(keys) else before

    def _why_returned(self, to_return: int) -> str:
        if self.order.is_closed:
            return "Order cancelled"
        return "Order refunded" if to_return else "Order changed"

    def _points_to_return(self, points: int, policy: SpentPointsPolicy) -> int:
        if policy == SpentPointsPolicy.KEEP:
            return 0
        if self.order.is_closed:
            return points
        if policy == SpentPointsPolicy.RETURN:
            return points if earning.kept_value(self.order.earning) == 0 else 0
        return floor(points * earning.share_of_points_back(self.order.earning))

    def _award(self, account_id: int, points: int, full: Award) -> None:
        since = self.order.qualified_at
        assert since is not None
        settings = self.order.settings
        available_at = since + timedelta(days=settings.pending_days)
        entry = self.ledger.award(
            account_id,
            points,
            self._source(breakdown=full.as_breakdown()),
            available_at=available_at,
            expires_at=expires_at(settings.expiry, available_at),
        )
        kept = self._forgiven(account_id, self.entries)
        if kept > 0:
            # What it was spent on may have given it back meanwhile: that is posted by another order's sync.
            kept = min(self._forgiven(account_id, self.ledger.waivers_of([self.order.order_id])), points)
        self._add(entry)
        if entry is not None and kept > 0:
            self._add(self.ledger.take_kept(entry, kept, self._key()))

    def _why_less(self, passed: bool) -> str:
        if not self.order.is_purchase:
            return "Order cancelled"
        if passed:
            return "Order belongs to another customer"
        if self.order.earning.refunded_gross > 0:
            return "Order refunded"
        return "Goods returned" if earning.kept_value(self.order.earning) < 1 else "Order changed"

    def _reverse(self, account_id: int, points: int, *, passed: bool = False) -> None:
        if points <= 0:
            return
        policy = self.order.settings.earned_points_policy
        # The policy is about refunds. What has gone from an account stays gone when its order passes to another one:
        # the account may be that of a user who is deleted, and pays no debt.
        first = next(e for e in self.entries if e.type == TransactionType.EARN and e.account_id == account_id)
        source = self._source(reason=self._why_less(passed), reverses=first.pk)
        self._add(
            *self.ledger.reverse_award(
                account_id,
                points,
                source,
                pending_only=policy == EarnedPointsPolicy.REVERSE_PENDING_ONLY and not passed,
                waive=policy != EarnedPointsPolicy.REVERSE_INTO_DEFICIT or passed,
                while_spent=policy == EarnedPointsPolicy.REVERSE_WITHIN_BALANCE and not passed,
                let_go=sum(e.points for e in self.entries if e.account_id == account_id and is_let_go(e)),
            )
        )

    def _earned(self, account_id: int) -> int:
        return sum(
            entry.points
            for entry in self.entries
            if entry.account_id == account_id and entry.type in (TransactionType.EARN, TransactionType.EARN_REVERSAL)
        )

    def _forgiven(self, account_id: int, entries: Iterable[PointsTransaction]) -> int:
        """What an account has kept of points that were taken back since: it was spent, or out of the policy's reach."""
        return sum(
            entry.points
            for entry in entries
            if entry.type == TransactionType.WAIVER
            and forgiving.account_of(entry) == account_id
            and not is_let_go(entry)
        )

    def _kept_by_others(self, account_id: int) -> int:
        """What other accounts have had of the order and has not come back: it was spent, or has expired."""
        return sum(
            entry.points for entry in self.entries if entry.type in _GIVEN and forgiving.account_of(entry) != account_id
        )

    def _source(
        self,
        *,
        reason: str = "",
        reverses: int | None = None,
        breakdown: dict[str, object] | None = None,
    ) -> Source:
        return Source(
            key=self._key(),
            order_id=self.order.order_id,
            reason=reason,
            reverses=reverses,
            breakdown=breakdown,
            earned_at=self._earned_at(),
        )

    def _key(self) -> str:
        return f"order:{self.order.order_id}:{len(self.entries)}"

    def _earned_at(self) -> datetime | None:
        """All that an order earns counts from its first award on, and so does what is taken back of it."""
        first = next((entry for entry in self.entries if entry.type == TransactionType.EARN), None)
        return first.earned_at if first else self.order.qualified_at

    def _add(self, *posted: PointsTransaction | None) -> None:
        for entry in posted:
            if entry is not None:
                self.entries.append(entry)
                self.posted += 1
