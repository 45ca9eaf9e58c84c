"""What every `Model` must do, a trained one and a baseline alike, on purchases whose answer is known.

Subclass `ModelContract` in a test module and name the class; see `test_models.py`.
"""

from __future__ import annotations

import json
import pickle
import random
from abc import ABC
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from saleor_crm_plugin.exceptions import ModelFileError
from saleor_crm_plugin.recommendations.learning import persistence
from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.interface import Basket, Kind, Model, Scored
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from tests.contract.recommender import (
    ANN,
    BASKETS,
    BOB,
    CID,
    CUP,
    DAN,
    HAMMER,
    NAILS,
    SUGAR,
    TEA,
    history_of,
)

NOBODY, NOTHING = 777, 888
BOUGHT = {ANN: {TEA, SUGAR}, BOB: {TEA, SUGAR, CUP}, CID: {HAMMER, NAILS}, DAN: {TEA}}
EVERYTHING = {TEA, SUGAR, CUP, HAMMER, NAILS}
# In the last 28 days: tea 3 baskets; sugar, hammer and nails 2; cups 1. Equal ones by id.
MOST_SOLD = [TEA, SUGAR, HAMMER, NAILS, CUP]


def ids(entries: list[Scored]) -> list[int]:
    return [entry.product_id for entry in entries]


def answers_of(model: Model) -> list[object]:
    """All that a model can be asked about this shop."""
    everybody = [*BOUGHT, NOBODY]
    baskets = [Basket((TEA,), ANN), Basket((TEA, HAMMER)), Basket((), CID), Basket((NOTHING,), NOBODY)]
    return [
        *(model.recommend(everybody, 10, kind) for kind in Kind),
        model.complete(baskets),
        model.similar([*EVERYTHING, NOTHING]),
        [model.explain(customer, product) for customer in everybody for product in sorted(EVERYTHING)],
    ]


