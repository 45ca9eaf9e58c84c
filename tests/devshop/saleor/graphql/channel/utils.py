from django.conf import settings
from graphql.error import GraphQLError

from ...channel.models import Channel


def get_default_channel_slug_or_graphql_error(allow_replica: bool = False) -> str:
    """The only channel, where there is one only; a request without a channel cannot mean another."""
    database = settings.DATABASE_CONNECTION_REPLICA_NAME if allow_replica else settings.DATABASE_CONNECTION_DEFAULT_NAME
    slugs = list(Channel.objects.using(database).filter(is_active=True).values_list("slug", flat=True)[:2])
    if len(slugs) != 1:
        raise GraphQLError("There is more than one channel, or none: say which.")
    return slugs[0]
