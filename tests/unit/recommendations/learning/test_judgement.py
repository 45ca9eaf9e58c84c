from __future__ import annotations

import numpy as np

from saleor_crm_plugin.recommendations.learning.judgement import objections, summary
from saleor_crm_plugin.recommendations.learning.selection import Comparison

CASES = 400


def comparison(model: float, baseline: float, new: float = 0.5) -> Comparison:
    """nDCG@10 around these means, of the same customers."""
    noise = np.random.default_rng(1).normal(scale=0.02, size=CASES)
    noise -= noise.mean()
    others = dict.fromkeys(("bestsellers", "frequency", "decayed frequency"), baseline + noise)
    return Comparison(
        {**others, "simple": model + noise[::-1]},
        {**dict.fromkeys(("bestsellers", "cosine", "ease"), noise + 0.1), "simple": noise + new},
    )


def published(next_basket: float) -> dict[str, object]:
    return {"next_basket": {"model": {"value": next_basket}}}


def test_better_than_all_is_welcome() -> None:
    assert objections(comparison(0.3, 0.2), False, {}) == []
    assert objections(comparison(0.2, 0.2), False, {}) == [], "as good as a baseline, as far as can be told"


def test_worse_than_a_simple_method_is_not() -> None:
    found = objections(comparison(0.2, 0.3), False, {})

    assert len(found) == 3
    assert found[0].startswith("Next basket: nDCG@10 of 0.2000 is below 0.3000 of bestsellers (difference -0.1")
    assert len(objections(comparison(0.3, 0.2, new=0.05), False, {})) == 3, "first purchases count as well"


def test_three_quarters_of_what_is_published_is_the_least() -> None:
    now = float(np.mean(comparison(0.30, 0.1).next["simple"]))

    assert objections(comparison(0.30, 0.1), False, published(now / 0.751)) == []
    found = objections(comparison(0.30, 0.1), False, published(now / 0.749))
    assert len(found) == 1
    assert "nDCG@10 fell from 0.4005 to 0.3000." in found[0]
    assert "Are orders missing?" in found[0]


def test_nothing_known_is_no_objection() -> None:
    assert objections(Comparison(), False, published(0.4)) == []
    assert objections(comparison(0.3, 0.2), True, published(0.4)) == [], "no ranker was compared"
    assert objections(comparison(0.3, 0.2), False, {"next_basket": {}, "notes": []}) == []


def test_the_summary_names_the_model_that_was_chosen() -> None:
    found = summary(comparison(0.3, 0.2), ranked=False)

    assert found["next_basket"]["model"] == found["next_basket"]["simple"]
    assert found["next_basket"]["model"]["cases"] == CASES
    low, high = (found["next_basket"]["model"][end] for end in ("low", "high"))
    assert low < found["next_basket"]["model"]["value"] < high
    assert summary(comparison(0.3, 0.2), ranked=True) == {}
