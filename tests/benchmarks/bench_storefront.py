"""What a storefront asks: each field's time and statements, first page and deep page, beside `me { email }`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.benchmarks import storefront_tables
from tests.benchmarks.figures import Budget
from tests.benchmarks.measuring import Bench, statements_of
from tests.benchmarks.scratch import scratch_database
from tests.benchmarks.storefront_queries import (
    BUDGET,
    CHANNEL,
    CHECKOUT,
    EMAIL,
    QUESTIONS,
    Question,
    document,
    variables,
)
from tests.benchmarks.storefront_tables import Sizes

PAGE, WHOLE_PAGE = 20, 100
CALLS = 20
# Statements that ours may take beyond `me { email }`.
MORE = 4
# What a page deep down may take of the first one's time.
DEEP = 3


@dataclass(frozen=True)
class Shopper:
    """A customer who is logged in."""

    token: str
    variables: dict[str, Any]

    def post(self, selection: str, **values: Any) -> Callable[[], bytes]:
        """A request, ready to be sent over HTTP to the shop's view; what it answers is checked, not read."""
        from django.test import Client
        from django.urls import reverse

        known = {name: value for name, value in (self.variables | values).items() if f"${name}" in selection}
        query = selection if selection == CHECKOUT else document(selection)
        body, path = json.dumps({"query": query, "variables": known}), reverse("api")
        headers = {"authorization": f"JWT {self.token}"}

        def send() -> bytes:
            answer = Client().post(path, body, content_type="application/json", headers=headers)
            if answer.status_code != 200 or b'"errors"' in answer.content[:10]:
                raise RuntimeError(f"{query}\n{answer.content.decode()}")
            return answer.content

        return send

    def ask(self, selection: str, **values: Any) -> dict[str, Any]:
        return json.loads(self.post(selection, **values)())["data"]


def measure(bench: Bench) -> None:
    sizes = Sizes(
        customers=bench.size(100_000, 200),
        known=bench.size(20_000, 100),
        products=bench.size(100_000, 1_000),
        lots=bench.size(10, 2),
        long=bench.size(2_000, 40),
    )
    with scratch_database("bench_storefront") as connection:
        entries = storefront_tables.fill(connection, sizes)
        bench.say("entries of the ledger", entries, note=f"{sizes.customers:,} customers, {sizes.products:,} products")
        # The first one has a long past.
        long, *others = (log_in(customer, sizes) for customer in range(1, bench.size(42, 4)))
        budget(bench, others)
        for question in QUESTIONS:
            first_page(bench, question, others)
            if question.is_list:
                length(bench, question, long)
            if question.pages:
                deep_page(bench, question, long)


def log_in(customer: int, sizes: Sizes) -> Shopper:
    from saleor.account.models import User
    from saleor.core.jwt import create_access_token

    shopper = Shopper(create_access_token(User.objects.get(pk=customer)), variables(customer, sizes))
    lines = [{"variantId": variant, "quantity": 2} for variant in shopper.variables.pop("variants")]
    created = shopper.ask(CHECKOUT, input={"channel": CHANNEL, "lines": lines})["checkoutCreate"]
    return replace(shopper, variables=shopper.variables | {"checkout": created["checkout"]["id"]})


def budget(bench: Bench, shoppers: list[Shopper]) -> None:
    """What the design promises: four statements more, whatever `first` is."""
    # The first request says more: it sets a connection up.
    shoppers[0].ask(EMAIL)
    statements = statements_of(shoppers[0].post(EMAIL))
    for first in (1, 10, WHOLE_PAGE):
        bench.measure(
            f"me: balance, tier and {first} recommendations",
            [each.post(BUDGET, first=first) for each in shoppers],
            [each.post(EMAIL) for each in shoppers],
            beside="me { email }",
            budgets=[Budget("statements", statements + MORE)],
            note=f"me {{ email }} takes {statements}",
        )


def first_page(bench: Bench, question: Question, shoppers: list[Shopper]) -> None:
    bench.measure(
        question.name,
        [each.post(question.selection, first=PAGE) for each in shoppers],
        [each.post(question.beside, first=PAGE) for each in shoppers],
        beside=re.sub(r"\(.*?\)", "", question.beside),
    )


def length(bench: Bench, question: Question, shopper: Shopper) -> None:
    few, many = (statements_of(shopper.post(question.selection, first=count)) for count in (1, WHOLE_PAGE))
    bench.say(
        f"{question.name}: statements of {WHOLE_PAGE} beyond those of 1",
        many - few,
        budgets=(Budget("value", 0),),
        note=f"{few} and {many}",
    )


def deep_page(bench: Bench, question: Question, shopper: Shopper) -> None:
    """The page that begins after nine tenths of all, beside the first one."""
    cursors = list(walk(question, shopper))
    place = len(cursors) * 9 // 10
    bench.measure(
        f"{question.name}, page after {place * PAGE:,}",
        [shopper.post(question.selection, first=PAGE, after=cursors[place])] * CALLS,
        [shopper.post(question.selection, first=PAGE)] * CALLS,
        beside="its first page",
        budgets=[Budget("ratio", DEEP)],
    )


def walk(question: Question, shopper: Shopper) -> Iterator[str | None]:
    """The cursor before each page."""
    cursor, more = None, True
    while more:
        yield cursor
        found = shopper.ask(question.selection, first=PAGE, after=cursor)
        for name in question.pages.split("."):
            found = found[name]
        cursor, more = found["pageInfo"]["endCursor"], found["pageInfo"]["hasNextPage"]
