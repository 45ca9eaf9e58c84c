from ...checkout import CheckoutAuthorizeStatus, CheckoutChargeStatus
from ..core.enums import to_enum

CheckoutAuthorizeStatusEnum = to_enum(CheckoutAuthorizeStatus)
CheckoutChargeStatusEnum = to_enum(CheckoutChargeStatus)
