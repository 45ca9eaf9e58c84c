"""What a training chose, in the record of its model: read by the next one, which need not choose again."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from saleor_crm_plugin.recommendations.learning.judgement import summary
from saleor_crm_plugin.recommendations.learning.parameters import Parameters
from saleor_crm_plugin.recommendations.learning.ranker import Ranker, available
from saleor_crm_plugin.recommendations.learning.selection import Rankers, Selection
from saleor_crm_plugin.recommendations.models import RecommendationModel


class Earlier(NamedTuple):
    """What an earlier training chose. `rankers` is None where it chose to do without."""

    parameters: Parameters
    rankers: Rankers | None


def note_choice(model: RecommendationModel, selection: Selection) -> None:
    """Into the record, which the caller saves."""
    rankers = selection.rankers
    model.parameters = dataclasses.asdict(selection.parameters)
    model.evaluation = {
        **summary(selection.comparison, rankers is not None),
        "horizon_days": selection.parameters.horizon_days,
        "notes": selection.notes,
    }
    model.ranker_next = None if rankers is None else rankers.next.to_bytes()
    model.ranker_new = None if rankers is None else rankers.new.to_bytes()


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
