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


class AccountPassedOnError(LedgerError):
    """The customer was merged or separated meanwhile, and the account is another's."""


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


class CustomersBusyError(CustomerInputError):
    """Somebody else has locked what the request needs, for longer than everybody else can wait."""


class RecommendationInputError(InputError):
    """A request about recommendations that is refused; codes are those of `RecommendationErrorCode`."""


class RedemptionError(LoyaltyInputError):
    """Points cannot be applied to this checkout."""


class TrainingError(CRMError):
    """A recommendation model cannot be trained on what there is; the published one stays."""


class ModelFileError(CRMError):
    """A file does not hold a saved recommendation model that this version can read."""


class EvaluationError(CRMError):
    """Recommendations cannot be evaluated on these purchases."""


class ExchangeError(CRMError):
    """A directory of exchanged training data or results is refused. What is served has not changed.

    Args:
        message: what is wrong, and what to do.
        path: the file or directory at fault.
        row_group, row: in a Parquet file, both from 0; the row counts within its row group.
    """

    def __init__(
        self,
        message: str,
        path: object = None,
        *,
        row_group: int | None = None,
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        self.path = None if path is None else str(path)
        self.row_group = row_group
        self.row = row
        self.column = column
        place = [] if path is None else [str(path)]
        place += [
            f"{name} {value}"
            for name, value in (("row group", row_group), ("row", row), ("column", column))
            if value is not None
        ]
        super().__init__(f"{', '.join(place)}: {message}" if place else message)


class ForecastError(CRMError):
    """Nothing can be forecast from what there is, or another forecast is running; what is stored stays."""


class ImportFileError(CRMError):
    """A file cannot be imported as it is, whatever stands in its rows. Nothing has been written."""
