from django.contrib.auth.tokens import PasswordResetTokenGenerator


class BaseTokenGenerator(PasswordResetTokenGenerator):
    """Tokens for one purpose: one made for another purpose does not pass."""

    def __init__(self, *, key_salt: str) -> None:
        super().__init__()
        self.key_salt = key_salt


account_confirm_token_generator = BaseTokenGenerator(key_salt=f"{__name__}.account_confirm")
account_delete_token_generator = BaseTokenGenerator(key_salt=f"{__name__}.account_delete")
