"""Our part of Saleor's GraphQL schema: `additions` lists it, `extension` puts it in, one folder for each domain."""
