"""Trained models as rows that one SQL statement can serve.

Lists are parallel arrays in one row (best first) rather than a row for each pair: a million customers with fifty
products each are a million rows, and `unnest` joins them to what the channel sells now.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from saleor_crm_plugin.fields import RealField


class ModelStatus(models.TextChoices):
    TRAINING = "training"
    PUBLISHED = "published"
    RETIRED = "retired"
    FAILED = "failed"


class RecommendationModel(models.Model):
    """A trained version: what it was trained on, how, and how well it did."""

    status = models.CharField(max_length=16, choices=ModelStatus.choices)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    # The moment up to which purchases were learnt. What was bought after it counts when a list is served.
    data_until = models.DateTimeField(null=True)
    # What was read: {"orders": int, "lines": int, "customers": int, "products": int, "since": ISO date}.
    training_data = models.JSONField(default=dict)
    # Of the learner, as chosen (`learning.parameters.Parameters`).
    parameters = models.JSONField(default=dict)
    # What it was worth on held-out weeks, beside simple methods, and what was decided why: `choices.note_choice`.
    evaluation = models.JSONField(default=dict)
    # When parameters and rankers were chosen; null where nothing was chosen (learnt elsewhere, or before that existed).
    tuned_at = models.DateTimeField(null=True)
    # The rankers, in the format of their library; null where lists are in the order of the simple models.
    ranker_next = models.BinaryField(null=True)
    ranker_new = models.BinaryField(null=True)
    # Why a training failed or was not published; empty otherwise.
    message = models.CharField(max_length=255, blank=True, default="")
    # When somebody went back from it to an earlier version: going back once more passes it over.
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_recommendation_model"
        constraints = [
            models.UniqueConstraint(
                name="crm_model_only_one_published",
                fields=["status"],
                condition=models.Q(status=ModelStatus.PUBLISHED),
            ),
            models.CheckConstraint(
                name="crm_model_withdrawn_is_retired",
                condition=models.Q(withdrawn_at=None) | models.Q(status=ModelStatus.RETIRED),
            ),
        ]


class RecommendationEvaluation(models.Model):
    """What `crm_evaluate` found out about the models on this shop's own purchases."""

    created_at = models.DateTimeField()
    # See `evaluation.report.Evaluation.report`.
    report = models.JSONField()

    class Meta:
        db_table = "crm_recommendation_evaluation"


class ReasonKind(models.IntegerChoices):
    """Why a product is in a list. Stored as a small integer beside each product."""

    BOUGHT_BEFORE = 1
    BOUGHT_TOGETHER = 2
    SIMILAR = 3
    POPULAR = 4


class ProductAffinity(models.Model):
    """What goes with a product: `related_ids[i]` with `scores[i]`, best first."""

    class Kind(models.TextChoices):
        BOUGHT_TOGETHER = "bought_together"
        SIMILAR = "similar"

    model = models.ForeignKey(RecommendationModel, on_delete=models.CASCADE, related_name="affinities", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    product_id = models.IntegerField()
    related_ids = ArrayField(models.IntegerField())
    scores = ArrayField(models.FloatField())
    # Share (0 to 1) of the product's baskets that hold the related product, for the explanation.
    confidences = ArrayField(models.FloatField())

    class Meta:
        db_table = "crm_product_affinity"
        constraints = [
            models.UniqueConstraint(name="crm_affinity_one_list_per_product", fields=["model", "kind", "product_id"]),
        ]


class PersonalRecommendations(models.Model):
    """What a person may want next: `product_ids[i]` because of `reason_kinds[i]`, best first."""

    model = models.ForeignKey(RecommendationModel, on_delete=models.CASCADE, related_name="personal", db_index=False)
    profile = models.ForeignKey("saleor_crm_plugin.CustomerProfile", on_delete=models.CASCADE, related_name="+")
    product_ids = ArrayField(models.IntegerField())
    scores = ArrayField(models.FloatField())
    reason_kinds = ArrayField(models.SmallIntegerField())
    # BOUGHT_BEFORE: the product itself; BOUGHT_TOGETHER: the bought product that pulls it in.
    reason_product_ids = ArrayField(models.IntegerField())
    # BOUGHT_BEFORE: number of purchases; BOUGHT_TOGETHER: share of baskets (0 to 1).
    reason_values = ArrayField(models.FloatField())
    # BOUGHT_BEFORE: how much was bought, of late above all (`learning.lists.PersonalLists`), else 0. Shorter than
    # `product_ids`: not known from there on, and the score stands for it.
    amounts = ArrayField(RealField(), default=list)
    # BOUGHT_BEFORE: days after the model's `data_until` at which the customer is expected to buy it again, and days
    # between the customer's purchases of it; null where not known. Shorter than `product_ids`: null from there on.
    due_days = ArrayField(RealField(null=True), default=list)
    rhythm_days = ArrayField(RealField(null=True), default=list)

    class Meta:
        db_table = "crm_personal_recommendations"
        constraints = [
            models.UniqueConstraint(name="crm_personal_one_list_per_person", fields=["model", "profile"]),
        ]


# `category_id` of a list about the whole channel.
WHOLE_CHANNEL = 0


class PopularProducts(models.Model):
    """What a channel, or one category in it, sells most of late, or more of than before: the answer where there is
    nothing else to go on. A category's list holds what stands in it, not what stands in those below it.
    """

    class Kind(models.TextChoices):
        BESTSELLERS = "bestsellers"
        TRENDING = "trending"

    model = models.ForeignKey(RecommendationModel, on_delete=models.CASCADE, related_name="popular", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.BESTSELLERS)
    channel_id = models.IntegerField()
    category_id = models.IntegerField(default=WHOLE_CHANNEL)
    product_ids = ArrayField(models.IntegerField())
    # BESTSELLERS: baskets of late; TRENDING: sales of late as a multiple of those before (2.0: twice as much).
    scores = ArrayField(models.FloatField())

    class Meta:
        db_table = "crm_popular_products"
        constraints = [
            models.UniqueConstraint(
                name="crm_popular_one_list_per_kind_and_place", fields=["model", "kind", "channel_id", "category_id"]
            ),
        ]
