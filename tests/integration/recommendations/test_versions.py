"""Going back to an earlier version, also while others train, publish and clear away."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer
from saleor.product.models import Product

from saleor_crm_plugin.exceptions import RecommendationInputError
from saleor_crm_plugin.recommendations import storage
from saleor_crm_plugin.recommendations.locking import SERVED, TRAINING, is_training
from saleor_crm_plugin.recommendations.models import ModelStatus, PopularProducts, RecommendationModel
from saleor_crm_plugin.recommendations.versions import kept_versions, roll_back
from tests.integration.recommendations.shop import make_products, publish
from tests.recommending import for_customer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _writer() -> Iterator[None]:
    with allow_writer():
        yield


def statuses() -> dict[int, str]:
    return dict(RecommendationModel.objects.values_list("pk", "status"))


def versions_of(channel: Channel, products: list[Product]) -> list[int]:
    """A version for each product, of which it is the bestseller; the last one is served."""
    return [publish(popular={channel: [product]}).pk for product in products]


def back(model_id: int | None = None) -> int:
    return roll_back(timezone.now(), "default", model_id).pk


def refusal(model_id: int | None = None) -> tuple[str, str]:
    before = statuses()
    with pytest.raises(RecommendationInputError) as caught:
        back(model_id)
    assert statuses() == before
    return caught.value.code, str(caught.value)


def test_the_version_before_is_served_again(channel: Channel) -> None:
    tea, sugar = make_products(2)
    first, second = versions_of(channel, [tea, sugar])
    assert for_customer(None, channel.pk, 1)[0].product_id == sugar.pk

    assert back() == first

    assert for_customer(None, channel.pk, 1)[0].product_id == tea.pk
    assert statuses() == {first: "published", second: "retired"}


def test_going_back_twice_goes_back_two_versions(channel: Channel) -> None:
    first, second, third = versions_of(channel, make_products(3))

    assert (back(), back()) == (second, first)
    assert refusal() == (
        "NOT_FOUND",
        f"There is no earlier model to go back to. Retired and kept: {third}, {second}.",
    )


def test_a_version_that_somebody_went_back_from_is_passed_over_later(channel: Channel) -> None:
    good, bad = versions_of(channel, make_products(2))
    assert back() == good
    newer = publish(popular={channel: make_products(1)}).pk

    assert back() == good, "and not the bad one, which is the newest before"
    assert statuses() == {good: "published", bad: "retired", newer: "retired"}


def test_by_its_id_any_retired_version_can_be_served(channel: Channel) -> None:
    first, second, third = versions_of(channel, make_products(3))
    back()

    assert back(third) == third, "forward again"
    assert statuses() == {first: "retired", second: "retired", third: "published"}
    assert back() == second, "and going forward was no verdict on the second"
    assert back(first) == first


def test_the_one_in_use_stays_so(channel: Channel) -> None:
    first, second = versions_of(channel, make_products(2))

    assert back(second) == second
    assert back() == first, "and it does not count as withdrawn"


def test_without_a_version_in_use_the_newest_is_taken(channel: Channel) -> None:
    _, second = versions_of(channel, make_products(2))
    RecommendationModel.objects.update(status=ModelStatus.RETIRED)

    assert back() == second


def test_what_there_is_not_cannot_be_served(channel: Channel) -> None:
    assert refusal() == ("NOT_FOUND", "There is no earlier model to go back to. No retired model is kept.")
    first, _ = versions_of(channel, make_products(2))

    for unknown in (0, -1, 2**31, 2**70):
        assert refusal(unknown) == ("NOT_FOUND", f"There is no model {unknown}. Retired and kept: {first}.")


def test_what_is_not_whole_cannot_be_served(channel: Channel) -> None:
    versions_of(channel, make_products(1))
    training, failed = (
        RecommendationModel.objects.create(status=status, started_at=timezone.now(), message=message)
        for status, message in ((ModelStatus.TRAINING, ""), (ModelStatus.FAILED, "Failed: MemoryError."))
    )

    assert refusal(training.pk)[0] == "NOT_KEPT"
    code, message = refusal(failed.pk)
    assert code == "NOT_KEPT"
    assert "Failed: MemoryError." in message


def test_what_has_no_rows_any_more_cannot_be_served(channel: Channel) -> None:
    first, _ = versions_of(channel, make_products(2))
    PopularProducts.objects.filter(model=first).delete()

    assert refusal() == (
        "NOT_KEPT",
        f"The rows of model {first} are deleted: nothing can be served from it. Retired and kept: {first}.",
    )


def test_the_versions_newest_first(channel: Channel) -> None:
    versions = versions_of(channel, make_products(3))

    assert [version.pk for version in kept_versions("default")] == versions[::-1]


def test_only_a_retired_version_can_be_withdrawn(channel: Channel) -> None:
    (only,) = versions_of(channel, make_products(1))

    with pytest.raises(IntegrityError, match="crm_model_withdrawn_is_retired"), transaction.atomic():
        RecommendationModel.objects.filter(pk=only).update(withdrawn_at=timezone.now())


class TestMeanwhile:
    """What others do at the same time, on connections of their own."""

    pytestmark = pytest.mark.django_db(transaction=True)

    def test_a_training_goes_on_and_publishes_later(self, channel: Channel) -> None:
        first, second = versions_of(channel, make_products(2))
        elsewhere = connection.copy()
        try:
            with elsewhere.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [TRAINING])
            assert is_training("default")
            training = RecommendationModel.objects.create(status=ModelStatus.TRAINING, started_at=timezone.now())

            assert back() == first, "at once, however long the training takes"

            storage.store_popular(training, [])
            storage.publish(training, timezone.now())
            assert statuses() == {first: "retired", second: "retired", training.pk: "published"}
            with elsewhere.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock_all()")
        finally:
            elsewhere.close()
        assert not is_training("default")

    def test_two_at_once_go_back_two_versions(self, channel: Channel) -> None:
        """The second waits for the first, and then sees what it did."""
        first, second, third = versions_of(channel, make_products(3))
        waiting = self._started(back)
        assert waiting.result == [first]
        assert statuses() == {first: "published", second: "retired", third: "retired"}

    def test_a_publication_meanwhile_is_what_is_gone_back_from(self, channel: Channel) -> None:
        first, second = versions_of(channel, make_products(2))

        def change() -> int:
            newer = publish(popular={channel: make_products(1)})
            return newer.pk

        waiting = self._started(back, meanwhile=change)
        assert waiting.result == [second], "the one before the new one, and not before the second"
        assert statuses()[first] == "retired"

    def test_rows_are_not_deleted_of_what_is_served_again(
        self, channel: Channel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, _ = versions_of(channel, make_products(2))
        monkeypatch.setattr(storage, "KEPT_VERSIONS", 0)

        waiting = self._started(lambda: storage.discard_old("default"))

        assert waiting.error == []
        assert statuses() == {first: "published"}, "the second was the retired one by then"
        assert PopularProducts.objects.filter(model=first).exists()

    @staticmethod
    def _started(work, meanwhile=back):  # type: ignore[no-untyped-def]
        """Run `work` on another connection while a transaction that does `meanwhile` is about to commit."""

        class Waiting(threading.Thread):
            def __init__(self) -> None:
                super().__init__()
                self.result: list[object] = []
                self.error: list[BaseException] = []

            def run(self) -> None:
                try:
                    with allow_writer():
                        self.result.append(work())
                except BaseException as error:
                    self.error.append(error)
                finally:
                    connections.close_all()

        thread = Waiting()
        with transaction.atomic():
            meanwhile()
            thread.start()
            _until_somebody_waits()
            assert thread.is_alive()
        thread.join(timeout=20)
        assert not thread.is_alive()
        return thread


def _until_somebody_waits() -> None:
    for _ in range(2_000):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                " AND (classid::bigint << 32) | objid::bigint = hashtextextended(%s, 0))",
                [SERVED],
            )
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.005)
    raise AssertionError("nobody waits for the lock")
