"""What a training chose, in the record of its model: read by the next one, which need not choose again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from saleor_crm_plugin.recommendations.learning.judgement import BASELINES, summary
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.ranker import Ranker, available
from saleor_crm_plugin.recommendations.learning.selection import Rankers, Selection
from saleor_crm_plugin.recommendations.models import RecommendationModel

# Beside what kept rankers are found to be worth: what the training that chose them found, on weeks new to them.
_WHEN_CHOSEN: Final = "when_chosen"


class Earlier(NamedTuple):
    """What an earlier training chose. `rankers` is None where it chose to do without."""

    parameters: Parameters
    rankers: Rankers | None


def note_choice(model: RecommendationModel, selection: Selection, kept_from: RecommendationModel | None = None) -> None:
    """Into the record, which the caller saves.

    Args:
        kept_from: the model that parameters and rankers were taken over from, if they were.
    """
    rankers = selection.rankers
    model.parameters = dataclasses.asdict(selection.parameters)
    model.evaluation = {
        **summary(selection.comparison, rankers is not None),
        "horizon_days": selection.parameters.horizon_days,
        "notes": selection.notes,
    }
    if kept_from is not None:
        model.evaluation[_WHEN_CHOSEN] = worth_when_chosen(kept_from)
    model.ranker_next = None if rankers is None else rankers.next.to_bytes()
    model.ranker_new = None if rankers is None else rankers.new.to_bytes()


def worth_when_chosen(model: RecommendationModel) -> Mapping[str, Any]:
    """What a new choice can be held against, as of `judgement.summary`.

    What a night that kept rankers found them worth is no measure for it: they had learnt from most of these weeks. In a
    shop with 5,700 orders first purchases stood at .221 when rankers were chosen, at .304 the night after, and at .223
    when they were chosen anew, which is less than three quarters: the shop would have had no new model ever again.
    """
    worth = model.evaluation.get(_WHEN_CHOSEN, model.evaluation)
    return {question: worth[question] for question in BASELINES if question in worth}


def is_imported(model: RecommendationModel) -> bool:
    """Whether it was learnt elsewhere: `importing` notes the engine where a training notes its parameters."""
    return "engine" in model.parameters


def chosen_before(model: RecommendationModel | None) -> Earlier | None:
    """None where there is nothing to go on: no model, one that chose nothing, or one that this machine cannot use."""
    if model is None or model.tuned_at is None:
        return None
    try:
        parameters = Parameters(**model.parameters)
    except TypeError:
        # Written by a version of the plugin that has other parameters.
        return None
    if not parameters.ranked:
        return Earlier(parameters, None)
    if model.ranker_next is None or model.ranker_new is None or not available():
        return None
    try:
        rankers = Rankers(Ranker.from_bytes(bytes(model.ranker_next)), Ranker.from_bytes(bytes(model.ranker_new)))
    except ValueError:
        return None
    return Earlier(parameters, rankers)
