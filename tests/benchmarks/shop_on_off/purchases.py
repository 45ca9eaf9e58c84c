"""What a buyer asks of a shop, and how long each answer takes. Only names that Saleor 3.21 to 3.24 has."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from demo.queries import ADDRESS, LOGIN

TIMEOUT_SECONDS: Final = 60

VARIANTS: Final = """
query Variants($channel: String!) {
  products(first: 100, channel: $channel, sortBy: { field: NAME, direction: ASC }) {
    edges { node { variants { id quantityAvailable pricing { price { gross { amount } } } } } }
  }
}
"""

PRODUCTS: Final = """
query Products($channel: String!) {
  products(first: 20, channel: $channel, sortBy: { field: NAME, direction: ASC }) {
    totalCount
    edges {
      node {
        id name slug
        thumbnail { url }
        category { name }
        pricing { onSale priceRange { start { gross { amount currency } } stop { gross { amount currency } } } }
      }
    }
  }
}
"""

ME: Final = """
query Me {
  me { id email firstName lastName isStaff defaultShippingAddress { id city } addresses { id city } }
}
"""

CHECKOUT: Final = """
fragment Basket on Checkout {
  id
  lines { id quantity variant { id name product { name } } totalPrice { gross { amount } } }
  subtotalPrice { gross { amount } }
  totalPrice { gross { amount currency } }
}
"""

CREATE: Final = f"""
mutation Create($input: CheckoutCreateInput!) {{
  checkoutCreate(input: $input) {{ checkout {{ ...Basket }} errors {{ field message }} }}
}}
{CHECKOUT}"""

ADD: Final = f"""
mutation Add($id: ID!, $lines: [CheckoutLineInput!]!) {{
  checkoutLinesAdd(id: $id, lines: $lines) {{ checkout {{ ...Basket }} errors {{ field message }} }}
}}
{CHECKOUT}"""

SHIPPING: Final = """
query Shipping($id: ID!) {
  checkout(id: $id) { isShippingRequired shippingMethods { id price { amount } } }
}
"""

DELIVER: Final = """
mutation Deliver($id: ID!, $method: ID!) {
  checkoutDeliveryMethodUpdate(id: $id, deliveryMethodId: $method) { errors { field message } }
}
"""

PAY: Final = """
mutation Pay($id: ID!, $amount: PositiveDecimal!, $currency: String!) {
  transactionCreate(id: $id, transaction: { name: "Card", amountCharged: { amount: $amount, currency: $currency } }) {
    transaction { id }
    errors { field message }
  }
}
"""

COMPLETE: Final = """
mutation Complete($id: ID!) {
  checkoutComplete(id: $id) {
    order { id number status chargeStatus total { gross { amount currency } } lines { id quantity } }
    errors { field message }
  }
}
"""

# uvicorn closes a connection that nobody has used for five.
IDLE_SECONDS: Final = 2

MEASURED: Final = ("products(first: 20)", "me", "checkoutCreate", "checkoutLinesAdd", "checkoutComplete")

# One step of a visit: what it is called, and what sends the request, which returns its seconds.
Step = tuple[str, Callable[[], float]]


class ShopError(Exception):
    """A shop refuses what was asked of it; the message says what."""


class Buyer:
    """A customer who is logged in at one API process, over a connection that stays open.

    Args:
        url: of the endpoint, like http://127.0.0.1:8000/graphql/.
        customer, staff: e-mail and password. With staff, checkouts are paid before they are completed.
    """

    def __init__(self, url: str, channel: str, customer: tuple[str, str], staff: tuple[str, str] | None) -> None:
        self.url, self.channel = url, channel
        self._people = customer, staff
        self._path = urlsplit(url).path
        self._connection = _connection(url)
        self._asked_at = 0.0
        self._token = self._staff_token = ""
        self.log_in()

    def log_in(self) -> None:
        """Again, before the tokens expire, in Saleor after five minutes."""
        customer, staff = self._people
        self._token = self._log_in(*customer)
        self._staff_token = self._log_in(*staff) if staff else ""

    def _log_in(self, email: str, password: str) -> str:
        _, data = self._ask("", LOGIN, email=email, password=password)
        return str(data["tokenCreate"]["token"])

    def variants(self) -> list[str]:
        """Those that can be bought, by the names of their products."""
        _, data = self._ask("", VARIANTS, channel=self.channel)
        found = [
            variant["id"]
            for edge in data["products"]["edges"]
            for variant in edge["node"]["variants"]
            if variant["quantityAvailable"] > 2 and variant["pricing"]["price"]["gross"]["amount"]
        ]
        if len(found) < 2:
            raise ShopError(f"{self.url} sells fewer than two variants in {self.channel}; a visit buys two.")
        return found

    def visit(self, first: str, second: str) -> Iterator[Step]:
        """Looks around, fills a checkout with two variants, and buys. Each step needs the ones before."""
        answer: Any = None

        def ask(token: str, query: str, **variables: Any) -> float:
            nonlocal answer
            seconds, answer = self._ask(token, query, **variables)
            return seconds

        token = self._token
        yield "products(first: 20)", lambda: ask("", PRODUCTS, channel=self.channel)
        yield "me", lambda: ask(token, ME)
        filled = {"channel": self.channel, "lines": [{"variantId": first, "quantity": 1}]}
        addresses = {"billingAddress": ADDRESS, "shippingAddress": ADDRESS}
        yield "checkoutCreate", lambda: ask(token, CREATE, input=filled | addresses)
        checkout = answer["checkoutCreate"]["checkout"]["id"]
        lines = [{"variantId": second, "quantity": 1}]
        yield "checkoutLinesAdd", lambda: ask(token, ADD, id=checkout, lines=lines)
        total = answer["checkoutLinesAdd"]["checkout"]["totalPrice"]["gross"]
        yield "shipping", lambda: ask(token, SHIPPING, id=checkout)
        if answer["checkout"]["isShippingRequired"]:
            method = _cheapest(answer["checkout"]["shippingMethods"])
            yield "delivery", lambda: ask(token, DELIVER, id=checkout, method=method["id"])
            total["amount"] += method["price"]["amount"]
        if self._staff_token:
            amount = f"{total['amount']:.2f}"
            yield (
                "payment",
                lambda: ask(self._staff_token, PAY, id=checkout, amount=amount, currency=total["currency"]),
            )
        yield "checkoutComplete", lambda: ask(token, COMPLETE, id=checkout)

    def _ask(self, token: str, query: str, **variables: Any) -> tuple[float, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        if time.monotonic() - self._asked_at > IDLE_SECONDS:
            self._connection.close()
            self._connection.connect()
        began = time.perf_counter()
        self._connection.request("POST", self._path, body, headers)
        response = self._connection.getresponse()
        text = response.read()
        seconds = time.perf_counter() - began
        self._asked_at = time.monotonic()
        return seconds, _data(self.url, text)


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)


def _cheapest(methods: list[dict[str, Any]]) -> dict[str, Any]:
    if not methods:
        raise ShopError("The goods must be sent, but there is no shipping method to New York.")
    return min(methods, key=lambda method: (method["price"]["amount"], method["id"]))


def _data(url: str, text: bytes) -> Any:
    try:
        answer = json.loads(text)
    except ValueError:
        raise ShopError(f"{url} answers with something else than JSON: {text[:300]!r}") from None
    errors = list(answer.get("errors") or ())
    for value in (answer.get("data") or {}).values():
        errors += (value.get("errors") or ()) if isinstance(value, dict) else ()
    if errors:
        raise ShopError(f"{url} refuses: " + "; ".join(str(error["message"]) for error in errors))
    return answer["data"]
