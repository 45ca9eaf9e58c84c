from ..core.enums import to_enum


class _Countries:
    CHOICES = [(code, code) for code in ("AT", "CA", "CH", "DE", "ES", "FR", "GB", "IT", "JP", "NL", "PL", "SE", "US")]


CountryCodeEnum = to_enum(_Countries, type_name="CountryCode")
