from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer
from saleor.order.models import OrderLine
from saleor.product.models import Product

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import TrainingError
from saleor_crm_plugin.ingestion.merging import merge_customers, separate_customers
from saleor_crm_plugin.ingestion.purchases import SaleorPurchases
from saleor_crm_plugin.ingestion.train import train_now
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.recommendations import storage
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.locking import TRAINING
from saleor_crm_plugin.recommendations.models import (
    ModelStatus,
    PersonalRecommendations,
    PopularProducts,
    ProductAffinity,
    RecommendationModel,
)
from saleor_crm_plugin.recommendations.progress import Progress, no_progress
from saleor_crm_plugin.recommendations.serving import RecommendationKind
from saleor_crm_plugin.recommendations.training import train
from saleor_crm_plugin.recommendations.versions import roll_back
from tests.devshop.factories import make_category, make_channel
from tests.integration.recommendations.shop import buy, make_products, make_profile, publish
from tests.recommending import for_customer, for_products

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _writer() -> Iterator[None]:
    with allow_writer():
        yield


def learn(progress: Progress = no_progress, *, days: float = 365, now: datetime | None = None) -> RecommendationModel:
    moment = now or timezone.now()
    return train(
        SaleorPurchases(),
        since=moment - timedelta(days=days),
        now=moment,
        parameters=Parameters(minimum_support=2),
        progress=progress,
    )


def read(days: float = 365) -> PurchaseHistory:
    now = timezone.now()
    return SaleorPurchases().read(now - timedelta(days=days), now)


def statuses() -> list[tuple[int, str]]:
    return list(RecommendationModel.objects.order_by("pk").values_list("pk", "status"))


def test_from_orders_to_recommendations(channel: Channel) -> None:
    tea, sugar, hammer = make_products(3)
    ann, bob, cid = make_profile(), make_profile(), make_profile()
    buy(ann, tea, sugar)
    buy(ann, tea)
    buy(bob, tea, sugar)
    buy(cid, tea, hammer)

    model = learn()

    assert model.status == ModelStatus.PUBLISHED
    assert model.finished_at is not None
    assert model.training_data | {"since": ""} == {"orders": 4, "lines": 7, "customers": 3, "products": 3, "since": ""}
    assert model.parameters["minimum_support"] == 2
    served = for_customer(cid, channel.pk, 3)
    assert [(one.product_id, one.reason.text) for one in served] == [
        (tea.pk, "You have bought this before"),
        (hammer.pk, "You have bought this before"),
        (sugar.pk, f"Because you bought {tea.name}"),
    ]
    together = for_products([sugar.pk], RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER, channel.pk, 1)
    assert together[sugar.pk][0].reason.text == f"Bought together in 100 % of baskets with {sugar.name}"
    assert PopularProducts.objects.get(model=model).product_ids[0] == tea.pk


def test_what_is_read(channel: Channel) -> None:
    category = make_category()
    kiosk = make_channel("kiosk")
    tea, sugar = make_products(2, category=category, channel=[channel, kiosk])
    profile = make_profile()
    buy(profile, tea, sugar, days_ago=10)
    buy(profile, tea, days_ago=20, channel=kiosk)

    history = read()

    assert history.customer_ids.tolist() == [profile]
    assert history.product_ids.tolist() == [tea.pk, sugar.pk]
    assert history.products.tolist() == [0, 0, 1]
    assert [round(float(age), 3) for age in history.ages] == [20, 10, 10]
    assert history.channel_ids[history.channels].tolist() == [kiosk.pk, channel.pk, channel.pk]
    assert history.categories.tolist() == [category.pk] * 2
    assert history.baskets_count == 2


def test_what_is_not_a_purchase(channel: Channel) -> None:
    tea, gone = make_products(2)
    profile = make_profile()
    buy(profile, tea, counts=False)
    buy(profile, tea, days_ago=400)
    buy(profile, tea, days_ago=-1)
    free = buy(profile, tea)
    OrderLine.objects.filter(order=free).update(is_gift=True)
    returned = buy(profile, tea)
    OrderLine.objects.filter(order=returned).update(quantity=0)
    buy(profile, gone)
    Product.objects.filter(pk=gone.pk).delete()
    assert OrderLine.objects.filter(variant=None).exists()

    assert len(read()) == 0


