"""Every error that this package raises on purpose. The message says what to do next."""

from __future__ import annotations


class CRMError(Exception):
    """Base class of all our errors."""


class SettingsError(CRMError):
    """Plugin settings do not parse.

    Args:
        errors: field name -> message with the limits, one entry for each wrong field.
    """

    def __init__(self, errors: dict[str, str]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{field}: {message}" for field, message in sorted(errors.items())))


class SchemaClashError(CRMError):
    """Saleor's schema already has a field or type that we are about to add."""


class LedgerError(CRMError):
    """A points operation that the ledger refuses. Nothing has been written."""


class InsufficientPointsError(LedgerError):
    """More points asked for than can be spent.

    Args:
        requested: points asked for.
        available: points that can be spent now.
    """

    def __init__(self, requested: int, available: int) -> None:
        self.requested = requested
        self.available = available
        super().__init__(f"{requested} points requested, {available} available.")


class AccountClosedError(LedgerError):
    """The account takes no new points and spends none."""


class InputError(CRMError):
    """A request that is refused. Nothing has been written.

    Args:
        code: the name of a value of the domain's error enum, for example `"NOT_FOUND"`.
        field: the argument at fault, in the GraphQL spelling, or None.
    """

    def __init__(self, message: str, code: str, field: str | None = None) -> None:
        self.code = code
        self.field = field
        super().__init__(message)


class LoyaltyInputError(InputError):
    """A request about loyalty that is refused; codes are those of `LoyaltyErrorCode`."""


class CustomerInputError(InputError):
    """A request about a customer that is refused; codes are those of `CustomerErrorCode`."""


class RecommendationInputError(InputError):
    """A request about recommendations that is refused; codes are those of `RecommendationErrorCode`."""


class RedemptionError(LoyaltyInputError):
    """Points cannot be applied to this checkout."""


class TrainingError(CRMError):
    """A recommendation model cannot be trained on what there is; the published one stays."""


class ForecastError(CRMError):
    """Nothing can be forecast from what there is, or another forecast is running; what is stored stays."""


class ImportFileError(CRMError):
    """A file cannot be imported as it is, whatever stands in its rows. Nothing has been written."""
