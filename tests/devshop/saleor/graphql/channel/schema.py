from typing import Any

import graphene
from django.db.models import QuerySet

from ...channel import models
from ...permission.auth_filters import AuthorizationFilters
from ..core.context import get_database_connection_name
from ..core.doc_category import DOC_CATEGORY_CHANNELS
from ..core.fields import PermissionsField
from ..core.types import NonNullList
from .types import Channel


class ChannelQueries(graphene.ObjectType):
    channels = PermissionsField(
        NonNullList(Channel),
        description="All channels.",
        permissions=[
            AuthorizationFilters.AUTHENTICATED_APP,
            AuthorizationFilters.AUTHENTICATED_STAFF_USER,
        ],
        doc_category=DOC_CATEGORY_CHANNELS,
    )

    @staticmethod
    def resolve_channels(_root: Any, info: Any) -> QuerySet[models.Channel]:
        return models.Channel.objects.using(get_database_connection_name(info.context)).all()
