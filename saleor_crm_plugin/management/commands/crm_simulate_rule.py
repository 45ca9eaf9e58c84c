"""`manage.py crm_simulate_rule`: `loyaltyEarningRuleSimulate` for a rule that is stored, over any number of orders."""

from __future__ import annotations

import argparse
from typing import Any

import graphene
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.ingestion.simulation import (
    DEFAULT_DAYS,
    MOST_DAYS,
    channel_id_of,
    date_range,
    simulate,
    stored_rule,
)
from saleor_crm_plugin.loyalty.simulation import SimulationResult
from saleor_crm_plugin.management.arguments import instant


class Command(BaseCommand):
    help = "Say what an earning rule, live or not, would have given on past orders. Nothing is written."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--rule", required=True, type=_rule_id, help="ID of the rule, as the API gives it")
        parser.add_argument("--channel", help="slug of a channel: only its orders")
        parser.add_argument(
            "--from",
            dest="since",
            type=instant,
            help=f"orders placed from this moment on; default: {DEFAULT_DAYS} days before --to, at most {MOST_DAYS}",
        )
        parser.add_argument("--to", dest="until", type=instant, help="orders placed before this moment; default: now")

    def handle(self, *args: Any, **options: Any) -> None:
        using = settings.DATABASE_CONNECTION_REPLICA_NAME
        try:
            since, until = date_range(options["since"], options["until"], timezone.now())
            with tqdm(unit="order", leave=False) as bar:
                result = simulate(
                    stored_rule(options["rule"], using),
                    since,
                    until,
                    using=using,
                    channel_id=channel_id_of(options["channel"], using),
                    limit=None,
                    progress=bar.update,
                )
        except LoyaltyInputError as error:
            raise CommandError(str(error)) from error
        self._print(result)

    def _print(self, result: SimulationResult) -> None:
        self.stdout.write(
            f"{result.points} points to {result.customers} customers, on {result.orders} of {result.orders_read} orders"
        )
        for cost in result.costs:
            worth = "points cannot be spent" if cost.amount is None else f"worth {cost.amount:f}"
            self.stdout.write(f"{cost.currency}: {cost.points} points, {worth}")
        for order in result.most_affected:
            self.stdout.write(f"order {order.number}: {order.points_before} -> {order.points_after} points")


def _rule_id(text: str) -> int:
    try:
        type_name, key = graphene.Node.from_global_id(text)
    except ValueError:
        type_name, key = "", ""
    if type_name != "LoyaltyEarningRule" or not key.isdecimal():
        raise argparse.ArgumentTypeError("take the ID from `loyaltyEarningRules`")
    return int(key)
