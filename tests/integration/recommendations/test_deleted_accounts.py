"""What was recommended to somebody goes with the account, and is not learnt again."""

from __future__ import annotations

import pytest
from django.utils import timezone

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.import_training import import_now
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.sync import sync_customer
from saleor_crm_plugin.ingestion.train import train_now
from saleor_crm_plugin.profiles.consents.queries import not_to_be_recommended_to
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity
from saleor_crm_plugin.recommendations.models import PersonalRecommendations
from tests.devshop.factories import delete_customer, make_customer
from tests.integration.recommendations.shop import buy, make_products, publish
from tests.unit.recommendations.exchange.deliveries import deliver

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    user = make_customer("ann@example.com")
    profile = CustomerProfile.objects.create(user=user)
    (tea,) = make_products(1)
    # An older version is kept as well.
    publish(again={profile.pk: [tea]})
    publish(again={profile.pk: [tea]})
    return user, profile


def lists_of(profile: CustomerProfile) -> int:
    return PersonalRecommendations.objects.filter(profile=profile).count()


def test_lists_of_every_version_go_with_the_account(ann):
    user, profile = ann
    assert lists_of(profile) > 0
    assert not_to_be_recommended_to("default") == []
    user_id = user.pk
    delete_customer(user)
    sync_customer(user_id)
    assert lists_of(profile) == 0
    assert not_to_be_recommended_to("default") == [profile.pk]


def test_an_account_that_was_deleted_unnoticed(ann):
    user, profile = ann
    delete_customer(user)
    reconcile(full=True)
    assert lists_of(profile) == 0


@pytest.mark.parametrize("learn", [train_now, import_now], ids=["training", "import"])
def test_an_account_that_is_deleted_while_lists_are_made(ann, tmp_path, learn):
    user, profile = ann
    ben = CustomerProfile.objects.create(user=make_customer("ben@example.com"))
    (tea,) = make_products(1)
    for buyer in (profile, ben):
        buy(buyer.pk, tea)
    directory = [deliver(tmp_path, {"personal.parquet": [(one.pk, tea.pk, 1.0, 1) for one in (profile, ben)]})]

    def delete(stage, done, total):
        if stage == "customers" and done == 0:
            user_id = user.pk
            delete_customer(user)
            sync_customer(user_id)

    model = learn(*(directory if learn is import_now else ()), progress=delete)
    assert list(model.personal.values_list("profile_id", flat=True)) == [ben.pk]
    assert lists_of(profile) == 0


def test_those_who_were_merged_into_the_profile_keep_its_lists(ann):
    user, profile = ann
    other = make_customer("ben@example.com")
    merge_customers(CustomerProfile.objects.create(user=other).pk, profile.pk, SYSTEM, timezone.now())
    user_id, other_id = user.pk, other.pk
    before = lists_of(profile)
    delete_customer(user)
    sync_customer(user_id)
    assert lists_of(profile) == before > 0
    assert profile.pk not in not_to_be_recommended_to("default")
    delete_customer(other)
    sync_customer(other_id)
    assert lists_of(profile) == 0
    assert profile.pk in not_to_be_recommended_to("default")


def test_a_guest_may_come_back_to_the_address():
    guest = CustomerProfile.objects.create()
    ProfileIdentity.objects.create(profile=guest, kind=IdentityKind.UNVERIFIED_EMAIL, value="guy@example.com")
    assert not_to_be_recommended_to("default") == []
