"""GraphQL over HTTP with the standard library, and every request and answer on the screen."""

from __future__ import annotations

import json
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

TIMEOUT_SECONDS: Final = 60
SECRETS: Final = ("password", "token", "refreshToken", "csrfToken")
WIDTH: Final = 118

Json = Any


class StoryError(Exception):
    """The shop did not do what it should; the message says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. Without a token, nobody."""

    name: str
    token: str = ""


ANYBODY: Final = Person("anybody")


class Shop:
    """A shop's GraphQL endpoint.

    Args:
        url: of the endpoint, like http://127.0.0.1:8000/graphql/.
        show: gets each line of what is printed.
    """

    def __init__(self, url: str, show: Callable[[str], object] = print) -> None:
        self.url = url
        self.show = show
        self._shown: set[str] = set()

    def ask(self, who: Person, query: str, **variables: Json) -> Json:
        """The answer's data, after printing both.

        Raises:
            StoryError: the answer has errors, at the top or in a mutation.
        """
        began = time.perf_counter()
        answer = self.post(who, query, variables)
        self._print(who, query, variables, answer, f"{(time.perf_counter() - began) * 1000:.0f} ms")
        return data_of(answer)

    def ask_until(
        self, who: Person, query: str, is_so: Callable[[Json], bool], seconds: float, **variables: Json
    ) -> Json:
        """Ask again until `is_so`, for what the shop's workers do after the request; print the last answer."""
        began = time.monotonic()
        pause, times = 0.1, 0
        while True:
            answer = self.post(who, query, variables)
            times += 1
            waited = time.monotonic() - began
            data = data_of(answer)
            if is_so(data) or waited > seconds:
                break
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)
        self._print(who, query, variables, answer, f"asked {times} times in {waited:.1f} s" if times > 1 else "")
        if not is_so(data):
            raise StoryError(
                f"After {seconds:.0f} s the shop still answers the above. Is a Celery worker running? Its log, and "
                "`crmStatus { failedOrders ordersBehind }`, say more."
            )
        return data

    def refused(self, who: Person, query: str, **variables: Json) -> str:
        """The message with which the request is refused.

        Raises:
            StoryError: it is not.
        """
        answer = self.post(who, query, variables)
        self._print(who, query, variables, answer, "")
        try:
            data_of(answer)
        except StoryError as error:
            return str(error)
        raise StoryError("The shop should have refused this, and did not.")

    def post(self, who: Person, query: str, variables: Json) -> Json:
        """The answer as it comes, without printing."""
        request = urllib.request.Request(
            self.url,
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json", **({"Authorization": f"Bearer {who.token}"} if who.token else {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                body = response.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        except (urllib.error.URLError, TimeoutError) as error:
            raise StoryError(f"No answer from {self.url}: {getattr(error, 'reason', error)}.") from error
        try:
            return json.loads(body, parse_float=Decimal)
        except ValueError:
            raise StoryError(f"{self.url} answers with something else than JSON: {body[:300]!r}") from None

    def _print(self, who: Person, query: str, variables: Json, answer: Json, note: str) -> None:
        self.show("")
        self.show(f"  > as {who.name}")
        self.show(textwrap.indent(self._once(query.strip()), "    "))
        if variables:
            self.show(f"    variables {printed(masked(variables), 14, 4)}")
        self.show(f"  < answer{f' ({note})' if note else ''}")
        shown = {"errors": [error.get("message") for error in answer["errors"]]} if answer.get("errors") else {}
        self.show(f"    {printed(masked({**shown, **(answer.get('data') or {})}), 4, 4)}")

    def _once(self, query: str) -> str:
        if query in self._shown:
            return query.partition("\n")[0] + " ... }, as before"
        self._shown.add(query)
        return query


def data_of(answer: Json) -> Json:
    if answer.get("errors"):
        raise StoryError("The shop refuses: " + "; ".join(str(error["message"]) for error in answer["errors"]))
    data = answer["data"]
    for name, value in data.items():
        errors = value.get("errors") if isinstance(value, dict) else None
        if errors:
            reasons = "; ".join(f"{error['field']}: {error['message']} ({error['code']})" for error in errors)
            raise StoryError(f"{name} refuses: {reasons}")
    return data


def masked(value: Json) -> Json:
    """Without secrets, which do not belong on a screen."""
    if isinstance(value, dict):
        return {name: "..." if name in SECRETS and item else masked(item) for name, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list) else value


def printed(value: Json, column: int, indent: int) -> str:
    """JSON in which whatever fits stands on one line. `column` is where the text begins."""
    line = json.dumps(value, ensure_ascii=False, default=float)
    if not isinstance(value, dict | list) or not value or column + len(line) <= WIDTH:
        return line
    inner = indent + 2
    if isinstance(value, dict):
        parts = [f"{json.dumps(name)}: {printed(item, inner + len(name) + 4, inner)}" for name, item in value.items()]
    else:
        parts = [printed(item, inner, inner) for item in value]
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    lines = ",\n".join(" " * inner + part for part in parts)
    return f"{opening}\n{lines}\n{' ' * indent}{closing}"
