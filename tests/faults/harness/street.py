"""The shop's web server, and those who buy there, over HTTP: what reaches them is what a buyer sees."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import graphene
from saleor.core.jwt import create_access_token
from saleor.order.models import Order

from tests.faults.harness.processes import Process

# A buyer who waits longer has met a fault of ours.
ANSWER_SECONDS: Final = 30

CREATE: Final = """
mutation Create($input: CheckoutCreateInput!) {
  checkoutCreate(input: $input) { checkout { id } errors { field message code } }
}
"""
APPLY: Final = """
mutation Apply($id: ID!, $points: Int!) {
  loyaltyPointsApply(checkoutId: $id, points: $points) { appliedPoints errors { field message code } }
}
"""
COMPLETE: Final = """
mutation Complete($id: ID!) {
  checkoutComplete(id: $id) { order { id total { gross { amount } } } errors { field message code } }
}
"""
TOTAL: Final = """
query Total($id: ID!) { checkout(id: $id) { totalPrice { gross { amount currency } } } }
"""
PAY: Final = """
mutation Pay($id: ID!, $money: MoneyInput!) {
  transactionCreate(id: $id, transaction: { name: "Card", amountCharged: $money }) {
    transaction { id } errors { field message code }
  }
}
"""
ADDRESS: Final = {
    "firstName": "Ann",
    "lastName": "Buyer",
    "streetAddress1": "1 Main Street",
    "city": "Springfield",
    "postalCode": "97477",
    "country": "US",
    "countryArea": "OR",
}


class RefusedError(AssertionError):
    """The shop answered with errors."""


class Shop:
    """A running web server.

    Attributes:
        sold: ids of the orders that were bought here.
        cashier: takes the money.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory, self._environment = directory, environment
        self.sold: list[UUID] = []
        self.cashier: Any = None
        self.start()

    def start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        number = len(list(self._directory.glob("web-*.log")))
        self.process = Process.of_ours(
            "server", str(self._port), log=self._directory / f"web-{number}.log", environment=self._environment
        )
        self.process.wait_until_it_says("serving")

    def ask(self, user: Any, query: str, **variables: Any) -> Any:
        """The data of the answer.

        Raises:
            RefusedError: it has errors, at the top or in a mutation.
            OSError: there is no answer.
        """
        headers = {"Content-Type": "application/json"}
        if user is not None:
            headers["Authorization"] = f"Bearer {create_access_token(user)}"
        body = json.dumps({"query": query, "variables": variables}).encode()
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)) as connection:
            connection.request("POST", "/graphql/", body, headers)
            with connection.sock.dup() as line:
                answer = json.load(connection.getresponse())
                # The server hangs up when it has done what waits for the answer, too.
                line.recv(1)
        wrong = [answer.get("errors"), *(part.get("errors") for part in (answer.get("data") or {}).values() if part)]
        if any(wrong):
            raise RefusedError(f"{answer}\n{self.process.said()[-3000:]}")
        return answer["data"]

    def fill(self, user: Any, product: Any, quantity: int = 1, points: int = 0, email: str = "") -> str:
        """A checkout, as its GraphQL id."""
        line = {"variantId": _id("ProductVariant", product.default_variant_id), "quantity": quantity}
        given = {
            "channel": product.channel_listings.get().channel.slug,
            "lines": [line],
            "email": email or user.email,
            "billingAddress": ADDRESS,
        }
        checkout = self.ask(user, CREATE, input=given)["checkoutCreate"]["checkout"]["id"]
        if points:
            self.ask(user, APPLY, id=checkout, points=points)
        return str(checkout)

    def pay(self, checkout: str) -> None:
        money = self.ask(self.cashier, TOTAL, id=checkout)["checkout"]["totalPrice"]["gross"]
        self.ask(self.cashier, PAY, id=checkout, money=money)

    def complete(self, user: Any, checkout: str) -> Order:
        found = self.ask(user, COMPLETE, id=checkout)["checkoutComplete"]["order"]
        order = Order.objects.get(pk=graphene.Node.from_global_id(found["id"])[1])
        self.sold.append(order.pk)
        return order

    def buy(self, user: Any, product: Any, quantity: int = 1, points: int = 0, email: str = "") -> Order:
        """A whole purchase, paid for; `user` None: a guest with that address."""
        checkout = self.fill(user, product, quantity, points, email)
        self.pay(checkout)
        return self.complete(user, checkout)


def _id(kind: str, pk: Any) -> str:
    return str(graphene.Node.to_global_id(kind, pk))
