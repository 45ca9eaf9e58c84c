"""Errors of the mutations about customers."""

from __future__ import annotations

from enum import StrEnum

from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.types.common import Error

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.enums import enum_of


class CustomerCode(StrEnum):
    """Why a request about a customer was refused. `CustomerInputError.code` holds the name of one."""

    GRAPHQL_ERROR = "graphql_error"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    REQUIRED = "required"
    UNIQUE = "unique"
    NOT_APPLICABLE = "not_applicable"
    LIMIT_REACHED = "limit_reached"


CustomerErrorCode = enum_of(
    "CustomerErrorCode",
    {
        CustomerCode.GRAPHQL_ERROR: "An argument has the wrong form, for example an ID of another type.",
        CustomerCode.NOT_FOUND: "There is no such object, or it is not yours.",
        CustomerCode.INVALID: "A value is out of range, or a text does not parse.",
        CustomerCode.REQUIRED: "A value is missing.",
        CustomerCode.UNIQUE: "There is one like it already.",
        CustomerCode.NOT_APPLICABLE: "It cannot be done to this customer as things are; the message says why.",
        CustomerCode.LIMIT_REACHED: "There are as many as there can be.",
    },
    "Why a request about a customer was refused.",
    DOC_CATEGORY_USERS,
)


class CustomerError(Error):
    code = CustomerErrorCode(description="The error code.", required=True)

    class Meta:
        description = "Represents an error in the input of a mutation about customers." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS
