"""Who may read and do what about customers: one line for each field and mutation, tried by everybody.

To add one, add a line to `FIELDS` (a selection on the customer's profile), `QUERIES` (a root field) or `MUTATIONS`,
and who may. Whoever is not named must be denied and must not change anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from saleor_crm_plugin.profiles.consents.models import ConsentRecord
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.notes.models import CustomerNote, CustomerTag
from saleor_crm_plugin.profiles.privacy.models import DataRequest
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

# Ann is the customer that everything is about; Ben is another one.
EVERYBODY = ("anonymous", "ben", "ann", "staff without", "staff", "app without", "app")
OFFICE = {"staff", "app"}
OWNER_AND_OFFICE = OFFICE | {"ann"}

FIELDS: list[tuple[str, set[str]]] = [
    ("id", OWNER_AND_OFFICE),
    ("email", OWNER_AND_OFFICE),
    ("ordersCount", OWNER_AND_OFFICE),
    ("metrics { netSpent { amount } rfmGroup }", OWNER_AND_OFFICE),
    ("consents { purpose state source textVersion recordedAt }", OWNER_AND_OFFICE),
    ("profilingAllowed", OWNER_AND_OFFICE),
    ("recommendationsAllowed", OWNER_AND_OFFICE),
    ("consents { recordedBy { type name } }", OFFICE),
    ("consentHistory(first: 5) { edges { node { state } } }", OFFICE),
    ("tags", OFFICE),
    ("notes(first: 5) { edges { node { text author { name } } } }", OFFICE),
    ("metrics { predictionStatus churnProbability predictedClv { amount } }", OWNER_AND_OFFICE),
    ("lifecycleStage lifecycleSince", OWNER_AND_OFFICE),
    ("customerType", OWNER_AND_OFFICE),
    ("favoriteCategories { ordersCount }", OWNER_AND_OFFICE),
    ("timeline(first: 5) { edges { node { kind } } }", OWNER_AND_OFFICE),
    ("feedback(first: 5) { edges { node { score } } }", OWNER_AND_OFFICE),
    ("segments { slug }", OFFICE),
    ("merges { id }", OFFICE),
]
QUERIES: list[tuple[str, set[str]]] = [
    ('customerProfile(id: "%(profile)s") { id }', OWNER_AND_OFFICE),
    ('customerProfile(userId: "%(user)s") { id }', OWNER_AND_OFFICE),
    ('customerProfile(email: "ann@example.com") { id }', OFFICE),
    ("customerProfiles(first: 5) { edges { node { id } } }", OFFICE),
    ("customerProfiles(first: 5, where: {isGuest: true}) { totalCount }", OFFICE),
    ("customerTags { name customersCount }", OFFICE),
    ("customerSegments(first: 5) { edges { node { slug } } }", OFFICE),
    ('customerSegment(slug: "%(slug)s") { members(first: 5) { edges { node { email } } } }', OFFICE),
    ('customerSegmentPreview(query: "orders_count > 0") { count }', OFFICE),
    ('customerSegmentExplain(segmentId: "%(segment)s", profileId: "%(profile)s") { matches }', OFFICE),
    ("customerSegmentFields { name }", OFFICE),
    ("customerFeedback(first: 5) { edges { node { score comment } } }", OFFICE),
    ("customerFeedbackReport { total { responses } }", OFFICE),
    ("customerDataRequests(first: 5) { edges { node { kind } } }", OFFICE),
]
MUTATIONS: list[tuple[str, set[str]]] = [
    ('customerTagAssign(ids: ["%(profile)s"], tags: ["new"])', OFFICE),
    ('customerTagUnassign(ids: ["%(profile)s"], tags: ["vip"])', OFFICE),
    ('customerNoteAdd(id: "%(profile)s", text: "x")', OFFICE),
    ('customerNoteDelete(id: "%(note)s")', OFFICE),
    ('customerConsentUpdate(id: "%(profile)s", consents: [%(refusal)s])', OWNER_AND_OFFICE),
    ('customerConsentUpdate(userId: "%(user)s", consents: [%(refusal)s])', OWNER_AND_OFFICE),
    ('customerConsentUpdate(email: "ann@example.com", consents: [%(refusal)s])', OFFICE),
    ('customerProfileTypeUpdate(id: "%(profile)s", customerType: B2B)', OFFICE),
    ('customerProfileMerge(sourceId: "%(guest)s", targetId: "%(profile)s")', OFFICE),
    ('customerSegmentCreate(input: {name: "New", query: "orders_count > 0"})', OFFICE),
    ('customerSegmentUpdate(id: "%(segment)s", input: {description: "x"})', OFFICE),
    ('customerSegmentDelete(id: "%(segment)s")', OFFICE),
    ('customerSegmentExport(segmentId: "%(segment)s")', OFFICE),
    ('customerDataExport(id: "%(profile)s")', OFFICE),
    ('customerDataErase(id: "%(profile)s", level: DELETE)', OFFICE),
]
TABLES: tuple[Any, ...] = (
    CustomerProfile,
    CustomerTag,
    CustomerNote,
    ConsentRecord,
    ProfileEvent,
    ProfileMerge,
    CustomerSegment,
    DataRequest,
)


@dataclass(frozen=True)
class World:
    ids: dict[str, str]
    requestors: dict[str, Any]


@pytest.fixture
def world(shop: SimpleNamespace, anonymous, as_ann, as_ben, staff_with, app_with) -> World:
    profile = CustomerProfile.objects.get(user=shop.ann)
    now = timezone.now()
    CustomerTag.objects.create(profile=profile, name="vip", assigned_at=now)
    note = CustomerNote.objects.create(profile=profile, text="x", created_at=now)
    ConsentRecord.objects.create(profile=profile, purpose="marketing_sms", state="granted", recorded_at=now)
    segment = CustomerSegment.objects.earliest("pk")
    others = ("MANAGE_ORDERS", "MANAGE_DISCOUNTS", "MANAGE_PRODUCTS", "MANAGE_STAFF", "MANAGE_PLUGINS")
    return World(
        {
            "profile": global_id("CustomerProfile", profile.pk),
            "user": global_id("User", shop.ann.pk),
            "guest": global_id("CustomerProfile", CustomerProfile.objects.get(user=None).pk),
            "segment": global_id("CustomerSegment", segment.pk),
            "slug": segment.slug,
            "note": global_id("CustomerNote", note.pk),
            "refusal": "{purpose: PROFILING, state: REFUSED}",
        },
        {
            "anonymous": anonymous,
            "ben": as_ben,
            "ann": as_ann,
            "staff without": staff_with(*others),
            "staff": staff_with("MANAGE_USERS"),
            "app without": app_with(*others),
            "app": app_with("MANAGE_USERS"),
        },
    )


def rows() -> list[list[dict[str, Any]]]:
    return [list(table.objects.order_by("pk").values()) for table in TABLES]


@pytest.mark.parametrize(("selection", "allowed"), FIELDS)
def test_fields_of_a_profile(world: World, selection: str, allowed: set[str]) -> None:
    query = f'{{ customerProfile(id: "{world.ids["profile"]}") {{ found: id {selection} }} }}'
    assert_only(world, query, allowed)


@pytest.mark.parametrize(("selection", "allowed"), QUERIES)
def test_queries(world: World, selection: str, allowed: set[str]) -> None:
    assert_only(world, f"{{ {selection % world.ids} }}", allowed)


def assert_only(world: World, query: str, allowed: set[str]) -> None:
    for name in EVERYBODY:
        answer = world.requestors[name].post(query)
        if name in allowed:
            assert "errors" not in answer, (name, answer)
            assert all(value is not None for value in answer["data"].values())
        else:
            codes = {error["extensions"]["exception"]["code"] for error in answer["errors"]}
            assert codes == {"PermissionDenied"}, (name, answer)


@pytest.mark.parametrize(("call", "allowed"), MUTATIONS)
@pytest.mark.parametrize("name", EVERYBODY)
def test_mutations(world: World, name: str, call: str, allowed: set[str]) -> None:
    before = rows()
    mutation = f"mutation {{ {call % world.ids} {{ errors {{ code }} }} }}"
    if name in allowed:
        (answer,) = world.requestors[name].data(mutation).values()
        assert answer["errors"] == []
        assert rows() != before
    else:
        assert "MANAGE_USERS" in world.requestors[name].denied(mutation)
        assert rows() == before


def test_nobody_but_the_office_reads_of_others_in_a_list(world: World) -> None:
    """`me` leads to the own profile only; a customer has no way to another's."""
    for name in ("ann", "ben"):
        found = world.requestors[name].data("{ me { customerProfile { email } } }")["me"]["customerProfile"]
        assert found in ({"email": f"{name}@example.com"}, None)
