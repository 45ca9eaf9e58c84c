"""What the story asks. Only names that Saleor 3.21 to 3.24 has, and those that saleor-crm-plugin adds."""

from __future__ import annotations

from typing import Final

ADDRESS: Final = {
    "firstName": "Ada",
    "lastName": "Buyer",
    "streetAddress1": "500 Fifth Avenue",
    "city": "New York",
    "countryArea": "NY",
    "postalCode": "10110",
    "country": "US",
}

LOGIN: Final = """
mutation Login($email: String!, $password: String!) {
  tokenCreate(email: $email, password: $password) {
    token
    user { id email isStaff }
    errors { field message code }
  }
}
"""

ABILITIES: Final = """
query Abilities {
  checkout: __type(name: "Checkout") { fields { name } }
  mutations: __type(name: "Mutation") { fields { name } }
}
"""

SETTINGS: Final = """
query Settings {
  plugin(id: "crm.loyalty") {
    channelConfigurations {
      active
      channel { id slug currencyCode }
      configuration { name value }
    }
  }
}
"""

CONFIGURE: Final = """
mutation Configure($channelId: ID!, $configuration: [ConfigurationItemInput!]!) {
  pluginUpdate(id: "crm.loyalty", channelId: $channelId, input: { active: true, configuration: $configuration }) {
    plugin { name }
    errors { field message code }
  }
}
"""

BALANCE: Final = """
query Balance {
  me { loyaltyAccount { balance pending lifetime } }
}
"""

ME: Final = """
query Me($channel: String!, $currency: String!) {
  me {
    id
    email
    customerProfile {
      metrics(currency: $currency) {
        ordersCount
        netSpent { amount currency }
        averageOrderValue { amount }
        averageDaysBetweenOrders
        lastOrderAt
        rfmGroup
      }
    }
    loyaltyAccount(channel: $channel) {
      balance
      pending
      deficit
      lifetime
      worth { amount currency }
      transactions(first: 5) {
        totalCount
        edges { node { type points balanceAfter order { number } } }
      }
    }
  }
}
"""

RECOMMENDED: Final = """
query Recommended($channel: String!) {
  me {
    recommendations(channel: $channel, first: 5) {
      score
      reason { kind text }
      product {
        id
        name
        variants { id name quantityAvailable pricing { price { gross { amount currency } } } }
      }
    }
  }
}
"""

GOES_WITH: Final = """
query GoesWith($channel: String!, $id: ID!) {
  product(id: $id, channel: $channel) {
    name
    frequentlyBoughtTogether(first: 3) { reason { text } product { name } }
  }
}
"""

ADJUST: Final = """
mutation Adjust($userId: ID!, $points: Int!, $reason: String!, $key: String!) {
  loyaltyPointsAdjust(userId: $userId, points: $points, reason: $reason, idempotencyKey: $key) {
    account { balance }
    transaction { id type points balanceAfter reason }
    errors { field message code }
  }
}
"""

CHECKOUT_FIELDS: Final = """
fragment Points on Checkout {
  id
  lines { quantity variant { product { name } } totalPrice { gross { amount } } }
  totalPrice { gross { amount currency } }
  loyalty {
    pointsToEarn
    breakdown { name points reason }
    maxApplicablePoints
    appliedPoints
    discount { amount }
    replacedPromotion { amount }
  }
}
"""

CREATE: Final = f"""
mutation Create($input: CheckoutCreateInput!) {{
  checkoutCreate(input: $input) {{
    checkout {{
      ...Points
      recommendations(first: 3) {{ product {{ name }} reason {{ text }} }}
    }}
    errors {{ field message code }}
  }}
}}
{CHECKOUT_FIELDS}"""

CHECKOUT: Final = f"""
query Checkout($id: ID!) {{
  checkout(id: $id) {{ ...Points }}
}}
{CHECKOUT_FIELDS}"""

SHIPPING: Final = """
query Shipping($id: ID!) {
  checkout(id: $id) { isShippingRequired shippingMethods { id name price { amount } } }
}
"""

DELIVERY_OPTIONS: Final = """
mutation DeliveryOptions($id: ID!) {
  deliveryOptionsCalculate(id: $id) {
    deliveries { id shippingMethod { name price { amount } } }
    errors { field message code }
  }
}
"""

DELIVER: Final = """
mutation Deliver($id: ID!, $method: ID!) {
  checkoutDeliveryMethodUpdate(id: $id, deliveryMethodId: $method) {
    checkout { totalPrice { gross { amount } } }
    errors { field message code }
  }
}
"""

APPLY: Final = f"""
mutation Apply($checkoutId: ID!, $points: Int!) {{
  loyaltyPointsApply(checkoutId: $checkoutId, points: $points) {{
    appliedPoints
    discount {{ amount currency }}
    limitedBy
    checkout {{ ...Points }}
    errors {{ field message code }}
  }}
}}
{CHECKOUT_FIELDS}"""

COMPLETE: Final = """
mutation Complete($id: ID!) {
  checkoutComplete(id: $id) {
    order {
      id
      number
      status
      total { gross { amount currency } }
      shippingPrice { gross { amount } }
      lines { id productName quantity totalPrice { gross { amount } } }
    }
    errors { field message code }
  }
}
"""

ORDER: Final = """
query Order($id: ID!) {
  order(id: $id) {
    number
    status
    chargeStatus
    loyalty { pointsEarned pointsPending pointsReversed pointsRedeemed availableAt }
  }
}
"""

PAY: Final = """
mutation Pay($id: ID!, $amount: PositiveDecimal!, $currency: String!, $reference: String!) {
  transactionCreate(
    id: $id
    transaction: {
      name: "Card"
      pspReference: $reference
      availableActions: [REFUND]
      amountCharged: { amount: $amount, currency: $currency }
    }
  ) {
    transaction { id chargedAmount { amount } refundedAmount { amount } }
    errors { field message code }
  }
}
"""

# Both amounts are those after the refund: what stays charged, and all that was given back.
REFUND: Final = """
mutation Refund($id: ID!, $charged: PositiveDecimal!, $refunded: PositiveDecimal!, $currency: String!) {
  transactionUpdate(
    id: $id
    transaction: {
      amountCharged: { amount: $charged, currency: $currency }
      amountRefunded: { amount: $refunded, currency: $currency }
    }
  ) {
    transaction { id chargedAmount { amount } refundedAmount { amount } }
    errors { field message code }
  }
}
"""

STATUS: Final = """
query Status {
  crmStatus { version saleorVersion lastSyncAt ordersBehind failedOrders lastTrainingAt }
}
"""
