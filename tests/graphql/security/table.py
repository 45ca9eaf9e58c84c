"""Who may read and do what: the one table, in the words of `rules`.

Everything is asked about Ann's things: `{ann}` and the other names in braces are ids of `world`. To add a query, a
mutation or a field to the plugin, add its line here; `test_matrix` fails until there is one, and tries each line by
every kind of requestor.
"""

from __future__ import annotations

from typing import Final

# Fields that we add to Saleor's types: how to get at the object, the field, and who may. What Saleor itself shows
# (whose account, whose order) it decides; a refusal there is a refusal here.
SALEORS: Final = [
    ("User", "me {{ {field} }}", "loyaltyAccount", "SIGNED_IN; else: null"),
    ("User", "me {{ {field} }}", "customerProfile", "SIGNED_IN; else: null"),
    ("User", "me {{ {field} }}", 'recommendations(channel: "{channel}")', "SIGNED_IN; else: null"),
    ("User", 'user(id: "{ann}") {{ {field} }}', "loyaltyAccount", "MANAGE_USERS"),
    ("User", 'user(id: "{ann}") {{ {field} }}', "customerProfile", "MANAGE_USERS"),
    ("User", 'user(id: "{ann}") {{ {field} }}', 'recommendations(channel: "{channel}")', "MANAGE_USERS"),
    ("Product", 'product(id: "{apple}", channel: "{channel}") {{ {field} }}', "similarProducts", "ANYBODY"),
    ("Product", 'product(id: "{apple}", channel: "{channel}") {{ {field} }}', "frequentlyBoughtTogether", "ANYBODY"),
    ("Product", 'product(id: "{apple}", channel: "{channel}") {{ {field} }}', "customerRating", "ANYBODY"),
    ("Product", 'product(id: "{apple}", channel: "{channel}") {{ {field} }}', "customerReviews(first: 5)", "ANYBODY"),
    # The id of a checkout is a secret: whoever has it, has the checkout.
    ("Checkout", 'checkout(id: "{checkout}") {{ {field} }}', "loyalty", "ANYBODY"),
    ("Checkout", 'checkout(id: "{checkout}") {{ {field} }}', "recommendations", "ANYBODY"),
    ("Order", 'order(id: "{order}") {{ {field} }}', "loyalty", "OWNER MANAGE_ORDERS"),
    ("Order", 'order(id: "{order}") {{ {field} }}', "customerFeedback", "OWNER MANAGE_ORDERS"),
]

