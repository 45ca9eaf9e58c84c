import graphene

from ..core.doc_category import DOC_CATEGORY_PRODUCTS
from ..core.types import BaseInputObjectType, NonNullList


class ProductFilterInput(BaseInputObjectType):
    search = graphene.String(description="A part of the name.")
    ids = NonNullList(graphene.ID, description="Only these.")
    categories = NonNullList(graphene.ID, description="Only in these.")
    slugs = NonNullList(graphene.String, description="Only with these slugs.")

    class Meta:
        doc_category = DOC_CATEGORY_PRODUCTS
