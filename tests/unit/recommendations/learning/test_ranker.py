from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest

from saleor_crm_plugin.recommendations.learning import ranker as module
from saleor_crm_plugin.recommendations.learning.ranker import Ranker, available

pytestmark = pytest.mark.skipif(not available(), reason="the library of the ranker is not installed")

LISTS, LENGTH = 200, 10


def examples(seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """The rule: of each list the candidate with the highest second feature was bought. The others say nothing."""
    features = np.random.default_rng(seed).normal(size=(LISTS * LENGTH, 4)).astype(np.float32)
    best = features[:, 1].reshape(LISTS, LENGTH).argmax(axis=1)
    wanted = np.zeros((LISTS, LENGTH), dtype=bool)
    wanted[np.arange(LISTS), best] = True
    return features, wanted.ravel(), np.repeat(np.arange(LISTS), LENGTH)


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROUNDS", 20)
        patch.setattr(module, "_threads", lambda: 1)
        return Ranker.fit(*examples(1))


def test_it_learns_the_rule(ranker: Ranker) -> None:
    features, wanted, _ = examples(2)

    first = ranker.scores(features).reshape(LISTS, LENGTH).argmax(axis=1)

    assert np.mean(wanted.reshape(LISTS, LENGTH)[np.arange(LISTS), first]) > 0.7, "of lists that it has not seen"


def test_what_is_not_known_is_no_obstacle(ranker: Ranker) -> None:
    assert np.isfinite(ranker.scores(np.full((3, 4), np.nan, dtype=np.float32))).all()
    assert ranker.scores(np.zeros((0, 4), dtype=np.float32)).tolist() == []


def test_rows_in_parts(ranker: Ranker, monkeypatch: pytest.MonkeyPatch) -> None:
    features, _, _ = examples(2)
    whole = ranker.scores(features)
    monkeypatch.setattr(module, "SCORED_ROWS", 7)

    np.testing.assert_array_equal(ranker.scores(features), whole)


def test_what_is_saved_scores_the_same(ranker: Ranker) -> None:
    features, _, _ = examples(2)

    again = Ranker.from_bytes(ranker.to_bytes())

    np.testing.assert_array_equal(again.scores(features), ranker.scores(features))
    assert again.to_bytes() == ranker.to_bytes()


def test_the_same_examples_teach_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUNDS", 3)
    monkeypatch.setattr(module, "_threads", lambda: 1)

    assert Ranker.fit(*examples(1)).to_bytes() == Ranker.fit(*examples(1)).to_bytes()


@pytest.mark.parametrize("damage", ["cut", "cut by a byte", "a byte more", "zeros", "a bit", "header only"])
def test_damaged_forests_never_reach_the_library(ranker: Ranker, damage: str) -> None:
    """It ends the process over them (xgboost 3): this test would take the whole run with it."""
    saved = ranker.to_bytes()
    header, _, forests = saved.partition(b"\n")
    flipped = bytearray(forests)
    flipped[len(flipped) // 2] ^= 4
    damaged = {
        "cut": saved[: len(saved) // 2],
        "cut by a byte": saved[:-1],
        "a byte more": saved + b"\0",
        "zeros": header + b"\n" + bytes(len(forests)),
        "a bit": header + b"\n" + bytes(flipped),
        "header only": header,
    }[damage]

    with pytest.raises(ValueError, match="not a saved ranker"):
        Ranker.from_bytes(damaged)


@pytest.mark.parametrize("header", [b"", b"{}", b"null", b"[]", b"\xff\xfe", b"1", b'{"format": 1}'])
def test_something_else(header: bytes) -> None:
    with pytest.raises(ValueError, match="not a saved ranker"):
        Ranker.from_bytes(header)
    with pytest.raises(ValueError, match="not a saved ranker"):
        Ranker.from_bytes(header + b"\nforests")


@pytest.mark.parametrize(
    "change", [{"format": 0}, {"format": "1"}, {"features": ["baskets"]}, {"scales": [1.0]}, {"lengths": 5}]
)
def test_another_header(ranker: Ranker, change: dict[str, object]) -> None:
    header, _, forests = ranker.to_bytes().partition(b"\n")

    with pytest.raises(ValueError, match="not a saved ranker"):
        Ranker.from_bytes(json.dumps({**json.loads(header), **change}).encode() + b"\n" + forests)


@pytest.mark.parametrize(("settled", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_that_wait_leave_the_processor_to_others(settled: dict[str, str], policy: str) -> None:
    """In a process of its own: OpenMP reads its settings once, and tells them on the error stream when asked."""
    loading = f"import os, {module.__name__} as r; r.available(); print(os.environ.get('OMP_WAIT_POLICY'))"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}

    done = subprocess.run(
        [sys.executable, "-c", loading],
        env={**environment, **settled, "OMP_DISPLAY_ENV": "TRUE"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"OMP_WAIT_POLICY = '{policy}'" in done.stderr
    assert done.stdout.strip() == str(settled.get("OMP_WAIT_POLICY")), "nobody else is told"