QUERIES: Final = [
    ("loyaltyAccount", "SIGNED_IN; else: null"),
    ('loyaltyAccount(userId: "{ann}", channel: "{channel}")', "OWNER MANAGE_USERS"),
    ('loyaltyAccount(email: "{email}")', "MANAGE_USERS"),
    ('recommendations(channel: "{channel}")', "ANYBODY"),
    ('recommendations(channel: "{channel}", productIds: ["{apple}"])', "ANYBODY"),
    ('customerProfile(id: "{profile}")', "OWNER MANAGE_USERS"),
    ('customerProfile(userId: "{ann}")', "OWNER MANAGE_USERS"),
    ('customerProfile(email: "{email}")', "MANAGE_USERS"),
    ("crmStatus", "MANAGE_PLUGINS"),
    ("loyaltyEarningRules(first: 5)", "MANAGE_DISCOUNTS"),
    ("loyaltyLiability", "MANAGE_DISCOUNTS"),
    ('loyaltyRewards(channel: "{channel}", first: 5)', "ANYBODY"),
    ("loyaltyReferrals(first: 5)", "MANAGE_USERS"),
    ("loyaltyTiers", "ANYBODY"),
    ("loyaltyTierPolicy", "MANAGE_DISCOUNTS"),
    ("customerFeedback(first: 5)", "MANAGE_USERS"),
    ("customerReviews(first: 5)", "MANAGE_PRODUCTS"),
    ('customerFeedbackReport(segmentId: "{segment}")', "MANAGE_USERS"),
    ("customerDataRequests(first: 5)", "MANAGE_USERS"),
    ("customerProfiles(first: 5)", "MANAGE_USERS"),
    ('customerProfiles(first: 5, search: "{email}")', "MANAGE_USERS"),
    ("customerProfiles(first: 5, where: {{ isGuest: true }})", "MANAGE_USERS"),
    ("customerTags", "MANAGE_USERS"),
    ("customerSegments(first: 5)", "MANAGE_USERS"),
    ('customerSegment(id: "{segment}")', "MANAGE_USERS"),
    ('customerSegment(slug: "{slug}")', "MANAGE_USERS"),
    ('customerSegmentPreview(query: "orders_count > 0")', "MANAGE_USERS"),
    ('customerSegmentPreview(query: "order_count > 0")', "MANAGE_USERS"),
    ('customerSegmentExplain(segmentId: "{segment}", profileId: "{profile}")', "MANAGE_USERS"),
    ("customerSegmentFields", "MANAGE_USERS"),
    ("recommendationModels", "MANAGE_PRODUCTS"),
    ('recommendationReport(channel: "{channel}")', "MANAGE_ORDERS MANAGE_PRODUCTS"),
    ("merchandisingRules(first: 5)", "MANAGE_PRODUCTS"),
    ('merchandisingPreview(channel: "{channel}", kind: BESTSELLERS)', "MANAGE_PRODUCTS"),
    # What is recommended to a customer tells what they bought; which rules did it is for who makes them.
    (
        'merchandisingPreview(channel: "{channel}", kind: FOR_YOU, profileId: "{profile}")',
        "MANAGE_USERS+MANAGE_PRODUCTS",
    ),
]


