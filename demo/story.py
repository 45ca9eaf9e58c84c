"""A customer buys with points, over HTTP, on any shop that has the plugin; each step is printed and checked.

    python -m demo.story --url http://127.0.0.1:8000/graphql/ --channel default-channel \\
        --customer-email ada@example.com --staff-email admin@example.com

The passwords come from STORY_CUSTOMER_PASSWORD and STORY_STAFF_PASSWORD, or are asked for. The story leaves an order
behind, and 500 points less those it spends; more points where a promotion of the order is worth more. It needs staff
who may manage orders, payments, discounts and plugins, and a channel that takes orders before they are paid.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import uuid
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Final

from demo import queries
from demo.client import ANYBODY, Json, Person, Shop, StoryError
from demo.expected import Terms, terms_of

GIFT: Final = 500
SPENT: Final = 300
PRODUCTS: Final = 3
# So that a supermarket's basket is worth more than the points.
LEAST_SUBTOTAL: Final = 20
MOST_OF_EACH: Final = 20
CONFIGURATION: Final = {
    "points_per_unit": "1",
    "point_value": "0.01",
    "award_when": "paid",
    "basis": "gross",
    "pending_days": "0",
    "earned_points_policy": "within balance",
    "maximum_share_percent": "100",
}


@dataclass(slots=True)
class Balance:
    """What the customer's account should show."""

    spendable: int = 0
    pending: int = 0
    lifetime: int = 0


