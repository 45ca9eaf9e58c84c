"""`customerDataExport`, `customerSegmentExport`, and what their links lead to."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import time_machine
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext

from saleor_crm_plugin import models as ours
from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.claims import forget_user
from saleor_crm_plugin.ingestion.customer_csv import COLUMNS, segment_rows
from saleor_crm_plugin.ingestion.data_export import HOLDINGS
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralCode
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity, ProfileMetrics
from saleor_crm_plugin.profiles.notes.models import CustomerNote, CustomerTag
from saleor_crm_plugin.profiles.privacy.links import LINK_HOURS
from saleor_crm_plugin.profiles.privacy.models import DataRequest
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from tests.devshop.factories import delete_customer, make_customer
from tests.graphql.client import Api, global_id
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

EXPORT = """
mutation ($user: ID, $email: String, $id: ID) { customerDataExport(userId: $user, email: $email, id: $id) {
  url request { kind downloads expiresAt createdAt customer { email } requestedBy { email } }
  errors { field message code }
} }
"""
SEGMENT = """
mutation ($segment: ID!) { customerSegmentExport(segmentId: $segment) {
  url request { kind segmentId } errors { field code }
} }
"""
REQUESTS = """
query ($kind: CustomerDataRequestKindEnum) { customerDataRequests(first: 10, kind: $kind) {
  totalCount edges { node { kind downloads level } }
} }
"""
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def plugins(settings):
    # A link is below the address of the plugin.
    settings.PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin", "saleor_crm_plugin.plugin.LoyaltySettingsPlugin"]


def opened(url: str, method: str = "get"):
    response = getattr(Client(), method)(urlsplit(url).path)
    body = response.getvalue() if response.streaming else response.content
    return response, body.decode()


@pytest.fixture
def staff(shop, staff_with) -> Api:
    return staff_with("MANAGE_USERS", "MANAGE_ORDERS")


def export(api: Api, **whose) -> dict:
    with time_machine.travel(NOW, tick=False):
        return api.data(EXPORT, **whose)["customerDataExport"]


class TestExportOfACustomer:
    def test_everything_that_we_hold(self, staff, shop):
        profile = CustomerProfile.objects.get(user=shop.ann)
        CustomerNote.objects.create(profile=profile, text="Likes pears", created_at=NOW)
        answer = export(staff, user=global_id("User", shop.ann.pk))
        assert answer["errors"] == []
        assert answer["request"] == {
            "kind": "EXPORT",
            "downloads": 0,
            "createdAt": NOW.isoformat(),
            "expiresAt": (NOW + timedelta(hours=LINK_HOURS)).isoformat(),
            "customer": {"email": "ann@example.com"},
            "requestedBy": {"email": staff.user.email},
        }
        with time_machine.travel(NOW):
            response, body = opened(answer["url"])
        assert response.status_code == 200
        assert response["Content-Disposition"] == f'attachment; filename="customer-{profile.pk}.json"'
        assert (response["Content-Type"], response["Cache-Control"]) == ("application/json", "no-store, private")
        document = json.loads(body)
        assert document["profileId"] == profile.pk
        assert [note["text"] for note in document["notes"]] == ["Likes pears"]
        assert sorted(order["gross_amount"] for order in document["orders"]) == ["20.000", "30.000"]
        assert [entry["points"] for entry in document["pointsEntries"]] == [200, 300]
        assert len(document["metrics"]) == 1
        (request,) = document["dataRequests"]
        assert "token_digest" not in request
        # Nothing of anybody else.
        assert {row["profile_id"] for row in document["orders"]} == {profile.pk}
        assert ProfileEvent.objects.get(kind="data_exported").profile == profile

    def test_what_was_merged_is_part_of_it(self, staff, shop):
        ann, guest = CustomerProfile.objects.get(user=shop.ann), CustomerProfile.objects.get(user=None)
        CustomerProfile.objects.filter(pk=guest.pk).update(merged_into=ann)
        url = export(staff, user=global_id("User", shop.ann.pk))["url"]
        with time_machine.travel(NOW):
            document = json.loads(opened(url)[1])
        assert [identity["value"] for identity in document["identities"]] == ["guy@example.com"]
        assert len(document["orders"]) == 3

    def test_whoever_brought_a_friend_reads_that_but_not_who_it_was(self, staff, shop):
        ann, bob = (
            LoyaltyAccount.objects.get_or_create(
                profile=CustomerProfile.objects.get_or_create(user=user)[0], program_id=default_program_id()
            )[0]
            for user in (shop.ann, make_customer("bob@example.com"))
        )
        code = ReferralCode.objects.create(account=ann, code="ABCDEFGHJK")
        bought = {"order_id": uuid4(), "channel_id": shop.channel.pk, "placed_at": NOW, "reward_at": NOW}
        decided = {"status": "rewarded", "applied_at": NOW, "decided_at": NOW}
        Referral.objects.create(code=code, friend=bob, **bought, **decided)
        url = export(staff, id=global_id("CustomerProfile", ann.profile_id))["url"]
        with time_machine.travel(NOW):
            document = json.loads(opened(url)[1])
        (made,) = document["referralsMade"]
        assert (made["status"], made["code_id"], document["referrals"]) == ("rewarded", code.pk, [])
        assert not made.keys() & {"friend_id", "order_id"}

    @pytest.mark.parametrize("is_confirmed", [True, False])
    def test_of_several_who_have_an_address_staff_choose_one(self, staff, shop, is_confirmed):
        guest = CustomerProfile.objects.get(user=None)
        user = CustomerProfile.objects.create(user=make_customer("guy@example.com", is_confirmed=is_confirmed))
        ids = {global_id("CustomerProfile", profile.pk) for profile in (guest, user)}
        answer = export(staff, email="guy@example.com")
        (error,) = answer["errors"]
        assert (answer["url"], error["field"], error["code"]) == (None, "email", "NOT_APPLICABLE")
        assert all(each in error["message"] for each in ids)
        assert not DataRequest.objects.exists()
        assert [export(staff, id=each)["errors"] for each in ids] == [[], []]

    def test_every_table_about_persons_is_in_it(self):
        exported = {holding.model for holding in HOLDINGS}
        about_the_shop = {
            "LoyaltyProgram", "EarningRule", "EarningRuleVersion", "LoyaltyTier", "TierPolicy", "LoyaltyReward",
            "CustomerSegment", "RecommendationModel", "ProductAffinity", "PopularProducts", "SyncState", "ClvFit",
            "ConsentPolicy", "MerchandisingRule", "MerchandisingRuleVersion", "RecommendationEvaluation",
            # Order ids and when they were read.
            "OrderSync",
            # Digests of a sender and a minute together, deleted within a day.
            "EventQuota",
        }  # fmt: skip
        tables = {getattr(ours, name) for name in ours.__all__}
        missing = {model.__name__ for model in tables if issubclass(model, models.Model)} - about_the_shop
        assert missing == {model.__name__ for model in exported}


class TestLinks:
    @pytest.fixture
    def url(self, staff, shop) -> str:
        return export(staff, user=global_id("User", shop.ann.pk))["url"]

    def test_can_be_used_for_a_day(self, url):
        with time_machine.travel(NOW + timedelta(hours=LINK_HOURS) - timedelta(seconds=1), tick=False):
            assert opened(url)[0].status_code == 200
            assert opened(url)[0].status_code == 200
        with time_machine.travel(NOW + timedelta(hours=LINK_HOURS), tick=False):
            assert opened(url)[0].status_code == 404
        assert DataRequest.objects.get().downloads == 2

    def test_are_nowhere_in_the_database(self, url):
        token = url.rpartition("/")[2]
        assert len(token) >= 43
        assert DataRequest.objects.get().token_digest not in token
        assert not DataRequest.objects.filter(token_digest__contains=token).exists()

    def test_whatever_is_no_link_is_not_found(self, url):
        with time_machine.travel(NOW):
            for wrong in (url[:-1], f"{url}x", url + "x" * 1000, url.rpartition("/")[0] + "/", f"{url}/data/"):
                assert opened(wrong)[0].status_code == 404
            assert opened(url, "post")[0].status_code == 404
            assert opened(url, "head")[0].status_code == 404
        assert DataRequest.objects.get().downloads == 0

    def test_are_not_there_while_the_plugin_is_off(self, url):
        crm_settings(active=False)
        with time_machine.travel(NOW):
            assert opened(url)[0].status_code == 404

    def test_a_customer_who_was_erased_meanwhile_is_not_in_the_file(self, url, shop):
        CustomerNote.objects.create(profile=CustomerProfile.objects.get(user=shop.ann), text="Secret", created_at=NOW)
        CustomerNote.objects.all().delete()
        with time_machine.travel(NOW):
            assert "Secret" not in opened(url)[1]


class TestExportOfASegment:
    @pytest.fixture
    def segment(self, shop) -> CustomerSegment:
        segment = CustomerSegment.objects.create(name="All", slug="all", query="orders_count > 0")
        for profile in CustomerProfile.objects.order_by("pk"):
            SegmentMembership.objects.create(segment=segment, profile=profile, entered_at=NOW)
        ann = CustomerProfile.objects.get(user=shop.ann)
        for tag in ("vip", "=cmd()"):
            CustomerTag.objects.create(profile=ann, name=tag, assigned_at=NOW)
        return segment

    def rows(self, url: str) -> list[dict[str, str]]:
        with time_machine.travel(NOW):
            response, body = opened(url)
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        return list(csv.DictReader(StringIO(body)))

    def test_its_customers(self, staff, segment, shop):
        with time_machine.travel(NOW, tick=False):
            answer = staff.data(SEGMENT, segment=global_id("CustomerSegment", segment.pk))["customerSegmentExport"]
        assert answer["request"] == {
            "kind": "SEGMENT_EXPORT",
            "segmentId": global_id("CustomerSegment", segment.pk),
        }
        ann, guy = self.rows(answer["url"])
        assert (ann["email"], ann["first_name"], ann["orders_count"], ann["net_spent"]) == (
            "ann@example.com",
            "Ann",
            "2",
            "50.00",
        )
        # Not a formula in anybody's spreadsheet.
        assert ann["tags"] == "'=cmd(), vip"
        assert (guy["email"], guy["user_id"], guy["currency"]) == ("guy@example.com", "", "USD")

    def test_a_guest_has_the_address_that_the_profile_shows(self, staff, segment, shop):
        guest = CustomerProfile.objects.get(user=None)
        ProfileIdentity.objects.create(profile=guest, kind=IdentityKind.VERIFIED_EMAIL, value="proven@example.com")
        with time_machine.travel(NOW, tick=False):
            url = staff.data(SEGMENT, segment=global_id("CustomerSegment", segment.pk))["customerSegmentExport"]["url"]
        query = "query ($id: ID!) { customerProfile(id: $id) { email } }"
        shown = staff.data(query, id=global_id("CustomerProfile", guest.pk))["customerProfile"]["email"]
        assert [row["email"] for row in self.rows(url)] == ["ann@example.com", shown]

    def test_of_merged_customers_an_account_that_is_left_is_told(self, staff, segment, shop):
        ann, ben = (resolve_profiles([UserPerson(user.pk)]).popitem()[1] for user in (shop.ann, shop.ben))
        merge_customers(ben, ann, SYSTEM, NOW)
        user_id = shop.ann.pk
        delete_customer(shop.ann)
        forget_user(user_id)
        with CaptureQueriesContext(connection) as statements:
            _, row, _ = csv.DictReader("".join(segment_rows(segment.pk, "default")).splitlines(), COLUMNS)
        told = (row["profile_id"], row["user_id"], row["email"], row["first_name"], row["language"])
        assert told == (str(ann), str(shop.ben.pk), "ben@example.com", "Ben", "en")
        # The members twice: then there are no more.
        assert len(statements) == 7

    @pytest.mark.parametrize(
        ("currency", "amounts"),
        [("USD", ("50.00", "16.67", "9.50")), ("JPY", ("50", "17", "10")), ("KWD", ("50.000", "16.667", "9.500"))],
    )
    def test_amounts_have_the_decimals_of_their_currency(self, staff, segment, shop, currency, amounts):
        ann = ProfileMetrics.objects.filter(profile__user=shop.ann)
        ann.update(currency=currency, average_order_value=Decimal("16.667"), predicted_clv=Decimal("9.500"))
        with time_machine.travel(NOW, tick=False):
            url = staff.data(SEGMENT, segment=global_id("CustomerSegment", segment.pk))["customerSegmentExport"]["url"]
        row, _ = self.rows(url)
        assert (row["net_spent"], row["average_order_value"], row["predicted_clv"]) == amounts

    def test_a_segment_that_was_deleted_has_no_file(self, staff, segment):
        with time_machine.travel(NOW, tick=False):
            url = staff.data(SEGMENT, segment=global_id("CustomerSegment", segment.pk))["customerSegmentExport"]["url"]
            segment.delete()
            assert opened(url)[0].status_code == 410

    def test_bad_input(self, staff, shop):
        for wrong, code in ((global_id("CustomerSegment", 10**9), "NOT_FOUND"), ("x", "GRAPHQL_ERROR")):
            answer = staff.data(SEGMENT, segment=wrong)["customerSegmentExport"]
            assert answer["errors"] == [{"field": "segmentId", "code": code}]


class TestWhoMay:
    def test_only_staff_who_manage_users(self, anonymous, as_ann, staff_with, app_with, shop):
        for api in (anonymous, as_ann, staff_with("MANAGE_ORDERS"), app_with("MANAGE_PRODUCTS")):
            assert api.denied(EXPORT, user=global_id("User", shop.ann.pk)) == {"MANAGE_USERS"}
            assert api.denied(SEGMENT, segment="x") == {"MANAGE_USERS"}
            assert api.denied(REQUESTS) == {"MANAGE_USERS"}

    def test_an_export_names_orders(self, staff_with, app_with, shop):
        for api in (staff_with("MANAGE_USERS"), app_with("MANAGE_USERS")):
            for address in ("ann@example.com", "nobody@example.com"):
                assert api.denied(EXPORT, email=address) == {"MANAGE_ORDERS"}
        for api in (staff_with("MANAGE_USERS", "MANAGE_ORDERS"), app_with("MANAGE_USERS", "MANAGE_ORDERS")):
            assert export(api, email="ann@example.com")["errors"] == []

    def test_bad_input(self, staff):
        for whose, field, code in (
            ({}, None, "GRAPHQL_ERROR"),
            ({"email": "nobody@example.com"}, "email", "NOT_FOUND"),
            ({"id": global_id("CustomerProfile", 10**9)}, "id", "NOT_FOUND"),
        ):
            (error,) = export(staff, **whose)["errors"]
            assert (error["field"], error["code"]) == (field, code)

    def test_the_trail(self, staff, shop):
        export(staff, user=global_id("User", shop.ann.pk))
        found = staff.data(REQUESTS)["customerDataRequests"]
        assert found["totalCount"] == 1
        assert found["edges"] == [{"node": {"kind": "EXPORT", "downloads": 0, "level": None}}]
        assert staff.data(REQUESTS, kind="ERASURE")["customerDataRequests"]["edges"] == []
