"""Each line of `table` by every kind of requestor, and everything that can be read by way of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from saleor.graphql import api

from saleor_crm_plugin.graphql.additions import ADDITIONS
from tests.graphql.security import table
from tests.graphql.security.rules import DENIED, NULL, SEEN, Requestor, expected, is_about_whoever_asks, permissions_in
from tests.graphql.security.walking import Found, Schema, errors_of, is_plumbing, name_of
from tests.graphql.security.world import PERMISSIONS, SECRET, World, fingerprint

pytestmark = pytest.mark.django_db

KINDS = ("anonymous", "customer", "other customer", "staff without", "staff with", "app without", "app with")
RULES = {
    (type_name, field): rule
    for type_name, lines in table.TYPES.items()
    for fields, rule in lines.items()
    for field in fields.split()
}


def requestors(kind: str, world: World, rule: str) -> Iterator[Requestor]:
    """Whom a line is tried by: with a permission means with no other, without means with all others."""
    needed = permissions_in(rule)
    if kind in ("anonymous", "customer", "other customer"):
        yield getattr(world, kind.replace(" ", "_"))()
        return
    make = world.staff if kind.startswith("staff") else world.app
    if kind.endswith("without"):
        yield make()
        yield make(*sorted(PERMISSIONS.keys() - needed))
        return
    for permission in sorted(needed):
        yield make(permission)
    yield make(*sorted(PERMISSIONS))


def lines() -> Iterator[tuple[str, str, str, str]]:
    """Type, query around a field, field with arguments, rule."""
    yield from table.SALEORS
    for call, rule in table.QUERIES:
        yield "Query", "{field}", call, rule


def lines_of(wrong: list[str]) -> str:
    return "\n" + "\n".join(wrong)


def test_there_is_a_line_for_every_query_mutation_and_field(schema: Schema) -> None:
    named = {(type_name, name_of(call)) for type_name, _around, call, _rule in lines()}
    named |= {("Mutation", name_of(call)) for call, _rule in table.MUTATIONS}
    assert named == {(addition.type_name, addition.name) for addition in ADDITIONS}
    readable = {(name, field) for name, kind in schema.types.items() if not is_plumbing(name) for field in kind.fields}
    assert RULES.keys() == readable
    assert len(RULES) == sum(len(fields.split()) for rows in table.TYPES.values() for fields in rows)


@pytest.mark.parametrize("kind", KINDS)
def test_what_can_be_read(world: World, schema: Schema, kind: str) -> None:
    wrong = []
    for type_name, around, call, rule in lines():
        for requestor in requestors(kind, world, rule):
            wrong += asked(world, schema, requestor, type_name, around, call, rule)
    assert not wrong, lines_of(wrong)


def asked(
    world: World, schema: Schema, requestor: Requestor, type_name: str, around: str, call: str, rule: str
) -> list[str]:
    """What is wrong with the answers to one line."""
    answer, inner, here = answer_to(world, schema, requestor, type_name, around, call)
    errors = errors_of(answer)
    got = SEEN if inner is not None else next((DENIED for at in errors if here[: len(at)] == at), NULL)
    want = expected(rule, requestor)
    who = f"{requestor.name}: {type_name}.{call}"
    wrong = []
    # Who has nothing reads nothing.
    if got != want and not (want == SEEN and got == NULL and is_about_whoever_asks(rule)):
        wrong.append(f"{who}: {got} instead of {want}")
    wrong += strayed(schema.found(inner, errors, here), requestor, rule, who)
    if errors and set(errors.values()) != {"PermissionDenied"}:
        wrong.append(f"{who}: {answer['errors']}")
    if not requestor.permissions and requestor.kind != "customer" and SECRET.lower() in str(answer).lower():
        wrong.append(f"{who}: it tells Ann's secrets")
    return wrong


def answer_to(
    world: World, schema: Schema, requestor: Requestor, type_name: str, around: str, call: str
) -> tuple[dict[str, Any], Any, tuple[str | int, ...]]:
    """The answer to a query for all of a field, and in it the field's value and its path."""
    name = name_of(call)
    field = api.schema.get_type(type_name).fields[name]
    asked_for = f"{call.format(**world.ids)} {schema.selection(field.type)}"
    answer = requestor.api.post(f"{{ {around.format(field=asked_for, **world.ids)} }}")
    value, path = answer.get("data"), ()
    while isinstance(value, dict) and name not in value and value:
        ((step, value),) = value.items()
        path = (*path, step)
    return answer, value.get(name) if isinstance(value, dict) else None, (*path, name)


