"""A customer in the stand-in lives as in Saleor."""

from typing import Any

import pytest
from saleor.account.models import User
from saleor.channel.models import Channel
from saleor.order.models import Order
from saleor.permission.enums import AccountPermissions

from tests.devshop import factories
from tests.devshop.client import GraphQLClient

from .storefront import buy, mutate, succeed

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "guest@example.com"
PASSWORD = "long enough"


def test_who_registers_gets_the_orders_bought_before_silently(
    channel: Channel, product: Any, recorded_hooks: list[tuple[str, tuple, dict]]
) -> None:
    nobody = GraphQLClient()
    bought = factories.make_order(email=EMAIL, channel=channel, lines=[(product.default_variant, 1)])
    unconfirmed = buy(nobody, channel, [(product.default_variant, 1)], EMAIL)
    recorded_hooks.clear()
    entry = {"email": EMAIL, "password": PASSWORD, "channel": channel.slug, "redirectUrl": "https://www.example.com/"}
    succeed(nobody, "accountRegister(input: $input)", "", "$input: AccountRegisterInput!", input=entry)
    assert [name for name, *_ in recorded_hooks] == ["account_confirmation_requested", "customer_created"]
    assert not Order.objects.exclude(user=None).exists()

    token = recorded_hooks[0][2]["token"]
    recorded_hooks.clear()
    succeed(
        nobody,
        "confirmAccount(email: $email, token: $token, password: $password)",
        "user { email }",
        "$email: String!, $token: String!, $password: String",
        email=EMAIL,
        token=token,
        password=PASSWORD,
    )
    assert [name for name, *_ in recorded_hooks] == ["account_confirmed"]
    claimed = Order.objects.get(user__email=EMAIL)
    assert claimed == bought
    assert unconfirmed["status"] == "UNCONFIRMED"


def test_staff_keeps_customers(recorded_hooks: list[tuple[str, tuple, dict]]) -> None:
    staff = GraphQLClient(user=factories.make_staff(permissions=[AccountPermissions.MANAGE_USERS]))
    created = succeed(staff, f'customerCreate(input: {{email: "{EMAIL}"}})', "user { id }")["user"]["id"]
    pk = User.objects.get(email=EMAIL).pk
    succeed(staff, 'customerUpdate(id: $id, input: {lastName: "Lee"})', "user { lastName }", "$id: ID!", id=created)
    succeed(staff, "customerDelete(id: $id)", "user { email }", "$id: ID!", id=created)
    assert [(name, arguments[0].pk) for name, arguments, _keywords in recorded_hooks] == [
        ("customer_created", pk),
        ("customer_updated", pk),
        ("customer_deleted", pk),
    ]
    assert not User.objects.filter(pk=pk).exists()


def test_logging_in(customer: User) -> None:
    nobody = GraphQLClient()
    call = "tokenCreate(email: $email, password: $password)"
    variables = "$email: String!, $password: String!"
    who = {"email": customer.email, "password": "password"}
    token = succeed(nobody, call, "token", variables, **who)["token"]
    assert nobody.data("{ me { email } }")["me"] is None
    assert nobody.data("{ me { email } }", token=token)["me"] == {"email": customer.email}
    refused = mutate(nobody, call, "token", variables, **{**who, "password": "wrong"})
    assert refused["token"] is None
    assert [error["code"] for error in refused["errors"]] == ["INVALID_CREDENTIALS"]
