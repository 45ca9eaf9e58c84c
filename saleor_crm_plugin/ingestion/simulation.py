"""Try an earning rule on past orders. The database itself refuses to write meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Q
from saleor.channel.models import Channel
from saleor.order.models import Order

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.ingestion.loyalty_facts import facts_of
from saleor_crm_plugin.ingestion.readers import read_orders
from saleor_crm_plugin.ingestion.settings import ShopSettings, load_settings
from saleor_crm_plugin.ingestion.snapshots import DRAFT, OrderSnapshot
from saleor_crm_plugin.loyalty import holds
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.orders import told_apart
from saleor_crm_plugin.loyalty.rules.definition import RuleDefinition
from saleor_crm_plugin.loyalty.rules.models import EarningRule
from saleor_crm_plugin.loyalty.rules.storage import LiveRule, live_rules, segments_named_by
from saleor_crm_plugin.loyalty.simulation import Simulation, SimulationResult
from saleor_crm_plugin.profiles.identity import GuestPerson, Person, find_profiles, person_of
from saleor_crm_plugin.profiles.traits import owners
from saleor_crm_plugin.texts import can_be_stored

BATCH_SIZE: Final = 500
# In one request. An order of four lines that a rule is for took 1.1 ms with the machine's two cores busy (1,500 orders,
# 1.4 ms where limits are counted), so the most takes some ten seconds, and half of that on an idle machine.
ORDERS_LIMIT: Final = 10_000
DEFAULT_DAYS: Final = 90
MOST_DAYS: Final = 366
# Of a rule that is not stored yet: after all others of the same priority, as it will be once it is.
NEW_RULE_ID: Final = 2**62


def date_range(since: datetime | None, until: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """When the orders were placed: first moment, and first moment after it. By default the last `DEFAULT_DAYS` days.

    Raises:
        LoyaltyInputError: `INVALID`: ends before it begins, or is longer than `MOST_DAYS` days.
    """
    until = until or now
    since = since or until - timedelta(days=DEFAULT_DAYS)
    if since >= until:
        raise LoyaltyInputError("The range must end after it begins.", "INVALID", "to")
    if until - since > timedelta(days=MOST_DAYS):
        raise LoyaltyInputError(f"At most {MOST_DAYS} days: move one of its ends.", "INVALID", "from")
    return since, until


def stored_rule(rule_id: int, using: str) -> LiveRule:
    """A rule as if it were live.

    Raises:
        LoyaltyInputError: `NOT_FOUND`: there is no such rule.
    """
    rule = EarningRule.objects.using(using).filter(pk=rule_id, deleted_at__isnull=True).first()
    if rule is None:
        raise LoyaltyInputError("There is no such rule.", "NOT_FOUND", "id")
    return LiveRule(rule.pk, rule.version, rule.name, RuleDefinition.from_json(rule.definition), is_dry_run=False)


def channel_id_of(slug: str | None, using: str) -> int | None:
    """Primary key of a channel; None for None, which stands for all.

    Raises:
        LoyaltyInputError: `NOT_FOUND`: there is no such channel.
    """
    if slug is None:
        return None
    channels = Channel.objects.using(using).filter(slug=slug).values_list("pk", flat=True)
    channel_id = channels.first() if can_be_stored(slug) else None
    if channel_id is None:
        raise LoyaltyInputError("There is no channel with this slug.", "NOT_FOUND", "channel")
    return channel_id


def simulate(
    rule: LiveRule,
    since: datetime,
    until: datetime,
    *,
    using: str,
    channel_id: int | None = None,
    limit: int | None = ORDERS_LIMIT,
    progress: Callable[[int], object] = lambda count: None,
) -> SimulationResult:
    """What the rule would have given for orders placed from `since` until before `until`.

    Args:
        channel_id: only orders of this channel.
        limit: the most orders to look at; None: all.
        progress: called with the number of orders of each batch.

    Raises:
        LoyaltyInputError: `INVALID`: a rule for something other than an order, or more orders than `limit`.
    """
    if rule.definition.trigger.is_action:
        raise LoyaltyInputError("Only rules for orders can be tried on orders.", "INVALID", "trigger")
    settings = load_settings(using)
    program_id = default_program_id(using)
    in_force = live_rules(program_id, using)
    worth = {channel: pays for channel, terms in settings.loyalty.items() if (pays := terms.point_pays) is not None}
    simulation = Simulation(rule, in_force, worth)
    named = segments_named_by([rule, *in_force])
    strangers: dict[Person, int] = {}
    with _read_only(using):
        for ids in _batches(since, until, channel_id, limit, using):
            orders = [order for order in read_orders(ids, using).values() if not order.is_draft]
            orders.sort(key=lambda order: (order.placed_at, order.order_id))
            owner = _owners(orders, settings, strangers, using)
            facts = facts_of(orders, owner, settings, program_id, using, named=named)
            hold_of = holds.by_carrier({carrier for each in facts for carrier in each.carried}, using)
            for order, each in zip(orders, told_apart(facts, hold_of), strict=True):
                simulation.add(each, order.number, order.currency)
            progress(len(ids))
    return simulation.result()


@contextmanager
def _read_only(using: str) -> Iterator[None]:
    """A transaction in which PostgreSQL refuses every write. Inside another one it ends with the savepoint."""
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        yield


def _placed(since: datetime, until: datetime, channel_id: int | None) -> Q:
    placed = Q(created_at__gte=since, created_at__lt=until) & ~Q(status=DRAFT)
    return placed if channel_id is None else placed & Q(channel_id=channel_id)


def _batches(
    since: datetime, until: datetime, channel_id: int | None, limit: int | None, using: str
) -> Iterator[list[UUID]]:
    """Ids of the orders, oldest first."""
    rows = Order.objects.using(using).filter(_placed(since, until, channel_id)).order_by("created_at", "pk")
    if limit is not None and rows[: limit + 1].count() > limit:
        raise LoyaltyInputError(
            f"More than {limit} orders were placed in that time: narrow it, name a channel, or run "
            "`manage.py crm_simulate_rule`, which takes any number.",
            "INVALID",
            "from",
        )
    after = Q()
    while batch := list(rows.filter(after).values_list("created_at", "pk")[:BATCH_SIZE]):
        yield [pk for _, pk in batch]
        placed_at, pk = batch[-1]
        after = Q(created_at__gt=placed_at) | Q(created_at=placed_at, pk__gt=pk)


def _owners(
    orders: Sequence[OrderSnapshot], settings: ShopSettings, strangers: dict[Person, int], using: str
) -> dict[UUID, int]:
    """Whose order each is: a profile's id, or a number below zero for somebody who has none yet."""
    known = owners([order.order_id for order in orders], using)
    persons = {
        order.order_id: person
        for order in orders
        if order.order_id not in known and (person := person_of(order.user_id, order.email)) is not None
    }
    profiles = find_profiles(set(persons.values()), using) if persons else {}
    for order_id, person in persons.items():
        if person in profiles:
            known[order_id] = profiles[person]
        elif settings.crm.guest_profiles_enabled or not isinstance(person, GuestPerson):
            known[order_id] = strangers.setdefault(person, -1 - len(strangers))
    return known