def test_orders_in_several_chunks(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saleor_crm_plugin.ingestion.binary_copy.CHUNK_BYTES", 100)
    products = make_products(7)
    profiles = [make_profile() for _ in range(5)]
    for number, profile in enumerate(profiles):
        buy(profile, *products[number:], days_ago=number + 1)
    told: list[int] = []

    now = timezone.now()
    history = SaleorPurchases().read(now - timedelta(days=9), now, lambda stage, done, total: told.append(done))

    assert len(history) == 7 + 6 + 5 + 4 + 3
    assert told[-1] == 25
    assert len(told) > 3
    assert history.customer_ids.tolist() == profiles


def test_nothing_to_learn_from_leaves_what_is_published(channel: Channel) -> None:
    (tea,) = make_products(1)
    buy(make_profile(), tea, days_ago=30)
    published = learn()

    with pytest.raises(TrainingError, match="crm_backfill"):
        learn(days=7)

    failed = RecommendationModel.objects.latest("pk")
    assert statuses() == [(published.pk, "published"), (failed.pk, "failed")]
    assert "no purchases since" in failed.message
    assert for_customer(None, channel.pk, 1)[0].product_id == tea.pk


def test_a_failure_half_way_leaves_what_is_published_and_no_rows(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tea,) = make_products(1)
    profile = make_profile()
    buy(profile, tea)
    published = learn()

    def fail(stage: str, done: int, total: int | None) -> None:
        if stage == "customers" and done:
            raise MemoryError("customer@example.com")

    with pytest.raises(MemoryError):
        learn(fail)

    failed = RecommendationModel.objects.latest("pk")
    assert statuses() == [(published.pk, "published"), (failed.pk, "failed")]
    assert failed.message == "Failed: MemoryError.", "and nothing that might be personal"
    for table in (PopularProducts, ProductAffinity, PersonalRecommendations):
        assert set(table.objects.values_list("model_id", flat=True)) <= {published.pk}
    learn()


def test_readers_see_the_old_model_until_the_new_one_is_whole(channel: Channel) -> None:
    tea, sugar = make_products(2)
    profile = make_profile()
    buy(profile, tea, days_ago=2)
    learn()
    buy(profile, sugar, days_ago=1)
    buy(profile, sugar, days_ago=1)
    seen: list[int] = []

    learn(lambda stage, done, total: seen.append(for_customer(profile, channel.pk, 1)[0].product_id))

    assert set(seen) == {tea.pk}
    assert for_customer(profile, channel.pk, 1)[0].product_id == sugar.pk


def test_two_at_once_are_impossible(channel: Channel) -> None:
    (tea,) = make_products(1)
    buy(make_profile(), tea)
    elsewhere = connection.copy()
    try:
        with elsewhere.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [TRAINING])
        with pytest.raises(TrainingError, match="Another training is running"):
            learn()
        assert statuses() == [], "it has not touched what the other one writes"
        with elsewhere.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        elsewhere.close()
    assert learn().status == ModelStatus.PUBLISHED


def test_what_a_killed_training_left_is_cleared_away(channel: Channel) -> None:
    (tea,) = make_products(1)
    profile = make_profile()
    buy(profile, tea)
    killed = RecommendationModel.objects.create(status=ModelStatus.TRAINING, started_at=timezone.now())
    PopularProducts.objects.create(model=killed, channel_id=channel.pk, product_ids=[1], scores=[1.0])

    model = learn()

    assert statuses() == [(killed.pk, "failed"), (model.pk, "published")]
    assert not PopularProducts.objects.filter(model=killed).exists()


def test_only_the_last_versions_are_kept(channel: Channel) -> None:
    (tea,) = make_products(1)
    buy(make_profile(), tea)

    models = [learn() for _ in range(5)]

    kept = [model.pk for model in models[-3:]]
    assert statuses() == [(kept[0], "retired"), (kept[1], "retired"), (kept[2], "published")]
    assert set(PersonalRecommendations.objects.values_list("model_id", flat=True)) == set(kept)


def test_the_version_that_was_gone_back_to_is_kept_when_the_next_one_is_published(channel: Channel) -> None:
    (tea,) = make_products(1)
    buy(make_profile(), tea)
    good, bad, worse = (learn() for _ in range(3))
    for _ in range(2):
        roll_back(timezone.now(), "default")

    newest = learn()

    assert statuses() == [(good.pk, "retired"), (bad.pk, "retired"), (newest.pk, "published")], f"without {worse.pk}"
    assert roll_back(timezone.now(), "default") == good
    assert PersonalRecommendations.objects.filter(model=good).exists()


def test_a_customer_who_vanishes_meanwhile_is_left_out(channel: Channel) -> None:
    (tea,) = make_products(1)
    stays, goes = make_profile(), make_profile()
    buy(stays, tea)
    buy(goes, tea)

    def vanish(stage: str, done: int, total: int | None) -> None:
        if stage == "customers":
            CustomerProfile.objects.filter(pk=goes).delete()

    model = learn(vanish)

    assert list(PersonalRecommendations.objects.filter(model=model).values_list("profile_id", flat=True)) == [stays]


def test_a_product_that_vanishes_meanwhile_is_not_served(channel: Channel) -> None:
    tea, sugar = make_products(2)
    profile = make_profile()
    buy(profile, tea, sugar)

    learn(lambda stage, done, total: Product.objects.filter(pk=sugar.pk).delete())

    assert [one.product_id for one in for_customer(profile, channel.pk, 10)] == [tea.pk]


