"""What another engine has learnt, from its files to what is served."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer
from saleor.product.models import Product

from saleor_crm_plugin.exceptions import ExchangeError, TrainingError
from saleor_crm_plugin.ingestion import import_training
from saleor_crm_plugin.ingestion.import_training import SaleorShop, import_now
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.recommendations import importing
from saleor_crm_plugin.recommendations.importing import import_results
from saleor_crm_plugin.recommendations.locking import TRAINING
from saleor_crm_plugin.recommendations.models import (
    ModelStatus,
    PersonalRecommendations,
    PopularProducts,
    ProductAffinity,
    ReasonKind,
    RecommendationModel,
)
from saleor_crm_plugin.recommendations.serving import Asked, RecommendationKind, Scope, serve
from saleor_crm_plugin.recommendations.versions import roll_back
from tests.devshop.factories import make_category
from tests.integration.recommendations.shop import buy, make_products, make_profile, publish
from tests.recommending import for_customer, for_products
from tests.unit.recommendations.exchange.deliveries import deliver

pytestmark = pytest.mark.django_db

CUSTOMERS, PRODUCTS = "customer_factors.parquet", "product_factors.parquet"
NEIGHBOURS, PERSONAL = "product_neighbours.parquet", "personal.parquet"
TOGETHER, SIMILAR = ProductAffinity.Kind.BOUGHT_TOGETHER, ProductAffinity.Kind.SIMILAR


@pytest.fixture(autouse=True)
def _writer() -> Iterator[None]:
    with allow_writer():
        yield


def statuses() -> list[str]:
    return list(RecommendationModel.objects.order_by("pk").values_list("status", flat=True))


def factors_of(profiles: dict[int, list[float]], products: dict[Product, list[float]]) -> dict[str, list[Any]]:
    return {
        CUSTOMERS: list(profiles.items()),
        PRODUCTS: [(product.pk, features) for product, features in products.items()],
    }


def lists_of(model: RecommendationModel) -> dict[int, list[int]]:
    return dict(PersonalRecommendations.objects.filter(model=model).values_list("profile_id", "product_ids"))


def related(model: RecommendationModel, kind: ProductAffinity.Kind) -> dict[int, list[int]]:
    rows = ProductAffinity.objects.filter(model=model, kind=kind)
    return dict(rows.values_list("product_id", "related_ids"))


def test_from_factors_to_recommendations(channel: Channel, tmp_path: Path) -> None:
    tea, sugar = make_products(2, category=make_category())
    hammer = make_products(1)[0]
    ann, bob = make_profile(), make_profile()
    buy(ann, tea, days_ago=3)
    buy(ann, tea, days_ago=2)
    buy(bob, hammer)
    # Both are used to tea and sugar by their factors, Bob also to the hammer.
    deliver(
        tmp_path,
        factors_of({ann: [1, 0], bob: [1, 3]}, {tea: [1, 0], sugar: [0.8, 0.1], hammer: [0, 1]}),
        engine="Spark ALS, rank 2",
        export="abc",
    )

    model = import_now(tmp_path)

    assert (model.status, model.training_data["engine"]) == (ModelStatus.PUBLISHED, "Spark ALS, rank 2")
    assert (model.training_data["export"], model.training_data["customers"]) == ("abc", 2)
    assert [(one.product_id, one.reason.text) for one in for_customer(ann, channel.pk, 3)] == [
        (tea.pk, "You have bought this 2 times"),
        (sugar.pk, f"Because you bought {tea.name}"),
        (hammer.pk, f"Because you bought {tea.name}"),
    ]
    assert for_customer(ann, channel.pk, 3)[1].reason.product_ids == (tea.pk,)
    assert for_customer(bob, channel.pk, 1, RecommendationKind.BUY_AGAIN)[0].product_id == hammer.pk
    assert [one.product_id for one in for_customer(bob, channel.pk, 2, RecommendationKind.DISCOVER)] == [
        sugar.pk,
        tea.pk,
    ]
    assert related(model, SIMILAR) == {tea.pk: [sugar.pk], sugar.pk: [tea.pk]}
    assert PopularProducts.objects.get(model=model, kind="bestsellers", category_id=0).product_ids == [
        tea.pk,
        hammer.pk,
    ]


def test_from_lists_to_recommendations(channel: Channel, tmp_path: Path) -> None:
    tea, sugar, hammer = make_products(3)
    ann = make_profile()
    buy(ann, tea)
    deliver(
        tmp_path,
        {
            PERSONAL: [(ann, hammer.pk, 0.5, 2), (ann, tea.pk, 0.4, 1)],
            NEIGHBOURS: [(tea.pk, hammer.pk, 0.2, 0.1), (tea.pk, sugar.pk, 0.9, 0.34)],
        },
    )

    import_now(tmp_path)

    served = for_customer(ann, channel.pk, 2)
    assert [(one.product_id, one.reason.text, one.reason.product_ids) for one in served] == [
        (tea.pk, "You have bought this before", (tea.pk,)),
        (hammer.pk, "Goes well with what you bought", ()),
    ]
    together = for_products([tea.pk], RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER, channel.pk, 2)[tea.pk]
    assert [(one.product_id, one.reason.text) for one in together] == [
        (sugar.pk, f"Bought together in 34 % of baskets with {tea.name}"),
        (hammer.pk, f"Bought together in 10 % of baskets with {tea.name}"),
    ]


def test_what_is_not_brought_is_taken_over_from_the_version_in_use(channel: Channel, tmp_path: Path) -> None:
    tea, sugar = make_products(2)
    ann, bob, cid = make_profile(), make_profile(), make_profile()
    publish(again={ann: [tea], bob: [sugar], cid: [tea]}, together={tea: [sugar]}, similar={sugar: [tea]})
    CustomerProfile.objects.filter(pk=cid).update(recommendations_allowed=False)
    deliver(tmp_path / "neighbours", {NEIGHBOURS: [(sugar.pk, tea.pk, 0.5, 0.5)]})

    model = import_now(tmp_path / "neighbours")

    assert related(model, TOGETHER) == {sugar.pk: [tea.pk]}, "brought"
    assert related(model, SIMILAR) == {sugar.pk: [tea.pk]}, "taken over"
    assert lists_of(model) == {ann: [tea.pk], bob: [sugar.pk]}, "taken over, but not of those who refuse"
    deliver(tmp_path / "lists", {PERSONAL: [(ann, sugar.pk, 0.5, 1)]})
    model = import_now(tmp_path / "lists")
    assert lists_of(model) == {ann: [sugar.pk]}
    assert related(model, TOGETHER) == {sugar.pk: [tea.pk]}


def test_lists_are_taken_over_in_batches(channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saleor_crm_plugin.recommendations.storage.BATCH_SIZE", 2)
    tea, sugar = make_products(2)
    profiles = [make_profile() for _ in range(5)]
    publish(again={profile: [tea] for profile in profiles})
    deliver(tmp_path, {NEIGHBOURS: [(sugar.pk, tea.pk, 0.5, 0.5)]})

    assert lists_of(import_now(tmp_path)).keys() == set(profiles)


def test_lists_that_are_taken_over_keep_their_dates(channel: Channel, tmp_path: Path) -> None:
    tea, sugar = make_products(2)
    ann = make_profile()
    trained, exported = (timezone.now() - timedelta(days=days) for days in (10, 2))
    publish(again={ann: [tea, sugar]}, due={tea: (12.0, 30.0)}, data_until=trained)
    buy(ann, sugar, days_ago=5)
    deliver(tmp_path / "neighbours", {NEIGHBOURS: [(sugar.pk, tea.pk, 0.5, 0.5)]}, learnt_until=exported.isoformat())
    deliver(tmp_path / "lists", {PERSONAL: [(ann, sugar.pk, 0.5, 1)]}, learnt_until=exported.isoformat())
    before = for_customer(ann, channel.pk, 2)

    model = import_now(tmp_path / "neighbours")

    assert model.data_until == trained
    assert for_customer(ann, channel.pk, 2) == before
    assert before[0].reason.expected_at == trained + timedelta(days=12)
    assert [one.product_id for one in before] == [tea.pk, sugar.pk], "sugar was bought since"
    assert import_now(tmp_path / "lists").data_until == exported


def beside(basket: Product, profile: int, channel: Channel) -> list[tuple[int, float]]:
    """What is offered beside a cart, with its scores."""
    served = serve([Asked(profile, (basket.pk,))], Scope(channel.pk, RecommendationKind.FOR_YOU, first=4))[0]
    return [(one.product_id, round(one.score, 4)) for one in served]


def test_lists_that_are_taken_over_weigh_beside_a_cart_what_they_did(channel: Channel, tmp_path: Path) -> None:
    tea, cup, milk = make_products(3)
    ann = make_profile()
    publish(again={ann: [milk]}, amounts={milk: 5.0}, together={tea: [cup]})
    RecommendationModel.objects.update(parameters={"basket_own": 0.1})
    deliver(tmp_path / "neighbours", {NEIGHBOURS: [(tea.pk, cup.pk, 1.0, 0.5)]})
    deliver(tmp_path / "lists", {PERSONAL: [(ann, milk.pk, 0.5, 1)]})
    before = beside(tea, ann, channel)

    import_now(tmp_path / "neighbours")

    assert before == beside(tea, ann, channel) == [(cup.pk, 1), (milk.pk, 0.5)]
    assert "basket_own" not in import_now(tmp_path / "lists").parameters, "it was learnt for other lists"


@pytest.mark.parametrize("size", [1, 9_000])
def test_scores_of_any_size_weigh_the_same_beside_a_cart(channel: Channel, tmp_path: Path, size: float) -> None:
    tea, cup, milk, sugar, jug = make_products(5)
    ann = make_profile()
    buy(ann, milk, sugar)
    publish(together={tea: [cup]})
    ranked = [(milk, 0.9), (jug, 0.6), (sugar, 0.45)]
    deliver(tmp_path, {PERSONAL: [(ann, one.pk, score * size, rank) for rank, (one, score) in enumerate(ranked, 1)]})

    import_now(tmp_path)

    assert beside(tea, ann, channel) == [(cup.pk, 1), (milk.pk, 1), (sugar.pk, 0.5), (jug.pk, 0.0067)]


def test_all_that_is_taken_over_is_of_one_version(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saleor_crm_plugin.recommendations.storage.BATCH_SIZE", 2)
    tea, sugar = make_products(2)
    profiles = [make_profile() for _ in range(5)]
    publish(again={profile: [sugar] for profile in profiles})
    publish(again={profile: [tea] for profile in profiles})
    deliver(tmp_path, {NEIGHBOURS: [(sugar.pk, tea.pk, 0.5, 0.5)]})

    def go_back(stage: str, done: int, total: int | None) -> None:
        if stage == "customers" and done == 2:
            roll_back(timezone.now(), "default")

    model = import_now(tmp_path, progress=go_back)

    assert lists_of(model) == {profile: [tea.pk] for profile in profiles}


@pytest.mark.parametrize("how", ["factors", "lists"])
def test_who_refuses_gets_no_list(channel: Channel, tmp_path: Path, how: str) -> None:
    (tea,) = make_products(1)
    people = willing, unwilling, unprofiled, erased, late = [make_profile() for _ in range(5)]
    CustomerProfile.objects.filter(pk=unwilling).update(recommendations_allowed=False)
    CustomerProfile.objects.filter(pk=unprofiled).update(profiling_allowed=False)
    CustomerProfile.objects.filter(pk=erased).update(erased_at=timezone.now())
    if how == "factors":
        deliver(tmp_path, factors_of({profile: [1.0] for profile in people}, {tea: [1.0]}))
    else:
        deliver(tmp_path, {PERSONAL: [(profile, tea.pk, 1.0, 1) for profile in people]})

    def refuse(stage: str, done: int, total: int | None) -> None:
        if stage == "customers" and done == 0:
            CustomerProfile.objects.filter(pk=late).update(recommendations_allowed=False)

    model = import_now(tmp_path, progress=refuse)

    assert lists_of(model).keys() == {willing}


def test_customers_who_were_separated_since_the_export_get_no_list(channel: Channel, tmp_path: Path) -> None:
    (tea,) = make_products(1)
    ann, ben, cid, dora = (make_profile() for _ in range(4))
    moment = timezone.now()
    for target, source, days_ago in ((ann, ben, 1), (cid, dora, 3)):
        merged_at, undone_at = moment - timedelta(days=9), moment - timedelta(days=days_ago)
        ProfileMerge.objects.create(source_id=source, target_id=target, merged_at=merged_at, undone_at=undone_at)
    deliver(
        tmp_path,
        {PERSONAL: [(profile, tea.pk, 1.0, 1) for profile in (ann, ben, cid, dora)]},
        learnt_until=(moment - timedelta(days=2)).isoformat(),
    )

    assert lists_of(import_now(tmp_path)).keys() == {cid, dora}


def test_who_is_gone_by_now_is_left_out(channel: Channel, tmp_path: Path) -> None:
    products = make_products(12)
    profiles = [make_profile() for _ in range(12)]
    deliver(tmp_path, factors_of({one: [1.0] for one in profiles}, {one: [1.0] for one in products}))
    CustomerProfile.objects.filter(pk=profiles[0]).delete()
    gone = products[0].pk
    Product.objects.filter(pk=gone).delete()

    lists = lists_of(import_now(tmp_path))

    assert lists.keys() == set(profiles[1:])
    assert gone not in {product for one in lists.values() for product in one}


def test_what_is_refused_leaves_nothing(channel: Channel, tmp_path: Path) -> None:
    (tea,) = make_products(1)
    ann = make_profile()
    published = publish(again={ann: [tea]})
    deliver(tmp_path, factors_of({ann: [float("nan")]}, {tea: [1.0]}))

    with pytest.raises(
        CommandError, match=r"customer_factors.parquet, row group 0, row 0, column features: nan is not"
    ):
        call_command("crm_train", "--import", str(tmp_path))
    assert statuses() == ["published"], "not even a record"
    assert set(PersonalRecommendations.objects.values_list("model_id", flat=True)) == {published.pk}


def test_directories_that_are_none(channel: Channel, tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match="no such directory"):
        import_now(tmp_path / "missing")
    with pytest.raises(ExchangeError, match=r"There is no manifest.json"):
        import_now(tmp_path)
    (tea,) = make_products(1)
    ann = make_profile()
    both = factors_of({ann: [1.0]}, {tea: [1.0]})
    deliver(tmp_path, {**both, PERSONAL: [(ann, tea.pk, 1.0, 1)]})
    with pytest.raises(ExchangeError, match="both say what customers get"):
        import_now(tmp_path)


def test_an_export_is_no_import(channel: Channel, tmp_path: Path) -> None:
    (tea,) = make_products(1)
    buy(make_profile(), tea)
    call_command("crm_train", "--export", str(tmp_path), stdout=StringIO())

    with pytest.raises(CommandError, match="`format` must be 'saleor-crm-plugin/recommendations', not"):
        call_command("crm_train", "--import", str(tmp_path))


def test_a_failure_half_way_leaves_what_is_published_and_no_rows(
    channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tea, sugar = make_products(2)
    ann = make_profile()
    published = publish(again={ann: [tea]})
    deliver(tmp_path, factors_of({ann: [1.0]}, {sugar: [1.0]}))

    def fail(stage: str, done: int, total: int | None) -> None:
        if stage == "customers" and done:
            raise MemoryError("customer@example.com")

    with pytest.raises(MemoryError):
        import_now(tmp_path, progress=fail)

    assert statuses() == ["published", "failed"]
    assert RecommendationModel.objects.latest("pk").message == "Failed: MemoryError."
    for table in (PopularProducts, ProductAffinity, PersonalRecommendations):
        assert set(table.objects.values_list("model_id", flat=True)) <= {published.pk}
    assert for_customer(ann, channel.pk, 1)[0].product_id == tea.pk


def test_the_gate_decides(channel: Channel, tmp_path: Path) -> None:
    tea, sugar = make_products(2)
    ann = make_profile()
    publish(again={ann: [tea]})
    deliver(tmp_path, factors_of({ann: [1.0]}, {sugar: [1.0]}))
    now = timezone.now()
    seen: list[dict[int, list[int]]] = []

    def gate(model: RecommendationModel, finished_at: Any) -> None:
        seen.append(lists_of(model))
        raise TrainingError("It is worse than the model in use.")

    with pytest.raises(TrainingError, match="worse"):
        import_results(tmp_path, SaleorShop(), since=now - timedelta(days=9), now=timezone.now(), publish=gate)

    assert seen == [{ann: [sugar.pk]}], "all rows are there for it to judge"
    assert statuses() == ["published", "failed"]
    assert RecommendationModel.objects.latest("pk").message == "It is worse than the model in use."
    assert for_customer(ann, channel.pk, 1)[0].product_id == tea.pk


def test_readers_see_the_old_model_until_the_new_one_is_whole(channel: Channel, tmp_path: Path) -> None:
    tea, sugar = make_products(2)
    ann = make_profile()
    publish(again={ann: [tea]})
    deliver(tmp_path, factors_of({ann: [1.0]}, {sugar: [2.0], tea: [1.0]}))
    seen: list[int] = []

    import_now(tmp_path, progress=lambda *_: seen.append(for_customer(ann, channel.pk, 1)[0].product_id))

    assert len(seen) > 3
    assert set(seen) == {tea.pk}
    assert for_customer(ann, channel.pk, 1)[0].product_id == sugar.pk


def test_not_while_a_training_runs(channel: Channel, tmp_path: Path) -> None:
    (tea,) = make_products(1)
    deliver(tmp_path, factors_of({make_profile(): [1.0]}, {tea: [1.0]}))
    elsewhere = connection.copy()
    try:
        with elsewhere.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [TRAINING])
        with pytest.raises(TrainingError, match="Another training is running"):
            import_now(tmp_path)
    finally:
        elsewhere.close()
    assert statuses() == []


def test_switched_off_in_the_settings(channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from saleor_crm_plugin.config import CRMSettings

    class Settings:
        crm = CRMSettings(recommendations_enabled=False)

    monkeypatch.setattr(import_training, "load_settings", Settings)
    with pytest.raises(TrainingError, match="switched off"):
        import_now(tmp_path)


def test_purchases_are_read_in_batches(channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "CUSTOMER_BATCH", 2)
    (tea,) = make_products(1)
    profiles = [make_profile() for _ in range(5)]
    for profile in profiles:
        buy(profile, tea)
    deliver(tmp_path / "factors", factors_of({one: [1.0] for one in profiles}, {tea: [1.0]}))
    deliver(tmp_path / "lists", {PERSONAL: [(one, tea.pk, 1.0, 1) for one in profiles]})

    for name in ("factors", "lists"):
        model = import_now(tmp_path / name)
        kinds = PersonalRecommendations.objects.filter(model=model).values_list("reason_kinds", flat=True)
        assert list(kinds) == [[ReasonKind.BOUGHT_BEFORE]] * 5


def test_the_command_says_what_it_did(channel: Channel, tmp_path: Path) -> None:
    (tea,) = make_products(1)
    deliver(tmp_path, factors_of({make_profile(): [1.0]}, {tea: [1.0]}))
    out = StringIO()

    call_command("crm_train", "--import", str(tmp_path), stdout=out)

    model = RecommendationModel.objects.get()
    assert f"Model {model.pk} is published: a test: 1 customers, 1 products, in " in out.getvalue()