class Story:
    """One purchase.

    Args:
        patience: seconds to wait for what the shop's workers do after a request.
    """

    def __init__(self, shop: Shop, channel: str, patience: float) -> None:
        self.shop = shop
        self.channel = channel
        self.patience = patience
        self.customer = self.staff = ANYBODY
        self.balance = Balance()
        self.given = self.earned = self.spent = self.taken_back = 0
        self.steps = self.checks = 0

    def tell(self, customer: tuple[str, str], staff: tuple[str, str], configure: bool) -> None:
        """Everything, from the logins to the last sum.

        Raises:
            StoryError: the shop does not do what it should.
        """
        self.heading("Customer and staff log in")
        self.customer = self.log_in("the customer", *customer)
        self.staff = self.log_in("staff", *staff)

        self.heading("How the channel gives points")
        terms = self.read_terms(configure)

        self.heading("What the shop knows about the customer")
        before = self.me(terms)
        account = before["loyaltyAccount"] or {}
        self.balance = Balance(account.get("balance", 0), account.get("pending", 0), account.get("lifetime", 0))
        entries_before = account["transactions"]["totalCount"] if account else 0
        all_before = account["balance"] + account["pending"] - account["deficit"] if account else 0

        self.heading(f"Staff give {GIFT} points; a repeated request changes nothing")
        self.give(before["id"], GIFT)

        self.heading("What the shop recommends")
        lines = self.choose()

        self.heading("The customer fills a checkout")
        checkout = self.fill(lines, terms)

        self.heading("Points pay for a part of it")
        checkout = self.apply(before["id"], checkout, terms)

        self.heading("The checkout becomes an order, which spends the points")
        order = self.complete(checkout, terms)

        self.heading("The order is paid, and earns points")
        payment = self.pay(order, terms)

        self.heading("A part of the money goes back, and so do points")
        refunded = self.refund(order, payment, terms)

        self.heading("Everything adds up")
        self.add_up(before, order, refunded, entries_before, all_before, terms)
        self.say(f"{self.checks} checks, all as expected.")

    # -- steps --------------------------------------------------------

    def log_in(self, name: str, email: str, password: str) -> Person:
        answer = self.shop.ask(ANYBODY, queries.LOGIN, email=email, password=password)["tokenCreate"]
        return Person(f"{name} ({email})", answer["token"])

    def read_terms(self, configure: bool) -> Terms:
        plugin = self.shop.ask(self.staff, queries.SETTINGS)["plugin"]
        if plugin is None:
            raise StoryError("The shop has no plugin crm.loyalty. Is saleor-crm-plugin installed in it?")
        if configure:
            channel = next((c for c in plugin["channelConfigurations"] if c["channel"]["slug"] == self.channel), None)
            if channel is not None:
                configuration = [{"name": name, "value": value} for name, value in CONFIGURATION.items()]
                channel_id = channel["channel"]["id"]
                self.shop.ask(self.staff, queries.CONFIGURE, channelId=channel_id, configuration=configuration)
                plugin = self.shop.ask(self.staff, queries.SETTINGS)["plugin"]
        terms = terms_of(self.channel, plugin["channelConfigurations"])
        self.say(f"points for 1 {terms.currency}: {terms.per_unit}; worth of a point: {terms.worth} {terms.currency}")
        return terms

    def me(self, terms: Terms) -> Json:
        return self.shop.ask(self.customer, queries.ME, channel=self.channel, currency=terms.currency)["me"]

    def give(self, user_id: str, points: int) -> None:
        gift = {"userId": user_id, "points": points, "reason": "Welcome", "key": f"story-{uuid.uuid4()}"}
        first = self.shop.ask(self.staff, queries.ADJUST, **gift)["loyaltyPointsAdjust"]
        again = self.shop.ask(self.staff, queries.ADJUST, **gift)["loyaltyPointsAdjust"]
        self.given += points
        self.balance.spendable += points
        self.check("points that can be spent", first["account"]["balance"], self.balance.spendable)
        self.check("entry of the repeated request", again["transaction"]["id"], first["transaction"]["id"])
        self.check("points after the repeated request", again["account"]["balance"], self.balance.spendable)

    def choose(self) -> list[Json]:
        """Lines of a checkout: the first products recommended that can be bought."""
        answer = self.shop.ask(self.customer, queries.RECOMMENDED, channel=self.channel)["me"]["recommendations"]
        products = [recommendation["product"] for recommendation in answer]
        self.check("products recommended twice", len(products) - len({product["id"] for product in products}), 0)
        chosen: list[tuple[str, Decimal]] = []
        for product in products:
            for variant in product["variants"] or []:
                price = variant["pricing"] and Decimal(variant["pricing"]["price"]["gross"]["amount"])
                available = variant["quantityAvailable"]
                if price and (available is None or available >= MOST_OF_EACH):
                    chosen.append((variant["id"], price))
                    break
        if not chosen:
            raise StoryError(f"None of the products can be bought: a price, and {MOST_OF_EACH} in stock, are needed.")
        self.shop.ask(ANYBODY, queries.GOES_WITH, channel=self.channel, id=products[0]["id"])
        chosen = chosen[:PRODUCTS]
        of_each = (LEAST_SUBTOTAL / sum(price for _, price in chosen)).to_integral_value(rounding=ROUND_UP)
        quantity = min(max(int(of_each), 1), MOST_OF_EACH)
        return [{"variantId": variant, "quantity": quantity} for variant, _ in chosen]

    def fill(self, lines: list[Json], terms: Terms) -> Json:
        checkout_input = {
            "channel": self.channel,
            "lines": lines,
            "billingAddress": queries.ADDRESS,
            "shippingAddress": queries.ADDRESS,
        }
        checkout = self.shop.ask(self.customer, queries.CREATE, input=checkout_input)["checkoutCreate"]["checkout"]
        if self.deliver(checkout["id"]):
            checkout = self.shop.ask(self.customer, queries.CHECKOUT, id=checkout["id"])["checkout"]
        self.check_preview(checkout, terms)
        self.check("points applied", checkout["loyalty"]["appliedPoints"], 0)
        return checkout

    def deliver(self, checkout_id: str) -> bool:
        """Choose how the goods are sent, where the shop sends any; whether it does."""
        abilities = self.shop.post(ANYBODY, queries.ABILITIES, {})["data"]
        if "shippingMethods" not in names_of(abilities["checkout"]):
            return False
        shipping = self.shop.ask(self.customer, queries.SHIPPING, id=checkout_id)["checkout"]
        if not shipping["isShippingRequired"]:
            return False
        if "deliveryOptionsCalculate" in names_of(abilities["mutations"]):
            answer = self.shop.ask(self.customer, queries.DELIVERY_OPTIONS, id=checkout_id)
            methods = {
                option["id"]: option["shippingMethod"]["price"]["amount"]
                for option in answer["deliveryOptionsCalculate"]["deliveries"]
            }
        else:
            methods = {method["id"]: method["price"]["amount"] for method in shipping["shippingMethods"]}
        if not methods:
            raise StoryError("The goods must be sent, but there is no shipping method to New York.")
        # The dearest: a price of its own, on which points are neither earned nor spent.
        method = max(methods, key=lambda key: Decimal(methods[key]))
        self.shop.ask(self.customer, queries.DELIVER, id=checkout_id, method=method)
        return True

    def apply(self, user_id: str, before: Json, terms: Terms) -> Json:
        wanted, replaced = SPENT, replaced_in(before)
        if replaced:
            wanted += terms.needed(replaced)
            before = self.outdo(user_id, before, wanted, terms)
        points = terms.spendable(wanted, min(before["loyalty"]["maxApplicablePoints"], self.balance.spendable))
        arguments = {"checkoutId": before["id"], "points": points}
        self.say(f"Somebody who is not logged in is refused: {self.shop.refused(ANYBODY, queries.APPLY, **arguments)}")
        answer = self.shop.ask(self.customer, queries.APPLY, **arguments)["loyaltyPointsApply"]
        checkout = answer["checkout"]
        worth = terms.value(points)
        self.check("points applied", answer["appliedPoints"], points)
        self.check("discount", answer["discount"]["amount"], worth)
        self.check("price after points", total_of(checkout), total_of(before) + replaced - worth)
        self.check_preview(checkout, terms)
        self.spent = points
        self.balance.spendable -= points
        self.check_balance()
        return checkout

    def outdo(self, user_id: str, checkout: Json, wanted: int, terms: Terms) -> Json:
        """Where a promotion of the order would go for points: fewer than it is worth are refused; staff give more."""
        self.say(f"A promotion takes {replaced_in(checkout)} off the order, and would not beside points.")
        few = max(min(SPENT, terms.needed(replaced_in(checkout)) - 1), 1)
        said = self.shop.refused(self.customer, queries.APPLY, checkoutId=checkout["id"], points=few)
        self.check("that is why few points are refused", "PROMOTION_WORTH_MORE" in said, True)
        self.check_balance()
        self.give(user_id, wanted)
        return self.shop.ask(self.customer, queries.CHECKOUT, id=checkout["id"])["checkout"]

    def complete(self, checkout: Json, terms: Terms) -> Json:
        try:
            order = self.shop.ask(self.customer, queries.COMPLETE, id=checkout["id"])["checkoutComplete"]["order"]
        except StoryError as error:
            raise StoryError(
                f"{error} (The channel must take orders before they are paid: its setting allowUnpaidOrders.)"
            ) from error
        self.check("price of the order", total_of(order, "total"), total_of(checkout))
        self.wait_for_points(order["id"], pointsRedeemed=self.spent, pointsEarned=0, pointsReversed=0)
        self.earned = terms.earned(sum_of_lines(order), shipping_of(order), total_of(order, "total"))
        self.check("points that the checkout promised", checkout["loyalty"]["pointsToEarn"], self.earned)
        return order

    def pay(self, order: Json, terms: Terms) -> Json:
        total = total_of(order, "total")
        payment = self.shop.ask(
            self.staff,
            queries.PAY,
            id=order["id"],
            amount=str(total),
            currency=terms.currency,
            reference=f"story-{uuid.uuid4()}",
        )["transactionCreate"]["transaction"]
        self.wait_for_points(order["id"], pointsEarned=self.earned)
        self.earn(self.earned, terms)
        self.check_balance()
        return payment

    def refund(self, order: Json, payment: Json, terms: Terms) -> Decimal:
        """Give back the price of the first line; returns it."""
        total = total_of(order, "total")
        amount = Decimal(order["lines"][0]["totalPrice"]["gross"]["amount"])
        amount = min(amount, total)
        self.shop.ask(
            self.staff,
            queries.REFUND,
            id=payment["id"],
            charged=str(total - amount),
            refunded=str(amount),
            currency=terms.currency,
        )
        left = terms.earned(sum_of_lines(order), shipping_of(order), total, amount)
        self.taken_back = self.earned - left
        self.wait_for_points(order["id"], pointsEarned=left, pointsReversed=self.taken_back)
        self.earn(-self.taken_back, terms)
        self.check_balance()
        return amount

    def add_up(
        self, before: Json, order: Json, refunded: Decimal, entries_before: int, all_before: int, terms: Terms
    ) -> None:
        after = self.me(terms)
        account = after["loyaltyAccount"]
        entries = [edge["node"] for edge in account["transactions"]["edges"]]
        new = entries[: account["transactions"]["totalCount"] - entries_before]
        in_all = all_before + self.given - self.spent + self.earned - self.taken_back
        self.say(
            f"{all_before} points before + {self.given} given - {self.spent} spent + {self.earned} earned "
            f"- {self.taken_back} taken back = {in_all}"
        )
        self.check("all points", account["balance"] + account["pending"] - account["deficit"], in_all)
        self.check("all points after the last entry", entries[0]["balanceAfter"], in_all)
        self.check("sum of the new entries", sum(entry["points"] for entry in new), in_all - all_before)
        metrics = (before["customerProfile"] or {}).get("metrics") or {"ordersCount": 0, "netSpent": {"amount": 0}}
        now = after["customerProfile"]["metrics"]
        self.check("orders of the customer", now["ordersCount"], metrics["ordersCount"] + 1)
        spent = Decimal(metrics["netSpent"]["amount"]) + total_of(order, "total") - refunded
        self.check("spent, less refunds", now["netSpent"]["amount"], spent)
        status = self.shop.ask(self.staff, queries.STATUS)["crmStatus"]
        self.check("orders that failed", status["failedOrders"], 0)

    # -- what steps share ---------------------------------------------

    def heading(self, text: str) -> None:
        self.steps += 1
        self.shop.show("")
        self.shop.show(f"== {self.steps}. {text} ".ljust(110, "="))

    def say(self, text: str) -> None:
        self.shop.show(f"  * {text}")

    def check(self, what: str, actual: Json, expected: Json) -> None:
        if (Decimal(actual) if isinstance(expected, Decimal) else actual) != expected:
            raise StoryError(f"{what}: expected {expected}, but the shop says {actual}.")
        self.checks += 1
        self.say(f"ok: {what} = {f'{expected:.2f}' if isinstance(expected, Decimal) else expected}")

    def check_preview(self, checkout: Json, terms: Terms) -> None:
        """The preview is right if the lines are worth it; where shipping earns, the order's check sees to it."""
        loyalty = checkout["loyalty"]
        if not terms.with_shipping:
            points = terms.earned(sum_of_lines(checkout), Decimal(0), total_of(checkout))
            self.check("points to earn", loyalty["pointsToEarn"], points)
        parts = sum(part["points"] for part in loyalty["breakdown"])
        self.check("sum of the breakdown", parts, loyalty["pointsToEarn"])

    def check_balance(self) -> None:
        account = self.shop.ask(self.customer, queries.BALANCE)["me"]["loyaltyAccount"]
        self.check("points that can be spent", account["balance"], self.balance.spendable)
        self.check("points pending", account["pending"], self.balance.pending)
        self.check("points ever earned", account["lifetime"], self.balance.lifetime)

    def earn(self, points: int, terms: Terms) -> None:
        self.balance.lifetime += points
        if terms.pending:
            self.balance.pending += points
        else:
            self.balance.spendable += points

    def wait_for_points(self, order_id: str, **expected: int) -> None:
        def as_expected(data: Json) -> bool:
            loyalty = data["order"]["loyalty"]
            return all(loyalty[name] == points for name, points in expected.items())

        answer = self.shop.ask_until(self.customer, queries.ORDER, as_expected, self.patience, id=order_id)
        for name, points in expected.items():
            self.check(f"{name} of the order", answer["order"]["loyalty"][name], points)


