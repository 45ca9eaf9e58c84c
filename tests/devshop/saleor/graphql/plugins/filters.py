import graphene


class PluginFilterInput(graphene.InputObjectType):
    search = graphene.Argument(graphene.String, description="A part of the name or the description.")
