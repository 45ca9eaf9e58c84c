"""Points for something that is no order, by the rules in force.

One call for each action: `award_action`. A new trigger needs a member of `Trigger` and somebody who calls it.

Each rule that gives something makes an entry with a lot of its own, since each may let its points expire at another
time. The lot is active at once. What was decided is a row of `EarningRuleUse` for each rule that had a say, points or
not; an account whose occasion has such a row is done with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from saleor_crm_plugin.config import Expiry
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.awards import RuleTerms
from saleor_crm_plugin.loyalty.expiry import expires_at
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.models import PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.rules import storage as rules
from saleor_crm_plugin.loyalty.rules.actions import Action, action_terms, given_by, share_of
from saleor_crm_plugin.loyalty.rules.definition import RuleDefinition
from saleor_crm_plugin.loyalty.rules.models import EarningRuleUse
from saleor_crm_plugin.loyalty.rules.storage import LiveRule, RuleUse
from saleor_crm_plugin.loyalty.terms import RuleLimits, Wanted


@dataclass(frozen=True, slots=True)
class Occasion:
    """An action and whose it is.

    Attributes:
        kind: of the entries.
        key: beginning of their idempotency keys; what it stands for happens once to an account.
        kept: points that the account was given for it before and has kept when they were taken back.
    """

    account_id: int
    action: Action
    rules: Sequence[LiveRule]
    kind: TransactionType
    key: str
    kept: int = 0

    def wanted(self, head_id: int) -> Wanted:
        """What is asked of the limits: about `head_id`, which has the points of the account now."""
        return Wanted(
            head_id,
            self.action.occasion,
            self.action.at,
            action_terms(
                RuleTerms(rule.rule_id, rule.version, rule.name, rule.definition, None, rule.is_dry_run)
                for rule in self.rules
            ),
        )


def rules_for(action: Action, in_force: Iterable[LiveRule]) -> list[LiveRule]:
    """The rules that have a say, highest priority first."""
    return [rule for rule in in_force if action.calls_for(rule.definition, rule.in_force_since)]


def decided(occasion: str, account_ids: Collection[int], using: str) -> set[int]:
    """Those of the accounts that are done with an occasion, or that one merged into them was. Two statements."""
    family = accounts.with_merged(account_ids, using)
    uses = EarningRuleUse.objects.using(using).filter(occasion=occasion, account_id__in=list(family))
    return {family[account_id] for account_id in uses.values_list("account_id", flat=True)}


def given_to_anybody(occasion: str, using: str) -> bool:
    """Whether any account at all was given points for an action. One statement."""
    # By key: uses are indexed by the rule, which may be another one by now.
    entries = PointsTransaction.objects.using(using).filter(type=TransactionType.EARN_ACTION)
    return entries.filter(idempotency_key__startswith=f"{_key(occasion)}:").exists()


def award_action(
    account_id: int, action: Action, in_force: Iterable[LiveRule], *, now: datetime, using: str = "default"
) -> int:
    """Give an account what the rules give for an action, once; returns the points.

    Nothing happens if it was done before, no rule has a say, or the account is closed.
    """
    having_a_say = rules_for(action, in_force)
    if not having_a_say:
        return 0
    occasion = Occasion(account_id, action, having_a_say, TransactionType.EARN_ACTION, _key(action.occasion))
    with transaction.atomic(using=using):
        lock_budgets([occasion], using)
        with Ledger([account_id], now=now, using=using) as ledger:
            if decided(action.occasion, [account_id], using):
                return 0
            return give(ledger, [occasion], using)


def lock_budgets(occasions: Iterable[Occasion], using: str) -> None:
    """Lock the rules that have a limit for all customers together. Before accounts are locked."""
    rules.lock_rules(
        {
            rule.rule_id
            for occasion in occasions
            for rule in occasion.rules
            if rule.definition.limits.points_in_total is not None
        },
        using,
    )


def give(ledger: Ledger, occasions: Sequence[Occasion], using: str) -> int:
    """Post what the rules give, within their limits, and record it; returns the points.

    The caller has the accounts locked, and knows that this was not done before. Who is closed gets nothing,
    nor does a person of whom no user is left.
    """
    head_of = {occasion.account_id: ledger.head_of(occasion.account_id) for occasion in occasions}
    with_user = accounts.with_user({*head_of.values()}, using)
    open_to_points = [
        occasion
        for occasion in occasions
        if (head := head_of[occasion.account_id]) in with_user and ledger.accounts[head].closed_at is None
    ]
    wanted = [occasion.wanted(head_of[occasion.account_id]) for occasion in open_to_points]
    questions = [question for each in wanted for question in each.questions()]
    limits = RuleLimits(dict(zip(questions, rules.usages(questions, using), strict=True)))
    given, uses = 0, []
    for occasion, each in zip(open_to_points, wanted, strict=True):
        kept = occasion.kept
        for rule, points in given_by(limits.apply(each)):
            use = RuleUse(
                rule.rule_id, rule.version, occasion.account_id, each.occasion, points, rule.is_dry_run, each.at
            )
            limits.count([use._replace(account_id=each.account_id)])
            uses.append(use)
            if points and not rule.is_dry_run:
                entry = _post(ledger, occasion, rule, points)
                given += points
                if entry is not None and (again := min(kept, points)) > 0:
                    ledger.take_kept(entry, again, f"{entry.idempotency_key}:kept")
                    kept -= again
    rules.record_uses(uses, using)
    return given


def _key(occasion: str) -> str:
    return f"action:{occasion}"


def _post(ledger: Ledger, occasion: Occasion, rule: RuleTerms, points: int) -> PointsTransaction | None:
    return ledger.credit(
        occasion.account_id,
        points,
        occasion.kind,
        Source(
            key=f"{occasion.key}:{occasion.account_id}:{rule.rule_id}",
            reason=rule.name,
            breakdown=share_of(rule, points).as_breakdown(),
        ),
        expires_at=_expires_at(rule.definition, ledger.now),
    )


def _expires_at(definition: RuleDefinition, available_at: datetime) -> datetime | None:
    if definition.expires_after_months is None:
        return None
    return expires_at(Expiry("months", definition.expires_after_months), available_at)
