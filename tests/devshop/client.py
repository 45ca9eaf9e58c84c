"""A GraphQL client for tests, over Django's test client: the whole way through the shop's view."""

import json
from typing import Any

from django.test import Client
from django.urls import reverse


class GraphQLError(AssertionError):
    """The response has errors, where the test expected none."""


class GraphQLClient:
    """Posts queries as nobody, as a user, or as an app.

    >>> client = GraphQLClient(user=customer)
    >>> client.post("{ me { email } }")["data"]["me"]["email"]
    'customer@example.com'
    """

    def __init__(self, user: Any = None, token: str | None = None, app: str | None = None) -> None:
        self.user = user
        self.token = token
        self.app = app
        self.http = Client()

    def post(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        user: Any = None,
        token: str | None = None,
        app: str | None = None,
    ) -> dict[str, Any]:
        """Return the body of the response. `token` is a user's or an app's; `app` is an app's token."""
        response = self.send({"query": query, "variables": variables or {}}, user=user, token=token, app=app)
        return response.json()

    def data(self, query: str, variables: dict[str, Any] | None = None, **who: Any) -> dict[str, Any]:
        """Return `data`, and raise if the response has errors."""
        body = self.post(query, variables, **who)
        if body.get("errors"):
            raise GraphQLError(json.dumps(body["errors"], indent=1))
        return body["data"]

    def send(self, body: Any, *, user: Any = None, token: str | None = None, app: str | None = None) -> Any:
        """Post any JSON, and return Django's response."""
        credentials = token or app or self._token_of(user) or self.token or self.app or self._token_of(self.user)
        headers = {"Authorization": f"Bearer {credentials}"} if credentials else {}
        return self.http.post(
            reverse("api"), json.dumps(body, default=str), content_type="application/json", headers=headers
        )

    @staticmethod
    def _token_of(user: Any) -> str | None:
        from saleor.core.jwt import create_access_token

        return create_access_token(user) if user is not None else None