def names_of(introspected: Json) -> set[str]:
    return {field["name"] for field in introspected["fields"]}


def sum_of_lines(purchase: Json) -> Decimal:
    return sum((Decimal(line["totalPrice"]["gross"]["amount"]) for line in purchase["lines"]), Decimal(0))


def shipping_of(order: Json) -> Decimal:
    return Decimal(order["shippingPrice"]["gross"]["amount"])


def replaced_in(checkout: Json) -> Decimal:
    """What a promotion of the order takes off, which points as a voucher would replace."""
    promotion = checkout["loyalty"]["replacedPromotion"]
    return Decimal(promotion["amount"]) if promotion else Decimal(0)


def total_of(purchase: Json, name: str = "totalPrice") -> Decimal:
    return Decimal(purchase[name]["gross"]["amount"])


def main(arguments: list[str] | None = None) -> int:
    description, _, _ = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(prog="python -m demo.story", description=description)
    parser.add_argument("--url", default="http://127.0.0.1:8000/graphql/", help="the shop's GraphQL endpoint")
    parser.add_argument("--channel", default="default-channel", help="slug of the channel to buy in")
    parser.add_argument("--customer-email", required=True)
    parser.add_argument("--staff-email", required=True)
    parser.add_argument("--configure", action="store_true", help="first switch points on in the channel")
    parser.add_argument("--patience", type=float, default=60, help="seconds to wait for the shop's workers (60)")
    options = parser.parse_args(arguments)
    customer = (options.customer_email, password("STORY_CUSTOMER_PASSWORD", options.customer_email))
    staff = (options.staff_email, password("STORY_STAFF_PASSWORD", options.staff_email))
    try:
        Story(Shop(options.url), options.channel, options.patience).tell(customer, staff, options.configure)
    except StoryError as error:
        print(f"\nFAILED: {error}", file=sys.stderr)
        return 1
    return 0


def password(variable: str, email: str) -> str:
    return os.environ.get(variable) or getpass.getpass(f"Password of {email}: ")


if __name__ == "__main__":
    sys.exit(main())
