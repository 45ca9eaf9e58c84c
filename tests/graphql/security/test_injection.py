"""Texts that mean something to SQL, LIKE, a spreadsheet or a log: here they are texts, or are refused.

What PostgreSQL cannot hold in arguments of queries is tried in `test_strange_texts`, segment queries that nobody would
write in `tests/integration/profiles/segments/test_fuzz`.
"""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from saleor_crm_plugin.csv_cells import FORMULA_STARTS
from saleor_crm_plugin.graphql.guard import UNSTORABLE
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerTag
from saleor_crm_plugin.profiles.segments.models import SegmentMembership
from tests.devshop.factories import make_customer, make_order
from tests.graphql.security import table
from tests.graphql.security.rules import Requestor
from tests.graphql.security.walking import errors_of, name_of
from tests.graphql.security.world import PERMISSIONS, World, fingerprint

pytestmark = pytest.mark.django_db

# Where the table writes "x", somebody types a text.
TYPED = '"x"'
SQL = ("'; DROP TABLE crm_note; --", "Robert' OR '1'='1", "%s %(x)s %% {} {0} $1 $$", "\\' \\\\ \\", "50%_off")
UNSTORABLE_TEXTS = ("a\0b", "a\ud800b")
LONG = "long " * 20_000


def typed() -> list[str]:
    calls = [call for call, _rule in table.MUTATIONS if TYPED in call]
    assert len(calls) >= 14
    return calls


def said(world: World, staff: Requestor, call: str, text: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The answer, and what the mutation itself says."""
    spelled = call.replace(TYPED, json.dumps(text).replace("{", "{{").replace("}", "}}")).format(**world.ids)
    answer = staff.api.post(f"mutation {{ {spelled} {{ errors {{ field code message }} }} }}")
    return answer, (answer.get("data") or {}).get(name_of(call))


@pytest.mark.parametrize("text", SQL)
def test_sql_is_a_text(world: World, text: str) -> None:
    staff = world.staff(*sorted(PERMISSIONS))
    before = fingerprint()
    for call in typed():
        with transaction.atomic():
            answer, value = said(world, staff, call, text)
            assert value is not None, (call, answer)
            assert value["errors"] == [], (call, value)
            changed = {name for name, content in fingerprint().items() if content != before[name]}
            # Nothing is gone, and nothing but what the mutation is about has changed.
            assert changed, call
            assert not changed & {"account_user", "order_order", "checkout_checkout"}, call
            transaction.set_rollback(True)
    assert fingerprint() == before


@pytest.mark.parametrize("text", [*UNSTORABLE_TEXTS, LONG], ids=["NUL", "half a character", "100,000 characters"])
def test_what_cannot_be_stored_is_refused_in_words(world: World, text: str) -> None:
    staff = world.staff(*sorted(PERMISSIONS))
    before = fingerprint()
    for call in typed():
        with transaction.atomic():
            answer, value = said(world, staff, call, text)
            if value is None:
                assert set(errors_of(answer).values()) == {"GraphQLError"}, (call, answer)
                assert [error["message"] for error in answer["errors"]] == [UNSTORABLE], call
            else:
                assert [error["code"] for error in value["errors"]] == ["INVALID"], (call, value)
            assert len(json.dumps(answer)) < 5_000, "the text does not come back in the error"
            transaction.set_rollback(True)
    assert fingerprint() == before


def test_wildcards_find_only_themselves(world: World) -> None:
    staff = world.staff("MANAGE_USERS", "MANAGE_PRODUCTS").api
    profile = CustomerProfile.objects.get(user=world.people.ann)
    CustomerTag.objects.create(profile=profile, name="50%_off", assigned_at=timezone.now())
    for wildcard in ("%", "_", "\\", "%%", "a%", "*"):
        given = json.dumps(wildcard)
        found = staff.data(f"{{ customerProfiles(first: 5, search: {given}) {{ totalCount }} }}")["customerProfiles"]
        assert found["totalCount"] == 0, wildcard
        rules = staff.data(f"{{ merchandisingRules(first: 5, filter: {{ search: {given} }}) {{ totalCount }} }}")
        assert rules["merchandisingRules"]["totalCount"] == 0, wildcard
        tags = [tag["name"] for tag in staff.data(f"{{ customerTags(search: {given}) {{ name }} }}")["customerTags"]]
        assert tags == (["50%_off"] if wildcard in "50%_off" else []), wildcard


def test_no_cell_of_an_export_is_a_formula(world: World, settings: Any) -> None:
    """Whatever a customer calls themselves, and whatever staff call a tag."""
    settings.PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin"]
    staff = world.staff("MANAGE_USERS").api
    for start in FORMULA_STARTS:
        evil = f"{start}HYPERLINK('//evil')"
        user = make_customer(f"={ord(start)}+1@example.com", first_name=evil, last_name=f"{start}1+1|cmd")
        assert not sync_orders([make_order(user).pk]).failed
        profile = CustomerProfile.objects.get(user=user)
        CustomerTag.objects.create(profile=profile, name=evil, assigned_at=timezone.now())
        assert SegmentMembership.objects.filter(profile=profile).exists()
    mutation = "mutation ($id: ID!) { customerSegmentExport(segmentId: $id) { url errors { code } } }"
    url = staff.data(mutation, id=world.ids["segment"])["customerSegmentExport"]["url"]
    path = "/" + url.partition("://")[2].partition("/")[2]
    rows = list(csv.reader(StringIO(Client().get(path).getvalue().decode(), newline="")))
    assert len(rows) == 2 + len(FORMULA_STARTS)
    cells = [cell for row in rows for cell in row]
    assert sum("evil" in cell for cell in cells) == 2 * len(FORMULA_STARTS)
    assert not [cell for cell in cells if cell.startswith(FORMULA_STARTS) and not is_number(cell)]


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
