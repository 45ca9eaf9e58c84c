"""What shoppers and staff do, over GraphQL."""

from typing import Any

from graphene import Node
from saleor.channel.models import Channel
from saleor.product.models import ProductVariant

from tests.devshop.client import GraphQLClient

ADDRESS = {
    "firstName": "Ann",
    "lastName": "Lee",
    "streetAddress1": "1 Main St",
    "city": "Springfield",
    "postalCode": "12345",
    "country": "US",
    "countryArea": "NY",
}
Lines = list[tuple[ProductVariant, int]]


def global_id(thing: Any) -> str:
    return Node.to_global_id(type(thing).__name__, thing.pk)


def mutate(client: GraphQLClient, call: str, wanted: str = "", variables: str = "", **values: Any) -> dict[str, Any]:
    """Send `mutation(variables) { call { wanted errors } }`, and return what the mutation returns."""
    declared = f"({variables})" if variables else ""
    data = client.data(f"mutation{declared} {{ {call} {{ {wanted} errors {{ field message code }} }} }}", values)
    (result,) = data.values()
    return result


def succeed(client: GraphQLClient, call: str, wanted: str = "", variables: str = "", **values: Any) -> dict[str, Any]:
    result = mutate(client, call, wanted, variables, **values)
    assert not result["errors"], result["errors"]
    return result


def fill_checkout(client: GraphQLClient, channel: Channel, lines: Lines, email: str | None = None) -> str:
    entry = {
        "channel": channel.slug,
        "email": email,
        "lines": [{"variantId": global_id(variant), "quantity": quantity} for variant, quantity in lines],
        "billingAddress": ADDRESS,
    }
    created = succeed(
        client, "checkoutCreate(input: $input)", "checkout { id }", "$input: CheckoutCreateInput!", input=entry
    )
    return created["checkout"]["id"]


def add_code(client: GraphQLClient, checkout_id: str, code: str) -> dict[str, Any]:
    return mutate(
        client,
        "checkoutAddPromoCode(id: $id, promoCode: $code)",
        "checkout { voucherCode discount { amount } totalPrice { gross { amount } } }",
        "$id: ID, $code: String!",
        id=checkout_id,
        code=code,
    )


def complete(client: GraphQLClient, checkout_id: str) -> dict[str, Any]:
    order = "order { id status userEmail voucherCode total { gross { amount } } lines { id quantity } }"
    return mutate(client, "checkoutComplete(id: $id)", order, "$id: ID", id=checkout_id)


def buy(client: GraphQLClient, channel: Channel, lines: Lines, email: str | None = None) -> dict[str, Any]:
    """Fill a checkout and complete it: an order that is not paid."""
    result = complete(client, fill_checkout(client, channel, lines, email))
    assert not result["errors"], result["errors"]
    return result["order"]
