"""The type of customers, from what Saleor stores about them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from saleor.account.models import User
from saleor.celeryconf import app
from saleor.order.models import Order

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.ingestion import customer_types
from saleor_crm_plugin.ingestion.backfill import backfill
from saleor_crm_plugin.ingestion.claims import forget_user
from saleor_crm_plugin.ingestion.consents import apply_consent_policy
from saleor_crm_plugin.ingestion.customer_types import read_signs, refresh_all_types, refresh_types
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.sync import sync_customer, sync_orders
from saleor_crm_plugin.ingestion.tasks import PERIODIC_TASKS
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent
from tests.devshop.factories import delete_customer, make_address, make_customer, make_order
from tests.integration.profiles.facts import PLACED
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

SETTINGS = CRMSettings(business_domains=("acme.com",))


def order_of(user: User | None = None, **fields: Any) -> Order:
    order = make_order(user, **fields)
    sync_orders([order.pk])
    return order


def type_of(user: User | None = None) -> str:
    return CustomerProfile.objects.get(user=user).customer_type


def told() -> list[tuple[str, str, str]]:
    events = ProfileEvent.objects.filter(kind=EventKind.CUSTOMER_TYPE_CHANGED).order_by("pk")
    return [(event.details["from"], event.details["to"], event.details["cause"]) for event in events]


@pytest.mark.parametrize("column", ["metadata", "private_metadata"])
@pytest.mark.parametrize("place", ["user", "order", "address"])
def test_a_tax_id_makes_a_company_wherever_it_stands(place: str, column: str) -> None:
    stored = {place: {column: {"vat_number": "DE 123"}}}
    ada = make_customer(**stored.get("user", {}))

    order_of(ada, billing_address=make_address(**stored.get("address", {})), **stored.get("order", {}))

    assert type_of(ada) == "b2b"
    assert told() == [("b2c", "b2b", "tax_id")]


@pytest.mark.parametrize("value", ["", "none", " - ", None, {}, []])
def test_what_has_no_digit_is_no_tax_id(value: object) -> None:
    ada = make_customer(metadata={"vat_number": value, "other": "DE123"})

    order_of(ada)

    assert type_of(ada) == "b2c"
    assert not told()


def test_the_key_is_a_setting() -> None:
    crm_settings(tax_id_metadata_key="erp.tax_id")
    ada, bob = make_customer(metadata={"erp.tax_id": "1"}), make_customer(metadata={"vat_number": "1"})

    order_of(ada)
    order_of(bob)

    assert (type_of(ada), type_of(bob)) == ("b2b", "b2c")


def test_half_of_the_purchases_billed_to_a_company_make_one() -> None:
    ada, company = make_customer(), make_address(company_name="Acme")
    order_of(ada, billing_address=company)
    assert type_of(ada) == "b2b"
    order_of(ada)
    assert type_of(ada) == "b2b"
    order_of(ada, billing_address=make_address(company_name="  "))
    assert type_of(ada) == "b2c"
    order_of(ada, billing_address=company, status="canceled")
    assert type_of(ada) == "b2c"

    assert told() == [("b2c", "b2b", "company_name"), ("b2b", "b2c", "nothing_said")]


def test_the_domain_of_users_and_guests() -> None:
    crm_settings(business_domains="acme.com")
    ada = make_customer("ada@mail.ACME.com")
    order_of(ada)
    order_of(email="clerk@city.gov")

    assert type_of(ada) == "b2b"
    assert type_of(None) == "b2g"


def test_an_account_that_changes_is_looked_at() -> None:
    ada = make_customer()
    sync_customer(ada.pk)
    assert type_of(ada) == "b2c"

    User.objects.filter(pk=ada.pk).update(metadata={"vat_number": "1"})
    sync_customer(ada.pk)

    assert type_of(ada) == "b2b"


@pytest.mark.parametrize(
    "of_bea", [{"email": "bea@acme.com"}, {"email": "bea@example.com", "metadata": {"vat_number": "1"}}]
)
def test_of_merged_customers_an_account_that_is_left_says_what_they_are(of_bea: dict[str, Any]) -> None:
    ada, bea = make_customer("ada@acme.com"), make_customer(**of_bea)
    for user in (ada, bea):
        sync_customer(user.pk)
    head, merged = (CustomerProfile.objects.get(user=user) for user in (ada, bea))
    merge_customers(merged.pk, head.pk, SYSTEM, PLACED)
    refresh_all_types(SETTINGS, PLACED)
    user_id = ada.pk
    delete_customer(ada)
    forget_user(user_id)

    refresh_all_types(SETTINGS, PLACED)

    head.refresh_from_db()
    assert (head.user_id, head.customer_type) == (None, "b2b")


def test_the_address_of_a_guest_who_was_merged_counts_where_there_is_no_other() -> None:
    head = CustomerProfile.objects.create()
    guest = CustomerProfile.objects.create(merged_into=head)
    ProfileIdentity.objects.create(profile=guest, kind=IdentityKind.UNVERIFIED_EMAIL, value="guy@acme.com")

    refresh_all_types(SETTINGS, PLACED)
    head.refresh_from_db()
    assert head.customer_type == "b2b"

    ProfileIdentity.objects.create(profile=head, kind=IdentityKind.UNVERIFIED_EMAIL, value="guy@example.com")
    refresh_all_types(SETTINGS, PLACED)
    head.refresh_from_db()
    assert head.customer_type == "b2c"


def test_a_sync_of_an_order_that_says_the_same_looks_at_it_too() -> None:
    ada = make_customer()
    order = order_of(ada)
    Order.objects.filter(pk=order.pk).update(metadata={"vat_number": "1"})

    sync_orders([order.pk])

    assert type_of(ada) == "b2b"


def test_what_staff_have_said_stands() -> None:
    ada = make_customer(metadata={"vat_number": "1"})
    order_of(ada)
    CustomerProfile.objects.update(customer_type="b2g", customer_type_by_hand=True)

    order_of(ada)
    refresh_all_types(SETTINGS, PLACED)

    assert type_of(ada) == "b2g"


def test_nothing_is_concluded_about_who_refuses_and_merged_profiles_are_skipped() -> None:
    refuser, erased, merged, head = (make_customer(metadata={"vat_number": "1"}) for _ in range(4))
    for user in (refuser, erased, merged, head):
        order_of(user)
    profiles = CustomerProfile.objects
    profiles.filter(user=refuser).update(profiling_allowed=False)
    profiles.filter(user=erased).update(erased_at=PLACED)
    profiles.filter(user=merged).update(merged_into=profiles.get(user=head), customer_type="b2g")

    assert refresh_all_types(SETTINGS, PLACED) == 2

    assert [type_of(user) for user in (refuser, erased, merged, head)] == ["b2c", "b2c", "b2g", "b2b"]


def test_a_new_setting_reaches_everybody_at_night_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_types, "REFRESH_BATCH_SIZE", 2)
    for number in range(5):
        order_of(make_customer(f"buyer{number}@acme.com"))

    assert refresh_all_types(SETTINGS, PLACED) == 5
    assert refresh_all_types(SETTINGS, PLACED) == 0

    assert told() == [("b2c", "b2b", "business_domain")] * 5


def test_the_backfill_says_it_once_it_has_all_orders() -> None:
    ada = make_customer()
    for company in ("Acme", "", ""):
        make_order(ada, billing_address=make_address(company_name=company))

    backfill(batch_size=1)

    assert type_of(ada) == "b2c"
    assert not told()


@pytest.mark.parametrize("customers", [1, 12])
def test_signs_of_any_number_of_customers_take_one_statement(customers: int) -> None:
    for _ in range(customers):
        order_of(make_customer())
    ids = list(CustomerProfile.objects.values_list("pk", flat=True))

    with CaptureQueriesContext(connection) as statements:
        assert len(read_signs(ids, "vat_number")) == customers

    assert len(statements) == 1


def test_a_customer_whose_type_stays_costs_one_statement() -> None:
    order_of(make_customer(metadata={"vat_number": "DE 123"}))
    ids = list(CustomerProfile.objects.values_list("pk", flat=True))

    with CaptureQueriesContext(connection) as statements:
        assert refresh_types(ids, SETTINGS, PLACED) == 0

    assert len(statements) == 1


class TestAPolicyThatNeedsConsent:
    @pytest.fixture
    def ada(self) -> User:
        """A company by its tax id, who has said nothing about profiling."""
        user = make_customer(metadata={"vat_number": "DE 123"})
        order_of(user)
        assert type_of(user) == "b2b"
        return user

    def test_takes_away_the_type_of_whom_it_shuts_out(self, ada: User) -> None:
        crm_settings(consent_required=True)
        apply_consent_policy(True)

        assert type_of(ada) == "b2c"
        assert told() == [("b2c", "b2b", "tax_id"), ("b2b", "b2c", "nothing_said")]

    def test_leaves_types_alone_without_profiles(self, ada: User) -> None:
        crm_settings(consent_required=True, profiles_enabled=False)
        apply_consent_policy(True)

        assert type_of(ada) == "b2b"

    def test_holds_before_the_night_concludes_anything(self) -> None:
        bob = make_customer()
        order_of(bob)
        # Nobody was told, neither of the tax id nor of the setting.
        User.objects.update(metadata={"vat_number": "DE 123"})
        crm_settings(consent_required=True)

        for entry in sorted(
            (PERIODIC_TASKS["crm-refresh-customer-types"], PERIODIC_TASKS["crm-apply-consent-policy"]),
            key=lambda entry: (min(entry["schedule"].hour), min(entry["schedule"].minute)),
        ):
            app.tasks[entry["task"]].apply_async(throw=True)

        assert type_of(bob) == "b2c"
        assert told() == []
