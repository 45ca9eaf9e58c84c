from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from saleor_crm_plugin.recommendations.learning import ease
from saleor_crm_plugin.recommendations.learning.ease import Ease, fit_ease
from tests.unit.recommendations.test_affinity import patiently

matrices = st.integers(1, 9).flatmap(
    lambda width: st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=15)
)


def matrix_of(rows: list[list[bool]]) -> sparse.csr_array:
    return sparse.csr_array(np.asarray(rows, dtype=np.float32))


@patiently
@given(matrices, st.floats(0.5, 500))
def test_it_is_what_the_paper_says(rows: list[list[bool]], regularization: float) -> None:
    """Steck (2019), equation 8: B = -P / diag(P), with a diagonal of 0, by an inverse of another library."""
    matrix = matrix_of(rows)

    fitted = fit_ease(matrix, regularization)

    sold = np.flatnonzero(np.asarray(rows).any(axis=0))
    assert fitted.products.tolist() == sold.tolist(), "what was never bought takes no part"
    dense = np.asarray(rows, dtype=np.float64)[:, sold]
    inverse = np.linalg.inv(dense.T @ dense + regularization * np.eye(len(sold)))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(fitted.weights, expected, rtol=1e-3, atol=1e-4)


@patiently
@given(matrices)
def test_the_gram_matrix_is_the_same_sparse_and_in_dense_blocks(rows: list[list[bool]]) -> None:
    matrix = matrix_of(rows)
    dense = np.asarray(rows, dtype=np.float64)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ease, "DENSE_ENTRIES", 2 * matrix.shape[1])
        # Forty times the work of the few rows' squares is more than the dense product: this way is the blocks.
        blocks = ease._gram(matrix)
    wide = sparse.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], 1000))
    sparsely = ease._gram(wide)[: matrix.shape[1], : matrix.shape[1]]

    np.testing.assert_array_equal(blocks, dense.T @ dense)
    np.testing.assert_array_equal(sparsely, dense.T @ dense)


def test_the_most_sold_take_part() -> None:
    # Product 0 in one row, 1 in three, 2 in none, 3 in two, 4 in two.
    matrix = matrix_of(
        [[True, True, False, True, False], [False, True, False, True, True], [False, True, False, False, True]]
    )

    assert fit_ease(matrix, 1.0, limit=2).products.tolist() == [1, 3], "equal ones by position"
    assert fit_ease(matrix, 1.0, limit=99).products.tolist() == [0, 1, 3, 4]


def test_scores_are_the_weights_of_what_was_bought_added_up() -> None:
    linear = Ease(np.asarray([1, 3]), np.asarray([[0, 0.5], [0.25, 0]], dtype=np.float32))

    rows = sparse.csr_array(np.asarray([[9, 2, 9, 0], [0, 1, 0, 4]], dtype=np.float32))
    assert linear.scores(rows).tolist() == [[0, 1], [1, 0.5]]
    assert linear.places(np.asarray([3, 0, 1, 2, 7])).tolist() == [1, -1, 0, -1, -1]


def test_without_purchases() -> None:
    nothing = fit_ease(sparse.csr_array((3, 4), dtype=np.float32), 1.0)

    assert nothing.products.tolist() == []
    assert nothing.scores(sparse.csr_array((2, 4), dtype=np.float32)).shape == (2, 0)
    assert nothing.places(np.asarray([0, 3])).tolist() == [-1, -1]