def test_a_deleted_customer_has_no_list(channel: Channel) -> None:
    (tea,) = make_products(1)
    profile = make_profile()
    buy(profile, tea)
    learn()

    CustomerProfile.objects.get(pk=profile).delete()

    assert not PersonalRecommendations.objects.filter(profile_id=profile).exists()


def test_rows_go_in_batches(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "BATCH_SIZE", 2)
    (tea,) = make_products(1)
    for _ in range(5):
        buy(make_profile(), tea)
    told: list[tuple[str, int, int | None]] = []

    learn(lambda *what: told.append(what))

    assert [entry for entry in told if entry[0] == "customers"] == [
        ("customers", 0, 5),
        ("customers", 2, 5),
        ("customers", 4, 5),
        ("customers", 5, 5),
    ]


def test_purchases_of_long_ago_are_learnt_too(channel: Channel) -> None:
    now = timezone.now()
    old, ancient, tea = make_products(3)
    profile = make_profile()
    for product, days in ((old, 4_400), (ancient, 5_800), (tea, 1)):
        buy(profile, product, days_ago=days)

    # The values that tuning chooses where habits change fast. Half of half of half ...: smaller than a `real` can be.
    chosen = Parameters(own_half_life_days=30, own_power=1)
    model = train(SaleorPurchases(), since=now - timedelta(days=6_000), now=now, parameters=chosen)

    (stored,) = PersonalRecommendations.objects.filter(model=model)
    amounts = dict(zip(stored.product_ids, stored.amounts, strict=True))
    assert amounts[tea.pk] > amounts[old.pk] > amounts[ancient.pk] == 0


def test_who_refuses_has_no_list_but_counts_for_products(channel: Channel) -> None:
    now = timezone.now()
    tea, cup = make_products(2)
    willing, unwilling, unprofiled, erased = people = [make_profile() for _ in range(4)]
    for profile_id in people:
        buy(profile_id, tea, cup)
        buy(profile_id, tea, days_ago=9)
    CustomerProfile.objects.filter(pk=unwilling).update(recommendations_allowed=False)
    CustomerProfile.objects.filter(pk=unprofiled).update(profiling_allowed=False)
    CustomerProfile.objects.filter(pk=erased).update(erased_at=now)
    train_now(now)
    assert list(PersonalRecommendations.objects.values_list("profile_id", flat=True)) == [willing]
    assert ProductAffinity.objects.filter(kind=ProductAffinity.Kind.BOUGHT_TOGETHER, product_id=tea.pk).exists()
    CustomerProfile.objects.filter(pk=unwilling).update(recommendations_allowed=True)
    train_now(now)
    lists = PersonalRecommendations.objects.filter(model__status=ModelStatus.PUBLISHED)
    assert set(lists.values_list("profile_id", flat=True)) == {willing, unwilling}


def test_a_refusal_during_the_training_holds(channel: Channel) -> None:
    tea, cup = make_products(2)
    willing, unwilling = make_profile(), make_profile()
    for profile_id in (willing, unwilling):
        buy(profile_id, tea, cup)

    def refuse(stage: str, done: int, total: int | None) -> None:
        if stage == "customers" and done == 0:
            CustomerProfile.objects.filter(pk=unwilling).update(recommendations_allowed=False)

    learn(refuse)
    assert list(PersonalRecommendations.objects.values_list("profile_id", flat=True)) == [willing]


def test_customers_who_are_separated_during_the_training_get_no_list_of_what_both_bought(channel: Channel) -> None:
    tea, cup = make_products(2)
    ann, ben, cid = (make_profile() for _ in range(3))
    for profile_id in (ann, ben, cid):
        buy(profile_id, tea, cup)
    merge_customers(ben, ann, SYSTEM, timezone.now())
    merge = ProfileMerge.objects.get()

    def separate(stage: str, done: int, total: int | None) -> None:
        if stage == "customers" and done == 0:
            separate_customers(merge.pk, SYSTEM, timezone.now())

    model = learn(separate)
    assert list(model.personal.values_list("profile_id", flat=True)) == [cid]

    # The next one learns from what each has bought.
    assert set(learn().personal.values_list("profile_id", flat=True)) == {ann, ben, cid}


def test_lists_of_those_who_were_merged_into_a_customer_are_forgotten_with_theirs(channel: Channel) -> None:
    (tea,) = make_products(1)
    ann, ben, cid = (make_profile() for _ in range(3))
    # From before the merge; a version that is kept may be gone back to, and the merge undone.
    publish(again={ann: [tea], ben: [tea], cid: [tea]})
    CustomerProfile.objects.filter(pk=ben).update(merged_into=ann)

    storage.forget_personal([ann], "default")

    assert list(PersonalRecommendations.objects.values_list("profile_id", flat=True)) == [cid]
