"""What another engine has learnt, as a version like those of our own trainings: checked, stored, published as a whole.

What the directory does not bring comes from elsewhere: what is popular, from the purchases of the last weeks; products
that go together, or are similar, from the version in use.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone

from saleor_crm_plugin.exceptions import ExchangeError
from saleor_crm_plugin.recommendations import storage
from saleor_crm_plugin.recommendations.exchange import manifest
from saleor_crm_plugin.recommendations.exchange.factors import (
    CUSTOMER_FACTORS,
    PRODUCT_FACTORS,
    Factors,
    open_factors,
)
from saleor_crm_plugin.recommendations.exchange.known import KnownIds
from saleor_crm_plugin.recommendations.exchange.lists import (
    NEIGHBOURS,
    PERSONAL,
    Neighbours,
    PersonalTable,
    RankedList,
    open_neighbours,
    open_personal,
)
from saleor_crm_plugin.recommendations.exchange.scoring import (
    NO_PRODUCT,
    Bought,
    Scorer,
    shares_of_best,
    similar_products,
)
from saleor_crm_plugin.recommendations.exchange.tables import Ints
from saleor_crm_plugin.recommendations.learning.candidates import Why
from saleor_crm_plugin.recommendations.learning.channels import channel_lists
from saleor_crm_plugin.recommendations.learning.history import NO_CATEGORY
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.stored import PersonalList
from saleor_crm_plugin.recommendations.learning.trending import PAST_WINDOWS
from saleor_crm_plugin.recommendations.locking import only_one_training
from saleor_crm_plugin.recommendations.models import ModelStatus, ProductAffinity, RecommendationModel
from saleor_crm_plugin.recommendations.progress import Progress, no_progress
from saleor_crm_plugin.recommendations.training import PurchaseSource

KNOWN_NAMES = (CUSTOMER_FACTORS, PRODUCT_FACTORS, NEIGHBOURS, PERSONAL)
# Customers whose purchases are read in one statement: 50 of each in 2,469 households are 20 MB.
CUSTOMER_BATCH = 2_000
# Of `learning.parameters.Parameters`, by which `serving_sql` reads it.
_OWN_WEIGHT = "basket_own"

Publish = Callable[[RecommendationModel, datetime.datetime], None]


class Shop(PurchaseSource, Protocol):
    """What is asked about the shop. The ingestion side implements it for Saleor's tables."""

    def customer_ids(self) -> Ints:
        """The ids of all profiles, sorted."""
        ...

    def product_ids(self) -> Ints:
        """The ids of all products, sorted."""
        ...

    def categories(self) -> dict[int, int]:
        """Product id -> category id."""
        ...

    def bought_by(self, customer_ids: Ints, since: datetime.datetime, until: datetime.datetime) -> Bought:
        """What these customers have bought from `since` until `until`."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """A directory of results, checked from the first row to the last."""

    manifest: manifest.Results
    factors: Factors | None
    neighbours: Neighbours | None
    personal: PersonalTable | None

    @property
    def customer_count(self) -> int:
        """Customers to whom it brings a list."""
        if self.personal is not None:
            return self.personal.customer_count
        return self.factors.customer_count if self.factors is not None else 0


def check(directory: Path, shop: Shop, now: datetime.datetime) -> Delivery:
    """Read everything that a directory holds, and refuse what cannot be used.

    Raises:
        ExchangeError: with the file, row group, row and column at fault.
    """
    if not directory.is_dir():
        raise ExchangeError("There is no such directory.", directory)
    content = manifest.read_results(directory, KNOWN_NAMES, now)
    if content.rows.keys() >= {PERSONAL, CUSTOMER_FACTORS}:
        raise ExchangeError(
            f"{PERSONAL} and {CUSTOMER_FACTORS} both say what customers get: deliver one of them.",
            directory / manifest.NAME,
        )
    customers, products = KnownIds(shop.customer_ids(), "customer profiles"), KnownIds(shop.product_ids(), "products")
    return Delivery(
        content,
        open_factors(directory, content.rows, customers, products),
        open_neighbours(directory, content.rows, products),
        open_personal(directory, content.rows, customers, products),
    )


def import_results(
    directory: Path,
    shop: Shop,
    *,
    since: datetime.datetime,
    now: datetime.datetime,
    parameters: Parameters | None = None,
    unlisted: Collection[int] = (),
    gone: storage.Gone = storage.nobody_is_gone,
    progress: Progress = no_progress,
    publish: Publish = storage.publish,
    using: str = DEFAULT_DB_ALIAS,
) -> RecommendationModel:
    """Check, store and publish what another engine has learnt. What was published stays until it is whole.

    Args:
        since: from when on purchases count as "bought before".
        unlisted: customers who get no list, whatever the directory says.
        gone: who, when lists are stored, gets none any more.
        publish: the gate: called once all rows are stored. It publishes the version, or raises.

    Raises:
        ExchangeError: the directory is refused. There is no record of it, and no row.
        TrainingError: a training or another import is running, or the gate refuses.
    """
    chosen = parameters or Parameters()
    with only_one_training(using):
        storage.discard_unfinished(using)
        progress("checking", 0, None)
        delivery = check(directory, shop, now)
        # One version for all that is taken over: somebody may go back to another one meanwhile. Its rows stay, as
        # versions are discarded only under the lock that is held here.
        source = storage.published(using)
        model = RecommendationModel(
            status=ModelStatus.TRAINING,
            started_at=timezone.now(),
            data_until=_data_until(delivery, source),
            parameters={
                "engine": delivery.manifest.engine,
                "rows": delivery.manifest.rows,
                **_weights(delivery, source),
            },
            training_data=_described(delivery, since),
        )
        model.save(using=using)
        try:
            _Import(model, source, delivery, shop, since, now, chosen, frozenset(unlisted), gone, progress).store()
            publish(model, timezone.now())
        except BaseException as error:
            storage.fail(model, storage.failure(error), timezone.now())
            raise
        finally:
            storage.discard_old(using)
    return model


@dataclass(frozen=True, slots=True)
class _Import:
    """
    Attributes:
        source: the version that what is not delivered is taken over from, if there is one.
    """

    model: RecommendationModel
    source: RecommendationModel | None
    delivery: Delivery
    shop: Shop
    since: datetime.datetime
    now: datetime.datetime
    parameters: Parameters
    unlisted: frozenset[int]
    gone: storage.Gone
    progress: Progress

    def store(self) -> None:
        self._store_popular()
        self._store_products()
        self._store_customers()

    def _store_popular(self) -> None:
        window = self.parameters.popular_window_days
        days = datetime.timedelta(days=window * (1 + PAST_WINDOWS))
        recent = self.shop.read(max(self.since, self.now - days), self.now, self.progress)
        storage.store_popular(self.model, channel_lists(recent, window, self.parameters.popular_limit))

    def _store_products(self) -> None:
        neighbours, factors = self.delivery.neighbours, self.delivery.factors
        for number, kind in enumerate(ProductAffinity.Kind):
            self.progress("products", number, len(ProductAffinity.Kind))
            if neighbours is not None and kind.value in neighbours.kinds:
                storage.store_related(self.model, kind, neighbours.of_kind(kind.value))
            elif factors is not None and kind == ProductAffinity.Kind.SIMILAR:
                of = self.shop.categories()
                categories = np.array([of.get(product, NO_CATEGORY) for product in factors.product_ids.tolist()])
                limit = self.parameters.related_limit
                storage.store_related(self.model, kind, similar_products(factors, categories.astype(np.int64), limit))
            elif self.source is not None:
                storage.take_over_related(self.model, self.source, kind)
        self.progress("products", len(ProductAffinity.Kind), len(ProductAffinity.Kind))

    def _store_customers(self) -> None:
        total = self.delivery.customer_count or None
        self.progress("customers", 0, total)
        stored = 0
        for count in self._rows():
            stored += count
            self.progress("customers", stored, total)

    def _rows(self) -> Iterator[int]:
        if self.delivery.customer_count:
            return storage.store_personal(self.model, self._personal(), self.gone)
        return iter(()) if self.source is None else storage.take_over_personal(self.model, self.source, self.gone)

    def _personal(self) -> Iterator[PersonalList]:
        lists = self._from_factors() if self.delivery.factors is not None else self._from_ranks()
        return (entry for entry in lists if entry.customer_id not in self.unlisted)

    def _from_factors(self) -> Iterator[PersonalList]:
        factors = self.delivery.factors
        assert factors is not None
        scorer = Scorer(factors, self.parameters.bought_limit, self.parameters.discovery_limit)
        for ids, vectors in factors.by_customer():
            for first in range(0, len(ids), CUSTOMER_BATCH):
                part = slice(first, first + CUSTOMER_BATCH)
                yield from scorer.lists(ids[part], vectors[part], self.shop.bought_by(ids[part], self.since, self.now))

    def _from_ranks(self) -> Iterator[PersonalList]:
        assert self.delivery.personal is not None
        held: list[RankedList] = []
        for entry in self.delivery.personal.lists():
            held.append(entry)
            if len(held) == CUSTOMER_BATCH:
                yield from self._explained(held)
                held = []
        yield from self._explained(held)

    def _explained(self, lists: list[RankedList]) -> Iterator[PersonalList]:
        """With the reason that we know: whether the customer has bought it before."""
        ids = np.array([entry.customer_id for entry in lists], dtype=np.int64)
        bought = self.shop.bought_by(ids, self.since, self.now)
        pairs = zip(bought.customers.tolist(), bought.products.tolist(), strict=True)
        baskets = dict(zip(pairs, bought.baskets.tolist(), strict=True))
        for customer, products, scores in lists:
            counts = [baskets.get((customer, product), 0) for product in products]
            yield PersonalList(
                customer,
                products,
                shares_of_best(np.array(scores)).tolist(),
                [(Why.BOUGHT_BEFORE if count else Why.BOUGHT_TOGETHER).value for count in counts],
                [product if count else NO_PRODUCT for product, count in zip(products, counts, strict=True)],
                [float(count) for count in counts],
                amounts=[],
                due_days=[],
                rhythm_days=[],
            )


def _data_until(delivery: Delivery, source: RecommendationModel | None) -> datetime.datetime | None:
    """Personal lists count days from it, and what was bought after it as recent: it is theirs, also when they are taken
    over.
    """
    if source is None or delivery.customer_count:
        return delivery.manifest.learnt_until
    return source.data_until


def _weights(delivery: Delivery, source: RecommendationModel | None) -> dict[str, Any]:
    """How much customers' own lists count beside a cart was learnt with them, and goes with them."""
    if source is None or delivery.customer_count or _OWN_WEIGHT not in source.parameters:
        return {}
    return {_OWN_WEIGHT: source.parameters[_OWN_WEIGHT]}


def _described(delivery: Delivery, since: datetime.datetime) -> dict[str, Any]:
    products = len(delivery.factors.product_ids) if delivery.factors is not None else None
    return {
        "engine": delivery.manifest.engine,
        "export": delivery.manifest.export,
        "learnt_until": delivery.manifest.learnt_until.isoformat(),
        "customers": delivery.customer_count,
        **({} if products is None else {"products": products}),
        "since": since.date().isoformat(),
    }
