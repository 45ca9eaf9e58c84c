"""Requests to `/graphql/` as a storefront, the Dashboard or an app would send them."""

from __future__ import annotations

import json
import re
from typing import Any

import graphene
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from saleor.core.jwt import create_access_token


class Api:
    """A requestor: a user, an app by its token, or nobody."""

    def __init__(self, user: Any = None, app_token: str | None = None) -> None:
        self.user = user
        self.app_token = app_token

    @property
    def headers(self) -> dict[str, str]:
        """Signed in at the moment of the request, which a test may have moved."""
        if self.user is not None:
            return {"authorization": f"JWT {create_access_token(self.user)}"}
        return {"authorization": f"Bearer {self.app_token}"} if self.app_token else {}

    def post(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer."""
        return self.post_raw({"query": query, "variables": variables})

    def post_raw(self, body: Any) -> Any:
        response = Client().post(
            reverse("api"), json.dumps(body), content_type="application/json", headers=self.headers
        )
        return response.json()

    def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a request that must succeed."""
        answer = self.post(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def error(self, query: str, **variables: Any) -> tuple[str, str]:
        """Code and message of the only error of a request."""
        (error,) = self.post(query, **variables)["errors"]
        return error["extensions"]["exception"]["code"], error["message"]

    def denied(self, query: str, **variables: Any) -> set[str]:
        """The permissions that a refused request would need, one of them."""
        code, message = self.error(query, **variables)
        assert code == "PermissionDenied", (code, message)
        return set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)*\b", message))

    def entities(self, selection: str, *representations: dict[str, Any]) -> list[Any]:
        """What a federation gateway gets for these objects."""
        from saleor.graphql.api import schema

        # Required from 3.23 on.
        argument = schema.get_query_type().fields["_entities"].args["representations"].type
        query = f"query ($r: {argument}) {{ _entities(representations: $r) {{ __typename {selection} }} }}"
        return self.data(query, r=list(representations))["_entities"]

    def statements(self, query: str, **variables: Any) -> int:
        """Number of SQL statements of a request that must succeed."""
        with CaptureQueriesContext(connections["default"]) as captured:
            self.data(query, **variables)
        return len(captured)


def global_id(type_name: str, primary_key: Any) -> str:
    return graphene.Node.to_global_id(type_name, primary_key)