def mutation_of(world: World, schema: Schema, call: str) -> str:
    payload = schema.selection(api.schema.get_mutation_type().fields[name_of(call)].type)
    return f"mutation {{ {call.format(**world.ids)} {payload} }}"


def strayed(found: Iterable[Found], requestor: Requestor, rule: str, who: str) -> list[str]:
    wrong = []
    requestor = as_owner(requestor, rule)
    for one in found:
        if (one.type_name, one.field) not in RULES:
            continue
        want = expected(RULES[one.type_name, one.field], requestor)
        if one.outcome != want and (want, one.outcome) != (SEEN, NULL):
            path = ".".join(map(str, one.path))
            wrong.append(f"{who}: {one.type_name}.{one.field} at {path} is {one.outcome} instead of {want}")
    return wrong


def test_the_world_shows_what_the_table_is_about(world: World, schema: Schema) -> None:
    """A cell that no object stands behind would hold whatever the table said."""
    full = world.staff(*sorted(PERMISSIONS))
    singly = [world.staff(permission) for permission in sorted(PERMISSIONS)]
    met = []
    for requestor in (world.anonymous(), world.customer(), full, *singly):
        for type_name, around, call, rule in lines():
            answer, inner, here = answer_to(world, schema, requestor, type_name, around, call)
            met += [(one, requestor, rule) for one in schema.found(inner, errors_of(answer), here)]
    for call, rule in table.MUTATIONS:
        needed = sorted(permissions_in(rule))
        for requestor in (*map(world.staff, needed), full) if needed else (world.customer(),):
            with transaction.atomic():
                answer = requestor.api.post(mutation_of(world, schema, call))
                inner = (answer.get("data") or {}).get(name_of(call))
                met += [(one, requestor, rule) for one in schema.found(inner, errors_of(answer), (name_of(call),))]
                transaction.set_rollback(True)
    assert {one.type_name for one, _, _ in met} >= {name for name in schema.types if not is_plumbing(name)}
    kept_back = {cell for cell, rule in RULES.items() if rule != "HOLDER"}
    seen = {(one.type_name, one.field) for one, _, _ in met if one.outcome == SEEN}
    assert kept_back <= seen
    refused = {
        (one.type_name, one.field)
        for one, requestor, rule in met
        if (one.type_name, one.field) in kept_back
        and one.outcome == expected(RULES[one.type_name, one.field], as_owner(requestor, rule)) != SEEN
    }
    assert {".".join(cell) for cell in kept_back - refused} == set(table.REFUSED_BEFORE)


def as_owner(requestor: Requestor, rule: str) -> Requestor:
    return replace(requestor, is_owner=is_about_whoever_asks(rule))


@pytest.mark.parametrize("kind", KINDS)
def test_what_can_be_done(world: World, schema: Schema, kind: str) -> None:
    wrong = []
    calls = [(call, rule, one) for call, rule in table.MUTATIONS for one in requestors(kind, world, rule)]
    before = fingerprint()
    for call, rule, requestor in calls:
        with transaction.atomic():
            wrong += done(world, schema, requestor, call, rule, before)
            transaction.set_rollback(True)
    assert not wrong, lines_of(wrong)
    assert fingerprint() == before


def done(world: World, schema: Schema, requestor: Requestor, call: str, rule: str, before: dict[str, str]) -> list[str]:
    name = name_of(call)
    answer = requestor.api.post(mutation_of(world, schema, call))
    errors = errors_of(answer)
    value = (answer.get("data") or {}).get(name)
    who = f"{requestor.name}: {call}"
    want = expected(rule, requestor)
    if value is None:
        got = DENIED if errors == {(name,): "PermissionDenied"} else str(answer)
    else:
        got = ", ".join(error["code"] for error in value["errors"]) or SEEN
    wrong = [] if got == want else [f"{who}: {got} instead of {want}: {answer}"[:600]]
    if value is not None:
        wrong += strayed(schema.found(value, errors, (name,)), requestor, rule, who)
    changed = {name for name, content in fingerprint().items() if content != before[name]}
    if want == SEEN and not changed and name not in table.CHANGE_NOTHING:
        wrong.append(f"{who}: changed nothing")
    # An attempt at a code is kept, so that attempts can be counted.
    of_attempts = {"crm_referral", "crm_profile_identity", "crm_customer_profile", "crm_loyalty_account"}
    if want != SEEN and changed - of_attempts:
        wrong.append(f"{who}: changed {changed}")
    return wrong