class ModelContract(ABC):
    """Inherit, name the class, and pass."""

    kind: ClassVar[type[Model]]

    def fit(self, history: PurchaseHistory | None = None) -> Model:
        categories = {TEA: 1, SUGAR: 1, CUP: 1, HAMMER: 2, NAILS: 2}
        # Regularization to the size of the shop: with that of a real one nothing would be linked.
        chosen = Parameters(minimum_support=1, regularization=1.0, basket_regularization=1.0)
        return self.kind.fit(history_of(BASKETS, categories) if history is None else history, chosen)

    def test_whoever_is_unknown_gets_what_sells_most(self) -> None:
        model = self.fit()

        for kind in (Kind.FOR_YOU, Kind.DISCOVER):
            assert ids(model.recommend([NOBODY], 10, kind)[NOBODY]) == MOST_SOLD
        assert model.recommend([NOBODY], 10, Kind.BUY_AGAIN) == {NOBODY: []}

    def test_again_is_only_what_was_bought(self) -> None:
        lists = self.fit().recommend([*BOUGHT], 10, Kind.BUY_AGAIN)

        assert all(set(ids(lists[customer])) <= bought for customer, bought in BOUGHT.items())
        assert lists[CID], "nothing speaks against what was bought twice"

    def test_discoveries_are_all_the_rest(self) -> None:
        lists = self.fit().recommend([*BOUGHT], 10, Kind.DISCOVER)

        for customer, bought in BOUGHT.items():
            assert not set(ids(lists[customer])) & bought
            assert lists[customer]

    def test_no_list_repeats_itself(self) -> None:
        model = self.fit()

        lists = [entries for kind in Kind for entries in model.recommend([*BOUGHT, NOBODY], 10, kind).values()]
        lists += model.complete([Basket((TEA,), BOB), Basket((HAMMER,))])
        lists += model.similar([*EVERYTHING]).values()
        for entries in lists:
            assert len(set(ids(entries))) == len(entries)

    @pytest.mark.parametrize("first", [0, 1, 2])
    def test_at_most_so_many_as_asked_for_and_the_best(self, first: int) -> None:
        model = self.fit()

        for kind in Kind:
            whole = model.recommend([*BOUGHT, NOBODY], 10, kind)
            assert model.recommend([*BOUGHT, NOBODY], first, kind) == {key: row[:first] for key, row in whole.items()}
        whole_completed = model.complete([Basket((TEA,), ANN)])
        assert model.complete([Basket((TEA,), ANN)], first) == [row[:first] for row in whole_completed]
        assert model.similar([TEA], first)[TEA] == model.similar([TEA])[TEA][:first]

    def test_asked_twice_answered_once(self) -> None:
        model = self.fit()

        assert list(model.recommend([DAN, ANN, DAN])) == [DAN, ANN], "and in the order asked"
        assert list(model.similar([TEA, TEA])) == [TEA]

    def test_one_customers_answer_does_not_hang_on_who_else_is_asked_about(self) -> None:
        model = self.fit()

        together = model.recommend([*BOUGHT, NOBODY])
        for customer, entries in together.items():
            assert model.recommend([customer]) == {customer: entries}
        baskets = [Basket((TEA,), ANN), Basket((HAMMER,)), Basket((SUGAR,), NOBODY)]
        assert [model.complete([basket])[0] for basket in baskets] == model.complete(baskets)

    def test_nobody_and_nothing_asked(self) -> None:
        model = self.fit()

        assert model.recommend([]) == {}
        assert model.complete([]) == []
        assert model.similar([]) == {}

    def test_nothing_of_the_basket_is_missing_from_it(self) -> None:
        baskets = [Basket((TEA, SUGAR), ANN), Basket((TEA, TEA, HAMMER)), Basket(tuple(EVERYTHING), BOB)]

        for basket, entries in zip(baskets, self.fit().complete(baskets), strict=True):
            assert not set(basket.product_ids) & set(ids(entries))

    def test_a_basket_with_unknown_products_is_as_one_without(self) -> None:
        model = self.fit()

        known, with_unknown = model.complete([Basket((TEA,), ANN), Basket((NOTHING, TEA, -1, 0), ANN)])
        assert with_unknown == known

    def test_similar_to_something_unknown_is_nothing_and_never_itself(self) -> None:
        model = self.fit()

        for product, entries in model.similar([*EVERYTHING]).items():
            assert product not in ids(entries)
        assert ids(model.similar([NOTHING], 10)[NOTHING]) == []

    def test_explanations_are_shares_of_what_was_bought(self) -> None:
        model = self.fit()

        for customer, bought in BOUGHT.items():
            for product in EVERYTHING:
                parts = model.explain(customer, product)
                assert {part.product_id for part in parts} <= bought
                assert [part.share for part in parts] == sorted((part.share for part in parts), reverse=True)
                assert not parts or sum(part.share for part in parts) == pytest.approx(1)

    def test_nothing_speaks_for_the_unknown(self) -> None:
        model = self.fit()

        assert model.explain(NOBODY, TEA) == []
        assert model.explain(ANN, NOTHING) == []

    def test_an_empty_history(self) -> None:
        model = self.fit(history_of([]))

        for kind in Kind:
            assert model.recommend([ANN], 10, kind) == {ANN: []}
        assert model.complete([Basket((TEA,), ANN), Basket(())]) == [[], []]
        assert model.similar([TEA]) == {TEA: []}
        assert model.explain(ANN, TEA) == []

    def test_the_order_of_the_lines_does_not_matter(self) -> None:
        expected = answers_of(self.fit(history_of(BASKETS)))

        for seed in range(5):
            shuffled = history_of(BASKETS, order=random.Random(seed))
            assert answers_of(self.fit(shuffled)) == expected

    def test_what_is_saved_is_what_was_learnt(self, tmp_path: Path) -> None:
        model = self.fit()
        model.save(tmp_path / "model.npz")

        assert answers_of(self.kind.load(tmp_path / "model.npz")) == answers_of(model)
        assert [entry.name for entry in tmp_path.iterdir()] == ["model.npz"], "and no temporary file stays"

    def test_an_empty_model_is_saved_as_well(self, tmp_path: Path) -> None:
        self.fit(history_of([])).save(tmp_path / "model.npz")

        assert self.kind.load(tmp_path / "model.npz").recommend([ANN]) == {ANN: []}

    def test_saving_again_replaces_the_file(self, tmp_path: Path) -> None:
        self.fit(history_of([])).save(tmp_path / "model.npz")
        model = self.fit()
        model.save(tmp_path / "model.npz")

        assert answers_of(self.kind.load(tmp_path / "model.npz")) == answers_of(model)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            self.kind.load(tmp_path / "model.npz")

    @pytest.mark.parametrize("content", [b"", b"purchases\n", b"PK\x03\x04 and nothing else"])
    def test_another_file(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "model.npz").write_bytes(content)

        with pytest.raises(ModelFileError, match="is not a saved model, or is damaged"):
            self.kind.load(tmp_path / "model.npz")

    def test_arrays_of_somebody_else(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "model.npz", weights=np.ones(3))
        with pytest.raises(ModelFileError, match="is not a saved model"):
            self.kind.load(tmp_path / "model.npz")
        np.save(tmp_path / "weights.npy", np.ones(3))
        with pytest.raises(ModelFileError, match="is not a saved model"):
            self.kind.load(tmp_path / "weights.npy")

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
    def test_a_truncated_file(self, tmp_path: Path, share: float) -> None:
        path = tmp_path / "model.npz"
        self.fit().save(path)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * share)])

        with pytest.raises(ModelFileError):
            self.kind.load(path)

    def test_a_changed_byte_is_noticed(self, tmp_path: Path) -> None:
        path = tmp_path / "model.npz"
        self.fit().save(path)
        content = bytearray(path.read_bytes())
        content[content.index(b'"settings"') + 3] ^= 1
        path.write_bytes(content)

        with pytest.raises(ModelFileError):
            self.kind.load(path)

    def test_a_pickle_is_never_read(self, tmp_path: Path) -> None:
        path, touched = tmp_path / "model.npz", tmp_path / "touched"

        path.write_bytes(pickle.dumps(_Trap(touched)))
        with pytest.raises(ModelFileError):
            self.kind.load(path)
        # As an array of objects in an archive that is otherwise right.
        header = json.dumps({"format": persistence.FORMAT_VERSION, "model": self.kind.name, "settings": {}}).encode()
        trap = np.empty(1, dtype=object)
        trap[0] = _Trap(touched)
        with path.open("wb") as file:
            np.savez(file, header=np.frombuffer(header, dtype=np.uint8), history=trap)
        with pytest.raises(ModelFileError):
            self.kind.load(path)
        assert not touched.exists()

    def test_another_models_file(self, tmp_path: Path) -> None:
        persistence.write(tmp_path / "model.npz", "another", {}, {})

        with pytest.raises(ModelFileError, match=f"holds the model 'another', not '{self.kind.name}'"):
            self.kind.load(tmp_path / "model.npz")

    def test_another_format(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(persistence, "FORMAT_VERSION", persistence.FORMAT_VERSION + 1)
            self.fit().save(tmp_path / "model.npz")

        with pytest.raises(ModelFileError, match="Train anew"):
            self.kind.load(tmp_path / "model.npz")

    def test_parameters_that_this_version_does_not_have(self, tmp_path: Path) -> None:
        path = tmp_path / "model.npz"
        self.fit().save(path)
        settings, arrays = persistence.read(path, self.kind.name)
        persistence.write(path, self.kind.name, {**settings, "temperature": 0.7}, arrays)

        with pytest.raises(ModelFileError, match="temperature"):
            self.kind.load(path)

    def test_an_array_is_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "model.npz"
        self.fit().save(path)
        settings, arrays = persistence.read(path, self.kind.name)
        del arrays["history.ages"]
        persistence.write(path, self.kind.name, settings, arrays)

        with pytest.raises(ModelFileError, match=r"lacks 'history\.ages'"):
            self.kind.load(path)


class _Trap:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self._path, "w")
