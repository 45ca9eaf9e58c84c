"""Nobody learns by our answers who is a customer: not by what they say, and not by how much work they were."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext
from graphql import GraphQLInputObjectType
from saleor.graphql import api

from saleor_crm_plugin.graphql.additions import ADDITIONS
from tests.graphql.client import Api, global_id
from tests.graphql.security import table
from tests.graphql.security.rules import Requestor
from tests.graphql.security.test_ids import calls, strangers, without
from tests.graphql.security.walking import bare, name_of
from tests.graphql.security.world import World

pytestmark = pytest.mark.django_db

UNKNOWN = "nobody-has-this@example.com"
# Times, and the names of savepoints and cursors.
OF_THE_MOMENT = re.compile(r"""\d{4}-\d\d-\d\dT?[ \d:.+]*|['"](s\d+_x\d+|_django_curs_\w+)['"]""")
ADDRESS = re.compile(r"[\w.+-]+@example\.com")


def asked(requestor: Requestor, request: str, ids: dict[str, str]) -> tuple[str, list[str]]:
    """The answer, and the SQL statements that it took: both without addresses."""
    with transaction.atomic(), CaptureQueriesContext(connections["default"]) as captured:
        answer = requestor.api.post(request.format(**ids))
        transaction.set_rollback(True)
    statements = [OF_THE_MOMENT.sub("", one["sql"]) for one in captured]
    return str(without(answer, ADDRESS)), [ADDRESS.sub("ID", one) for one in statements]


def test_an_address_says_nothing_to_who_may_not_look_it_up(world: World) -> None:
    requests = [request for request, _rule in calls() if '"{email}"' in request]
    assert len(requests) >= 7
    for request in requests:
        for requestor in (*strangers(world), world.customer()):
            known = asked(requestor, request, world.ids)
            unknown = asked(requestor, request, world.ids | {"email": UNKNOWN})
            own = asked(requestor, request, world.ids | {"email": world.people.ben.email})
            assert known == unknown, (requestor.name, request)
            assert known[0] == own[0], (requestor.name, request)
            assert "PermissionDenied" in known[0]


def test_every_argument_for_an_address_is_tried() -> None:
    tried = {name_of(call) for call, _rule in [*table.QUERIES, *table.MUTATIONS] if '"{email}"' in call}
    # Two more that mean the same person as others do: `profile_id_of`.
    tried |= {"customerProfileTypeUpdate", "loyaltyTierAssign"}
    takes_one = {
        addition.name
        for addition in ADDITIONS
        for name, argument in api.schema.get_type(addition.type_name).fields[addition.name].args.items()
        if "email" in {name, *names_in(argument.type)}
    }
    assert takes_one <= tried


def names_in(kind: Any) -> set[str]:
    inner = bare(kind)
    if not isinstance(inner, GraphQLInputObjectType) or inner.name.endswith("WhereInput"):
        return set()
    return {name for field, described in inner.fields.items() for name in (field, *names_in(described.type))}


def test_registering_a_known_address_shows_nothing_of_its_customer(world: World) -> None:
    """Saleor answers as if it had made an account; our fields below it must not know better."""
    register = """mutation ($email: String!) {
      accountRegister(input: {
        email: $email, password: "x7-hj2-lk9", redirectUrl: "http://localhost/", channel: "default-channel"
      }) { user { loyaltyAccount { balance } customerProfile { id } } errors { field code } } }"""
    if "accountRegister" not in api.schema.get_mutation_type().fields:
        pytest.skip("The shop lets nobody register.")
    answers = []
    for email in (world.ids["email"], UNKNOWN):
        answer = Api().post(register, email=email)
        answers.append(str(without(answer, ADDRESS)))
    assert answers[0] == answers[1]


def test_a_code_does_not_say_whose_it_is(world: World) -> None:
    """To whoever applies it; and after the own attempts are used up not even whether there is such a code."""
    call = 'mutation {{ referralCodeApply(code: "{code}") {{ appliedAt errors {{ field code message }} }} }}'
    ben = world.other_customer().api
    made_up = [f"{number:010d}" for number in range(10)]
    for code in made_up:
        (error,) = ben.data(call.format(code=code))["referralCodeApply"]["errors"]
        assert error["code"] == "NOT_FOUND"
    real = ben.data(call.format(code=world.ids["code"]))
    assert real == ben.data(call.format(code="ABCDEFGHJK"))
    assert real["referralCodeApply"]["errors"][0]["code"] == "TOO_MANY_ATTEMPTS"


def test_attempts_in_one_request_count_each(world: World) -> None:
    aliases = " ".join(f'a{n}: referralCodeApply(code: "{n:010d}") {{ errors {{ code }} }}' for n in range(15))
    answers = world.other_customer().api.data(f"mutation {{ {aliases} }}").values()
    codes = [answer["errors"][0]["code"] for answer in answers]
    assert codes == ["NOT_FOUND"] * 10 + ["TOO_MANY_ATTEMPTS"] * 5


def test_a_guest_is_no_customers_to_find(world: World) -> None:
    """The profile of a guest has no owner, so its id opens nothing for any customer."""
    for requestor in (world.customer(), *strangers(world)):
        assert requestor.api.denied("query ($id: ID!) { customerProfile(id: $id) { id } }", id=world.ids["guest"])
        gone = global_id("CustomerProfile", 2**31 - 2)
        assert requestor.api.denied("query ($id: ID!) { customerProfile(id: $id) { id } }", id=gone)
