"""What the explorer page offers to try: logins, and queries that answer something in the demo's shop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

CUSTOMER_PASSWORD: Final = "demo"
STAFF_EMAIL: Final = "admin@example.com"
STAFF_PASSWORD: Final = "admin"
CHANNEL: Final = "default-channel"
CUSTOMER: Final = "customer"
STAFF: Final = "staff"


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody to be. `role` is what a sample asks for."""

    role: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A query to try. `role` says as whom; empty: as nobody."""

    title: str
    query: str
    variables: dict[str, Any] = field(default_factory=dict)
    role: str = ""


def logins() -> tuple[Login, ...]:
    """The demo's customer with the most orders, if there is one, and staff."""
    from django.db.models import Count
    from saleor.account.models import User
    from saleor.core.db.connection import allow_writer

    with allow_writer():
        customers = User.objects.filter(is_staff=False).annotate(bought=Count("orders"))
        email = customers.order_by("-bought", "pk").values_list("email", flat=True).first()
    staff = Login(STAFF, STAFF_EMAIL, STAFF_PASSWORD)
    return (Login(CUSTOMER, email, CUSTOMER_PASSWORD), staff) if email else (staff,)


def samples() -> tuple[Sample, ...]:
    """Queries, from the shopper's to the operator's."""
    known = {login.role: login.email for login in logins()}
    return (*_SAMPLES, _give_points(known.get(CUSTOMER, "")))


_SAMPLES: Final = (
    Sample(
        "My points",
        """query MyPoints($channel: String!) {
  me {
    email
    loyaltyAccount(channel: $channel) {
      balance
      pending
      lifetime
      worth { amount currency }
      expiringSoon { points expiresAt }
      transactions(first: 5) {
        totalCount
        edges { node { type points balanceAfter createdAt reason order { number } } }
      }
    }
  }
}""",
        {"channel": CHANNEL},
        CUSTOMER,
    ),
    Sample(
        "Recommended for me, and why",
        """query ForMe($channel: String!) {
  me {
    recommendations(channel: $channel, first: 10) {
      score
      reason { kind text products { name } }
      product { name category { name } pricing { priceRange { start { gross { amount currency } } } } }
    }
  }
}""",
        {"channel": CHANNEL},
        CUSTOMER,
    ),
    Sample(
        "What goes with a bestseller",
        """query GoesWith($channel: String!) {
  recommendations(channel: $channel, kind: BESTSELLERS, first: 3) {
    product {
      name
      frequentlyBoughtTogether(first: 5) { product { name } reason { text } }
      similarProducts(first: 5) { product { name } }
    }
  }
}""",
        {"channel": CHANNEL},
    ),
    Sample(
        "My orders and the points they moved",
        """query MyOrders {
  me {
    orders(first: 5) {
      edges {
        node {
          number
          created
          status
          total { gross { amount currency } }
          loyalty { pointsEarned pointsPending pointsReversed pointsRedeemed availableAt }
        }
      }
    }
  }
}""",
        role=CUSTOMER,
    ),
    Sample(
        "Customers, what they spent, and their groups",
        """query Customers {
  customerProfiles(first: 5, sortBy: { field: CREATED_AT, direction: ASC }) {
    totalCount
    edges {
      node {
        email
        isGuest
        metrics {
          ordersCount
          netSpent { amount currency }
          averageOrderValue { amount }
          averageDaysBetweenOrders
          lastOrderAt
          recencyScore
          frequencyScore
          monetaryScore
          rfmGroup
        }
      }
    }
  }
}""",
        role=STAFF,
    ),
    Sample(
        "State of the plugin",
        """query State {
  crmStatus { version saleorVersion lastSyncAt ordersBehind failedOrders lastTrainingAt }
}""",
        role=STAFF,
    ),
    Sample(
        "The settings page of the points",
        """query Settings {
  plugin(id: "crm.loyalty") {
    name
    channelConfigurations { channel { slug } configuration { name label value helpText } }
  }
}""",
        role=STAFF,
    ),
)


def _give_points(email: str) -> Sample:
    return Sample(
        "Give somebody points",
        """mutation GivePoints($email: String!, $points: Int!, $reason: String!) {
  loyaltyPointsAdjust(email: $email, points: $points, reason: $reason) {
    account { balance }
    transaction { type points balanceAfter reason }
    errors { field message code }
  }
}""",
        {"email": email, "points": 100, "reason": "Sorry for the late delivery"},
        STAFF,
    )
