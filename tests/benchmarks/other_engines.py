"""Other ways to recommendations: `implicit` from the order lines to stored lists, and products counted in pairs."""

from __future__ import annotations

import warnings
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from tests.benchmarks import frames

PERSONAL, RELATED = 150, 50
FACTORS, ITERATIONS = 64, 15

_LINES = """
SELECT fact.profile_id AS customer, variant.product_id AS product
FROM crm_profile_order fact
JOIN order_orderline line ON line.order_id = fact.order_id
JOIN product_productvariant variant ON variant.id = line.variant_id
WHERE fact.counts AND line.quantity > 0
"""

Lists = tuple[npt.NDArray[Any], npt.NDArray[Any]]


class Engine(Enum):
    COSINE = "cosine"
    BM25 = "BM25"
    ALS = "ALS"

    def lists(self, matrix: Any) -> tuple[Lists, Lists]:
        """Of each customer and of each product: positions and scores of the best."""
        from threadpoolctl import threadpool_limits

        weights = sparse.csr_matrix(matrix, dtype=np.float32)
        customers, products = (np.arange(size) for size in weights.shape)
        # It has threads of its own, which those of BLAS would get in the way of.
        with threadpool_limits(1, "blas"), warnings.catch_warnings():
            # Of a matrix that it makes itself.
            warnings.filterwarnings("ignore", module="implicit")
            model = self._model()
            model.fit(weights, show_progress=False)
            personal = model.recommend(customers, weights, N=PERSONAL, filter_already_liked_items=False)
            related = model.similar_items(products, N=RELATED)
        return personal, related

    def _model(self) -> Any:
        from implicit import als, nearest_neighbours

        match self:
            case Engine.COSINE:
                return nearest_neighbours.CosineRecommender(K=RELATED, num_threads=0)
            case Engine.BM25:
                return nearest_neighbours.BM25Recommender(K=RELATED, num_threads=0)
            case Engine.ALS:
                return als.AlternatingLeastSquares(
                    factors=FACTORS, iterations=ITERATIONS, random_state=0, num_threads=0
                )


def by_implicit(connection: Any, engine: Engine) -> None:
    """Lines read, a model fitted, and its lists stored."""
    with connection.cursor() as cursor, cursor.copy(f"COPY ({_LINES}) TO STDOUT") as copy:
        lines = np.fromstring(b"".join(copy).decode(), dtype=np.int64, sep=" ").reshape(-1, 2)
    (customers, rows), (products, columns) = (np.unique(lines[:, side], return_inverse=True) for side in (0, 1))
    matrix = sparse.csr_matrix((np.ones(len(lines), np.float32), (rows, columns)))
    personal, related = engine.lists(matrix)
    for table, owners, (positions, scores) in (("personal", customers, personal), ("related", products, related)):
        store(connection, f"other_{table}", owners, np.where(positions < 0, 0, products[positions]), scores)


def store(connection: Any, table: str, owners: Any, ids: Any, scores: Any) -> None:
    """Lists as rows with two arrays, in a table of their own."""
    frames.run(
        connection,
        f"DROP TABLE IF EXISTS {table}",
        f"CREATE TABLE {table} (owner bigint PRIMARY KEY, ids int[], scores float4[])",
    )
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for owner, some, their_scores in zip(owners.tolist(), ids.tolist(), scores.tolist(), strict=True):
            written = (",".join(map(str, values)) for values in (some, their_scores))
            copy.write(f"{owner}\t" + "\t".join(f"{{{values}}}" for values in written) + "\n")


def pairs_by_polars(baskets: npt.NDArray[Any], products: npt.NDArray[Any], support: int, limit: int) -> Any:
    """For each product those that are in most baskets with it."""
    import polars as pl

    lines = pl.DataFrame({"basket": baskets, "product": products}).lazy()
    pairs = lines.join(lines, on="basket", suffix="_other").filter(pl.col("product") != pl.col("product_other"))
    counted = pairs.group_by("product", "product_other").len().filter(pl.col("len") >= support)
    return counted.group_by("product").agg(pl.col("product_other").top_k_by("len", limit)).collect()
