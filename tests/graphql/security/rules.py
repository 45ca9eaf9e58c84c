"""The words of the table: who may, and what others get.

A rule is a line such as `OWNER MANAGE_USERS`, or with other answers than a refusal
`OWNER; SIGNED_IN: NOT_FOUND`, read from left to right until one fits. Words for who asks:

    ANYBODY          the anonymous, too
    HOLDER           whoever has got the object that the field is of
    OWNER            the customer whom it is about
    SIGNED_IN        a user, whoever it is; never an app
    STAFF            staff and apps with any of the permissions of this table
    MANAGE_...       staff or an app with the permission; with all of several that `+` joins

and after a colon what they get: `null`, `denied`, or the code of an error of the mutation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from tests.graphql.client import Api

SEEN: Final = "seen"
DENIED: Final = "denied"
NULL: Final = "null"

Kind = Literal["anonymous", "customer", "other customer", "staff", "app"]


@dataclass(frozen=True)
class Requestor:
    """
    Attributes:
        name: what kind of requestor it is, and with which permissions.
        is_owner: what is asked for is the requestor's own.
    """

    name: str
    kind: Kind
    api: Api = field(repr=False)
    permissions: frozenset[str] = frozenset()
    is_owner: bool = False

    def is_called(self, word: str) -> bool:
        if word in ("ANYBODY", "HOLDER"):
            return True
        if word == "OWNER":
            return self.is_owner or self.kind == "customer"
        if word == "SIGNED_IN":
            return self.kind not in ("anonymous", "app")
        if word == "STAFF":
            return bool(self.permissions)
        assert word.startswith("MANAGE_"), word
        return self.permissions.issuperset(word.split("+"))


def expected(rule: str, requestor: Requestor) -> str:
    """What the requestor gets by a rule: `SEEN`, `DENIED`, `NULL`, or the code of an error."""
    for part in rule.split(";"):
        words, _, answer = part.partition(":")
        if words.strip() == "else" or any(requestor.is_called(word) for word in words.split()):
            return answer.strip() or SEEN
    return DENIED


def is_about_whoever_asks(rule: str) -> bool:
    """Whether any user gets the own: the same line then is about somebody else for each."""
    return any(part.split() == ["SIGNED_IN"] for part in rule.split(";"))


def permissions_in(rule: str) -> set[str]:
    words = [word.strip(":;") for word in rule.split() if word.startswith("MANAGE_")]
    return {permission for word in words for permission in word.split("+")}
