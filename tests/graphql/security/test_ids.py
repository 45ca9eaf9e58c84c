"""Ids of what belongs to others: they say no more than ids of what does not exist.

Asked by everybody who has no right to the object, with the calls of `table`, in which each private id is replaced in
turn by one of the same type that nothing has, and by one of another type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import graphene
import pytest
from django.db import transaction
from graphql import GraphQLInputObjectType
from saleor.graphql import api

from tests.devshop.factories import fulfill_order, make_order
from tests.graphql.client import global_id
from tests.graphql.security import table
from tests.graphql.security.rules import SEEN, Requestor, expected
from tests.graphql.security.walking import bare, name_of
from tests.graphql.security.world import PERMISSIONS, World

pytestmark = pytest.mark.django_db

PRIVATE = (
    "ann", "profile", "account", "order", "unrated", "checkout", "adjustment", "expiry", "redemption", "note", "review",
    "segment", "guest", "merge", "earning_rule", "merchandising_rule", "tier",
)  # fmt: skip
# Arguments of calls that are open to customers whose ids are no secret: products, categories and rewards.
PUBLIC = {
    "recommendations.productIds",
    "recommendations.category",
    "recommendations.exclude",
    "similarProducts.exclude",
    "frequentlyBoughtTogether.exclude",
    "recommendationEventTrack.input.events.productId",
    "loyaltyRewardRedeem.rewardId",
}
# `test_a_line_of_somebody_elses_order`.
TRIED_BELOW = {"customerFeedbackCreate.products.orderLineId", "customerFeedbackUpdate.products.orderLineId"}
SALEORS = ("{{ order(", "{{ checkout(", "{{ user(")
Call = tuple[str, str]


def calls() -> Iterator[Call]:
    """Request with names in braces, rule."""
    for _type, around, call, rule in table.SALEORS:
        inner = around.replace("{field}", f"{call} {{{{ __typename }}}}")
        yield f"{{{{ {inner} }}}}", rule
    for call, rule in table.QUERIES:
        yield f"{{{{ {call} {{{{ __typename }}}} }}}}", rule
    for call, rule in table.MUTATIONS:
        yield f"mutation {{{{ {call} {{{{ errors {{{{ field code message }}}} }}}} }}}}", rule


def missing(real: str) -> str:
    """An id of the same type that nothing has."""
    type_name, key = graphene.Node.from_global_id(real)
    return global_id(type_name, 2**31 - 2 if key.isdecimal() else uuid4())


def answer(requestor: Requestor, request: str, ids: dict[str, str], replaced: str) -> Any:
    """With the id that it is about taken out; nothing that it changes stays."""
    with transaction.atomic():
        found = requestor.api.post(request.format(**ids))
        transaction.set_rollback(True)
    key = graphene.Node.from_global_id(ids[replaced])[1]
    return without(found, re.compile(rf"{re.escape(ids[replaced])}|\b{re.escape(key)}\b"))


def without(found: Any, traces: re.Pattern[str]) -> Any:
    """Texts without the id; and without where in the code it was refused, which Saleor shows in debug mode only."""
    if isinstance(found, dict):
        return {name: without(part, traces) for name, part in found.items() if name != "stacktrace"}
    if isinstance(found, list):
        return [without(part, traces) for part in found]
    return traces.sub("ID", found) if isinstance(found, str) else found


def strangers(world: World) -> list[Requestor]:
    return [world.anonymous(), world.other_customer(), world.staff(), world.app()]


def private_calls() -> list[Any]:
    return [
        pytest.param(request, rule, name, id=f"{name}: {request[:60]}")
        for request, rule in calls()
        for name in PRIVATE
        if f'"{{{name}}}"' in request
    ]


def test_what_others_have_is_as_if_it_did_not_exist(world: World) -> None:
    wrong = []
    for request, rule, name in (param.values for param in private_calls()):
        for requestor in strangers(world):
            # What Saleor says of its own orders, checkouts and users is Saleor's.
            if expected(rule, requestor) == SEEN or request.startswith(SALEORS):
                continue
            others = answer(requestor, request, world.ids, name)
            nobodys = answer(requestor, request, world.ids | {name: missing(world.ids[name])}, name)
            if others != nobodys:
                wrong.append(f"{requestor.name}: {request}\n  {others}\n  {nobodys}")
    assert not wrong, "\n".join(wrong)


def test_an_id_of_another_type_leads_nowhere(world: World) -> None:
    wrong = []
    everybody = [*strangers(world), world.customer(), world.staff(*PERMISSIONS), world.app(*PERMISSIONS)]
    for request, _rule, name in (param.values for param in private_calls()):
        # Rows of all tables begin at the same numbers.
        key = graphene.Node.from_global_id(world.ids[name])[1]
        for requestor in everybody:
            found = answer(requestor, request, world.ids | {name: global_id("Warehouse", key)}, name)
            (value,) = (found.get("data") or {None: None}).values()
            if value is not None and not value.get("errors"):
                wrong.append(f"{requestor.name}: {request}\n  {found}")
    assert not wrong, "\n".join(wrong)


def test_a_line_of_somebody_elses_order(world: World) -> None:
    """In one's own feedback."""
    own = make_order(world.people.ben)
    fulfill_order(own)
    call = """mutation ($order: ID!, $line: ID!) {
      customerFeedbackCreate(orderId: $order, products: [{ orderLineId: $line, rating: 5 }]) {
        feedback { id } errors { field code message } } }"""
    ben = world.other_customer().api
    order = global_id("Order", own.pk)
    of_ann = ben.data(call, order=order, line=world.ids["line"])
    of_nobody = ben.data(call, order=order, line=global_id("OrderLine", uuid4()))
    assert of_ann == of_nobody
    (error,) = of_ann["customerFeedbackCreate"]["errors"]
    assert error["code"] == "NOT_FOUND"


def test_every_id_that_a_customer_can_give_is_tried() -> None:
    tried = {f"{name_of(request.removeprefix('mutation ').strip('{ '))}.{name}" for request, _rule in calls()
             for name in re.findall(r'(\w+): \[?"\{(?!channel|email|code|tag|slug)', request)}  # fmt: skip
    open_to_customers = {
        (type_name, name_of(call))
        for type_name, call, rule in [
            *((type_name, call, rule) for type_name, _around, call, rule in table.SALEORS),
            *(("Query", call, rule) for call, rule in table.QUERIES),
            *(("Mutation", call, rule) for call, rule in table.MUTATIONS),
        ]
        if {"ANYBODY", "OWNER", "SIGNED_IN"} & set(re.findall(r"\w+", rule))
    }
    known = {
        f"{name}.{'.'.join(path)}"
        for type_name, name in open_to_customers
        for argument, described in api.schema.get_type(type_name).fields[name].args.items()
        for path in ids_in(described.type, (argument,))
    }
    assert known - tried - PUBLIC - TRIED_BELOW == set()


def ids_in(kind: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    inner = bare(kind)
    if isinstance(inner, GraphQLInputObjectType):
        for name, field in inner.fields.items():
            yield from ids_in(field.type, (*path, name))
    elif inner.name == "ID":
        yield path


def test_the_ids_that_say_everything_are_no_numbers(world: World) -> None:
    """A checkout is whoever's who has its id."""
    assert UUID(graphene.Node.from_global_id(world.ids["checkout"])[1]).version == 4