MUTATIONS: Final = [
    # A customer spends, and nobody else: an app has no points, and staff have no others' either.
    ('loyaltyPointsApply(checkoutId: "{checkout}", points: 200)', "OWNER; SIGNED_IN: NOT_FOUND"),
    ('loyaltyPointsRemove(checkoutId: "{checkout}")', "OWNER; SIGNED_IN: NOT_FOUND"),
    ('loyaltyRewardRedeem(rewardId: "{reward}", channel: "{channel}")', "OWNER; SIGNED_IN: INSUFFICIENT_POINTS"),
    ('loyaltyRewardReturn(redemptionId: "{redemption}")', "OWNER MANAGE_DISCOUNTS; SIGNED_IN: NOT_FOUND"),
    ("referralCodeCreate", "SIGNED_IN"),
    ('referralCodeApply(code: "{code}")', "OWNER: SELF_REFERRAL; SIGNED_IN"),
    ('customerFeedbackCreate(orderId: "{unrated}", score: 9)', "OWNER; SIGNED_IN: NOT_FOUND"),
    ('customerFeedbackUpdate(orderId: "{order}", score: 9)', "OWNER; SIGNED_IN: NOT_FOUND"),
    ("customerConsentUpdate(consents: [{{ purpose: PROFILING, state: REFUSED }}])", "SIGNED_IN; STAFF: GRAPHQL_ERROR"),
    (
        'customerConsentUpdate(id: "{profile}", consents: [{{ purpose: PROFILING, state: REFUSED }}])',
        "OWNER MANAGE_USERS",
    ),
    (
        'customerConsentUpdate(userId: "{ann}", consents: [{{ purpose: PROFILING, state: REFUSED }}])',
        "OWNER MANAGE_USERS",
    ),
    (
        'customerConsentUpdate(email: "{email}", consents: [{{ purpose: PROFILING, state: REFUSED }}])',
        "MANAGE_USERS",
    ),
    (
        'recommendationEventTrack(input: {{ channel: "{channel}", sessionId: "0123456789abcdef-x", '
        'events: [{{ type: VIEWED, productId: "{apple}" }}] }})',
        "ANYBODY",
    ),
    # Points and what is given for them.
    ('loyaltyPointsAdjust(userId: "{ann}", points: 1, reason: "x")', "MANAGE_DISCOUNTS"),
    ('loyaltyPointsAdjust(email: "{email}", points: 1, reason: "x")', "MANAGE_DISCOUNTS"),
    ('loyaltyPointsAdjust(accountId: "{account}", points: 1, reason: "x")', "MANAGE_DISCOUNTS"),
    ('loyaltyTransactionVoid(transactionId: "{adjustment}", reason: "x")', "MANAGE_DISCOUNTS"),
    ('loyaltyTransactionReinstate(transactionId: "{expiry}", reason: "x")', "MANAGE_DISCOUNTS"),
    (
        'loyaltyEarningRuleCreate(input: {{ name: "x", effect: MULTIPLIER, value: 2 }})',
        "MANAGE_DISCOUNTS",
    ),
    ('loyaltyEarningRuleUpdate(id: "{earning_rule}", input: {{ name: "x" }})', "MANAGE_DISCOUNTS"),
    ('loyaltyEarningRuleDelete(id: "{earning_rule}")', "MANAGE_DISCOUNTS"),
    (
        "loyaltyEarningRuleSimulate(input: {{ trigger: ORDER, effect: FIXED_POINTS, value: 5 }})",
        "MANAGE_DISCOUNTS",
    ),
    (
        'loyaltyRewardCreate(input: {{ name: "x", kind: FREE_SHIPPING, cost: 1 }})',
        "MANAGE_DISCOUNTS",
    ),
    ('loyaltyRewardUpdate(id: "{reward}", input: {{ name: "x" }})', "MANAGE_DISCOUNTS"),
    ('loyaltyRewardDelete(id: "{reward}")', "MANAGE_DISCOUNTS"),
    ("loyaltyTierPolicyUpdate(input: {{ graceDays: 3 }})", "MANAGE_DISCOUNTS"),
    ('loyaltyTierCreate(input: {{ name: "x", level: 900, threshold: 900000 }})', "MANAGE_DISCOUNTS"),
    ('loyaltyTierUpdate(id: "{tier}", input: {{ name: "x" }})', "MANAGE_DISCOUNTS"),
    ('loyaltyTierDelete(id: "{tier}")', "MANAGE_DISCOUNTS"),
    (
        'loyaltyTierAssign(userId: "{ann}", tierId: "{tier}", until: "2099-01-01T00:00:00Z", reason: "x")',
        "MANAGE_DISCOUNTS",
    ),
    # Customers. Their data name orders.
    ('customerDataExport(id: "{profile}")', "MANAGE_USERS+MANAGE_ORDERS"),
    ('customerDataExport(email: "{email}")', "MANAGE_USERS+MANAGE_ORDERS"),
    ('customerDataErase(id: "{guest}", level: DELETE)', "MANAGE_USERS"),
    ('customerDataErase(email: "{email}", level: STOP)', "MANAGE_USERS"),
    ('customerProfileMergePreview(sourceId: "{guest}", targetId: "{profile}")', "MANAGE_USERS"),
    ('customerProfileMerge(sourceId: "{guest}", targetId: "{profile}")', "MANAGE_USERS"),
    ('customerProfileUnmerge(mergeId: "{merge}")', "MANAGE_USERS"),
    ('customerTagAssign(ids: ["{profile}"], tags: ["new"])', "MANAGE_USERS"),
    ('customerTagUnassign(userIds: ["{ann}"], tags: ["{tag}"])', "MANAGE_USERS"),
    ('customerNoteAdd(id: "{profile}", text: "x")', "MANAGE_USERS"),
    ('customerNoteAdd(email: "{email}", text: "x")', "MANAGE_USERS"),
    ('customerNoteDelete(id: "{note}")', "MANAGE_USERS"),
    ('customerProfileTypeUpdate(id: "{profile}", customerType: B2B)', "MANAGE_USERS"),
    ('customerSegmentCreate(input: {{ name: "x", query: "orders_count > 0" }})', "MANAGE_USERS"),
    ('customerSegmentUpdate(id: "{segment}", input: {{ name: "x" }})', "MANAGE_USERS"),
    ('customerSegmentDelete(id: "{segment}")', "MANAGE_USERS"),
    ('customerSegmentExport(segmentId: "{segment}")', "MANAGE_USERS"),
    # Products.
    ('customerFeedbackModerate(reviewId: "{review}", state: REJECTED)', "MANAGE_PRODUCTS"),
    ("recommendationModelTrain", "MANAGE_PRODUCTS"),
    ("recommendationModelRollback", "MANAGE_PRODUCTS"),
    (
        'merchandisingRuleCreate(input: {{ name: "x", action: BURY, factor: 2, '
        'targets: {{ productIds: ["{apple}"] }} }})',
        "MANAGE_PRODUCTS",
    ),
    ('merchandisingRuleUpdate(id: "{merchandising_rule}", input: {{ name: "x" }})', "MANAGE_PRODUCTS"),
    ('merchandisingRuleDelete(id: "{merchandising_rule}")', "MANAGE_PRODUCTS"),
]

