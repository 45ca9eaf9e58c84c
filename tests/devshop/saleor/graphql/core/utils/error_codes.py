from enum import Enum

DJANGO_VALIDATORS_ERROR_CODES = [
    "invalid",
    "invalid_extension",
    "limit_value",
    "max_decimal_places",
    "max_digits",
    "max_length",
    "max_value",
    "max_whole_digits",
    "min_length",
    "min_value",
    "null_characters_not_allowed",
]
DJANGO_FORM_FIELDS_ERROR_CODES = [
    "contradiction",
    "empty",
    "incomplete",
    "invalid_choice",
    "invalid_date",
    "invalid_image",
    "invalid_list",
    "invalid_time",
    "missing",
    "overflow",
]
_SAME_AS = {
    "blank": "required",
    "null": "required",
    "unique_for_date": "unique",
    None: "invalid",
    **dict.fromkeys(DJANGO_VALIDATORS_ERROR_CODES + DJANGO_FORM_FIELDS_ERROR_CODES, "invalid"),
}


def get_error_code_from_error(error: object) -> str:
    """Django's many codes become the few that every error enum has."""
    code = getattr(error, "code", None)
    if isinstance(code, Enum):
        code = code.value
    return _SAME_AS.get(code, code)
