class PaymentError(Exception):
    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        return self.message


class CustomPaymentChoices:
    MANUAL = "manual"

    CHOICES = [(MANUAL, "Manual")]


class TransactionKind:
    EXTERNAL = "external"
    AUTH = "auth"
    CAPTURE = "capture"
    ACTION_TO_CONFIRM = "action_to_confirm"
    VOID = "void"
    PENDING = "pending"
    REFUND = "refund"
    REFUND_ONGOING = "refund_ongoing"
    CONFIRM = "confirm"
    CANCEL = "cancel"

    CHOICES = [
        (EXTERNAL, "External"),
        (AUTH, "Authorization"),
        (PENDING, "Pending"),
        (ACTION_TO_CONFIRM, "To be confirmed"),
        (REFUND, "Refund"),
        (REFUND_ONGOING, "Refund under way"),
        (CAPTURE, "Capture"),
        (VOID, "Void"),
        (CONFIRM, "Confirm"),
        (CANCEL, "Cancel"),
    ]


class ChargeStatus:
    NOT_CHARGED = "not-charged"
    PENDING = "pending"
    PARTIALLY_CHARGED = "partially-charged"
    FULLY_CHARGED = "fully-charged"
    PARTIALLY_REFUNDED = "partially-refunded"
    FULLY_REFUNDED = "fully-refunded"
    REFUSED = "refused"
    CANCELLED = "cancelled"

    CHOICES = [
        (NOT_CHARGED, "Not charged"),
        (PENDING, "Pending"),
        (PARTIALLY_CHARGED, "Partially charged"),
        (FULLY_CHARGED, "Fully charged"),
        (PARTIALLY_REFUNDED, "Partially refunded"),
        (FULLY_REFUNDED, "Fully refunded"),
        (REFUSED, "Refused"),
        (CANCELLED, "Cancelled"),
    ]


class TransactionAction:
    CHARGE = "charge"
    REFUND = "refund"
    CANCEL = "cancel"

    CHOICES = [(CHARGE, "Charge"), (REFUND, "Refund"), (CANCEL, "Cancel")]


class TransactionEventType:
    AUTHORIZATION_SUCCESS = "authorization_success"
    AUTHORIZATION_FAILURE = "authorization_failure"
    AUTHORIZATION_ADJUSTMENT = "authorization_adjustment"
    AUTHORIZATION_REQUEST = "authorization_request"
    AUTHORIZATION_ACTION_REQUIRED = "authorization_action_required"
    CHARGE_ACTION_REQUIRED = "charge_action_required"
    CHARGE_SUCCESS = "charge_success"
    CHARGE_FAILURE = "charge_failure"
    CHARGE_BACK = "charge_back"
    CHARGE_REQUEST = "charge_request"
    REFUND_SUCCESS = "refund_success"
    REFUND_FAILURE = "refund_failure"
    REFUND_REVERSE = "refund_reverse"
    REFUND_REQUEST = "refund_request"
    CANCEL_SUCCESS = "cancel_success"
    CANCEL_FAILURE = "cancel_failure"
    CANCEL_REQUEST = "cancel_request"
    INFO = "info"

    CHOICES = [
        (value, value.replace("_", " "))
        for value in (
            AUTHORIZATION_SUCCESS,
            AUTHORIZATION_FAILURE,
            AUTHORIZATION_ADJUSTMENT,
            AUTHORIZATION_REQUEST,
            AUTHORIZATION_ACTION_REQUIRED,
            CHARGE_ACTION_REQUIRED,
            CHARGE_SUCCESS,
            CHARGE_FAILURE,
            CHARGE_BACK,
            CHARGE_REQUEST,
            REFUND_SUCCESS,
            REFUND_FAILURE,
            REFUND_REVERSE,
            REFUND_REQUEST,
            CANCEL_SUCCESS,
            CANCEL_FAILURE,
            CANCEL_REQUEST,
            INFO,
        )
    ]