# Mutations that only tell something, or hand it to the workers.
CHANGE_NOTHING: Final = {
    "loyaltyEarningRuleSimulate",
    "customerProfileMergePreview",
    "recommendationModelTrain",
    # Who has a code gets the same one.
    "referralCodeCreate",
}

# Fields of our own types, by who may read them once they have got the object. Nobody gets more than the lines above
# give; fields of a mutation's answer, and of the pages of a list, belong to whoever got that.
TYPES: Final[dict[str, dict[str, str]]] = {
    # Loyalty
    "LoyaltyAccount": {
        "id balance pending lifetime deficit worth expiringSoon nextActivation referralCode tier": "HOLDER",
        "tierProgress transactions redemptions": "HOLDER",
    },
    "PointsExpiry": {"points expiresAt": "HOLDER"},
    "PointsActivation": {"points availableAt": "HOLDER"},
    "PointsTransaction": {
        "id type points balanceAfter createdAt reason": "HOLDER",
        # Whoever has an order's id can ask for it, and is told where its customer lives.
        "order": "OWNER MANAGE_ORDERS; else: null",
    },
    "RewardRedemption": {
        "id reward name kind cost percentage amount minimumSpend productVariantId status": "HOLDER",
        "createdAt expiresAt usedAt returnedAt": "HOLDER",
        "code": "OWNER MANAGE_DISCOUNTS; else: null",
        "order": "OWNER MANAGE_ORDERS; else: null",
    },
    "LoyaltyReward": {
        "id name description kind cost percentage amount currency minimumSpend productVariantId channelIds": "HOLDER",
        "stock remaining limitPerCustomer startsAt endsAt validDays minimumTier isActive": "HOLDER",
        "segments customerSegments": "MANAGE_DISCOUNTS; else: null",
        # About whoever asks.
        "canRedeem missingPoints refusal": "SIGNED_IN; else: null",
    },
    "LoyaltyTier": {"id name description level threshold earningMultiplier entryPoints": "HOLDER"},
    "LoyaltyTierProgress": {"nextTier pointsToNext amountToNext keepUntil pointsToKeep amountToKeep": "HOLDER"},
    "LoyaltyTierPolicy": {"basis currency window windowDays windowMonths graceDays downgrade": "HOLDER"},
    "LoyaltyReferral": {
        "id status refusal referrer friend appliedAt rewardAt decidedAt referrerPoints friendPoints": "HOLDER",
        "order": "OWNER MANAGE_ORDERS; else: null",
    },
    "LoyaltyEarningRule": {
        "id name status version trigger effect value channelIds startsAt endsAt weekdays conditions limits": "HOLDER",
        "priority stackable referralSide expiresAfterMonths inForceSince uses": "HOLDER",
    },
    "EarningRuleConditions": {
        "productIds categoryIds collectionIds productTypeIds minimumSubtotal segments customerSegments": "HOLDER",
        "buyerType tierIds": "HOLDER",
    },
    "EarningRuleLimits": {"pointsPerOrder pointsPerCustomer usesPerCustomer pointsInTotal period": "HOLDER"},
    "EarningRuleUses": {"points customers dryRunPoints": "HOLDER"},
    "EarningRuleSimulation": {"points ordersRead orders customers costs mostAffected": "HOLDER"},
    "EarningRuleSimulationCost": {"currency points worth pointsWithoutWorth": "HOLDER"},
    "EarningRuleSimulationOrder": {
        "number placedAt pointsBefore pointsAfter": "HOLDER",
        "orderId": "MANAGE_ORDERS; else: null",
    },
    "NamedCustomerSegment": {"id name slug": "HOLDER"},
    "LoyaltyLiability": {
        "asOf points pendingPoints worth pendingWorth deficitPoints deficitAccounts pointValues months": "HOLDER",
        "closedPoints breakage movements": "HOLDER",
    },
    "LoyaltyLiabilityMonth": {"month points pendingPoints worth pendingWorth": "HOLDER"},
    "LoyaltyPointValue": {"currency value": "HOLDER"},
    "LoyaltyBreakage": {"status rate lots expiredPoints spentPoints expectedPoints expectedWorth": "HOLDER"},
    "LoyaltyMovements": {"from to opening byType closing": "HOLDER"},
    "LoyaltyMovement": {"type given taken entries": "HOLDER"},
    "CheckoutLoyalty": {
        "pointsToEarn breakdown maxApplicablePoints appliedPoints discount replacedPromotion": "HOLDER"
    },
    "PointsBreakdown": {"name points reason": "HOLDER"},
    "OrderLoyalty": {"pointsEarned pointsPending pointsReversed pointsRedeemed availableAt": "HOLDER"},
    # Customers
    "CustomerProfile": {
        "id createdAt isGuest user ordersCount metrics feedback": "HOLDER",
        "email timeline consents profilingAllowed recommendationsAllowed": "OWNER MANAGE_USERS",
        "lifecycleStage lifecycleSince customerType favoriteCategories": "OWNER MANAGE_USERS",
        "tags notes consentHistory merges segments": "MANAGE_USERS",
    },
    "CustomerMetrics": {
        "currency ordersCount grossSpent refunded netSpent averageOrderValue firstOrderAt lastOrderAt": "HOLDER",
        "averageDaysBetweenOrders itemsCount returnedItems recencyScore frequencyScore monetaryScore": "HOLDER",
        "rfmGroup historicClv predictionStatus predictedClv predictedOrders probabilityAlive": "HOLDER",
        "churnProbability expectedNextOrderAt": "HOLDER",
    },
    "FavoriteCategory": {"category ordersCount itemsCount": "HOLDER"},
    "CustomerConsent": {
        "purpose state source textVersion recordedAt": "HOLDER",
        "recordedBy": "MANAGE_USERS",
    },
    "CustomerActor": {"type name": "HOLDER"},
    "CustomerNote": {"id text createdAt author": "HOLDER"},
    "CustomerTagCount": {"name customersCount": "HOLDER"},
    "CustomerMerge": {"id sourceId targetId mergedAt mergedBy undoUntil undoneAt canBeUndone": "HOLDER"},
    "CustomerMergePlan": {"source target stricterConsents tags undoUntil refusals": "HOLDER"},
    "CustomerMergeSide": {"profileId name emails ordersCount points pendingPoints debt tags": "HOLDER"},
    "CustomerSegment": {
        "id name slug description query createdAt updatedAt refreshedAt error memberCount members": "HOLDER",
    },
    "CustomerSegmentPreview": {"count sample errors": "HOLDER"},
    "CustomerSegmentQueryError": {"message line column found expected suggestion": "HOLDER"},
    "CustomerSegmentExplanation": {"matches isCustomer conditions": "HOLDER"},
    "CustomerSegmentCondition": {"text value holds isNegated": "HOLDER"},
    "CustomerSegmentField": {"name type description operators standsAlone values parameters": "HOLDER"},
    "CustomerSegmentFieldParameter": {"name type description isRequired": "HOLDER"},
    "CustomerDataRequest": {
        "id kind level customer segmentId requestedBy createdAt expiresAt downloads": "HOLDER",
    },
    "CustomerFeedback": {
        "id score comment createdAt editedAt editableUntil reviews": "HOLDER",
        "order": "OWNER MANAGE_ORDERS; else: null",
        "customer": "OWNER MANAGE_USERS; else: null",
    },
    "ProductReview": {
        "id rating comment createdAt editedAt": "HOLDER",
        "orderLineId": "OWNER MANAGE_ORDERS; else: null",
        "state": "OWNER MANAGE_PRODUCTS; else: null",
        "product": "MANAGE_PRODUCTS; else: null",
        "author": "MANAGE_USERS; else: null",
    },
    "ProductRating": {"average count counts": "HOLDER"},
    "FeedbackReport": {"total overTime": "HOLDER"},
    "FeedbackScores": {"beginsAt responses promoters passives detractors netPromoterScore": "HOLDER"},
    "TimelineEvent": {
        # Of what each subject is, and so who gets its id: `test_timeline`.
        "id kind happenedAt label subjectId amount quantity points actorType": "HOLDER",
        "order": "OWNER MANAGE_ORDERS; else: null",
        "actorUser details": "MANAGE_USERS; else: null",
    },
    # Recommendations
    "ProductRecommendation": {"product score reason": "HOLDER"},
    "RecommendationReason": {"kind text messageId arguments value expectedAt products": "HOLDER"},
    "RecommendationReasonArgument": {"name value": "HOLDER"},
    "RecommendationModel": {
        "id status startedAt finishedAt withdrawnAt engine learntSince lines orders customers products": "HOLDER",
        "message": "HOLDER",
    },
    "RecommendationReport": {
        "since until attributionDays isFinal kinds total models comparison": "HOLDER",
    },
    "RecommendationPerformance": {
        "kind shown clicked added clickThrough conversion orders lines revenue": "HOLDER",
    },
    "RecommendationModelPerformance": {"modelVersion shown clicked added clickThrough": "HOLDER"},
    "RecommendationShare": {"value low high successes trials": "HOLDER"},
    "RecommendationComparison": {
        "status since holdoutPercent heldOut others changedCustomers customersNeeded difference low high": "HOLDER",
    },
    "RecommendationCustomerGroup": {"customers buyers revenue revenuePerCustomer": "HOLDER"},
    "MerchandisingRule": {
        "id name isActive version action targets position places factor channelIds kinds segmentIds": "HOLDER",
        "startsAt endsAt priority updatedAt": "HOLDER",
    },
    "MerchandisingTargets": {"productIds categoryIds collectionIds attributes": "HOLDER"},
    "MerchandisingAttribute": {"slug values": "HOLDER"},
    "MerchandisingPreview": {"entries excluded": "HOLDER"},
    "MerchandisingPreviewEntry": {"product position basePosition score reason rules causes": "HOLDER"},
    "MerchandisingExclusion": {"product basePosition rules": "HOLDER"},
    # The shop
    "CrmStatus": {
        "version saleorVersion lastSyncAt ordersBehind failedOrders lastTrainingAt forecasts": "HOLDER",
    },
    "CrmForecast": {
        "currency status reason fittedAt forecastDays model churnModel customers historyDays loyalCustomers": "HOLDER",
        "scoredCustomers calibrationFrom holdoutFrom holdoutUntil holdoutCustomers mae rmse bias churnAuc": "HOLDER",
        "naiveMae naiveRmse naiveBias": "HOLDER",
    },
}

# Fields that nobody reaches without being allowed to read them, since the object itself is kept from others.
REFUSED_BEFORE: Final = (
    "CustomerProfile.email",
    "CustomerProfile.timeline",
    "CustomerProfile.consents",
    "CustomerProfile.profilingAllowed",
    "CustomerProfile.recommendationsAllowed",
    "CustomerProfile.lifecycleStage",
    "CustomerProfile.lifecycleSince",
    "CustomerProfile.customerType",
    "CustomerProfile.favoriteCategories",
)
