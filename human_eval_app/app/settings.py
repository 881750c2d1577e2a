"""A deployment's settings, settings.toml in the study's folder: nothing in it changes what raters judge."""

import re
import tomllib
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from drawbench.errors import UserError
from drawbench.results import first_problem
from drawbench.scores import Record
from human_eval_app.study.design import SETTINGS_FILE

PASSWORD_HASH = re.compile(  # scrypt's N, r and p, then salt and hash in Base64
    r"scrypt:\d{1,8}:\d{1,3}:\d{1,3}:[A-Za-z0-9+/]{16,}={0,2}:[A-Za-z0-9+/]{16,}={0,2}"
)


class Codes(Record):
    """Completion codes, which raters give to the recruitment service. Empty: none is shown."""

    complete: str = ""
    screened_out: str = ""
    full: str = ""


class Admin(Record):
    """Who may open the admin pages: whoever knows the password, or signs in with one of the addresses (OIDC)."""

    password_hash: str = ""  # made by `drawbench study password`
    emails: tuple[str, ...] = ()

    @field_validator("password_hash")
    @classmethod
    def _is_no_password(cls, value: str) -> str:
        if value and not PASSWORD_HASH.fullmatch(value):
            raise ValueError("it is not a hash that `drawbench study password` makes")
        return value


class Settings(Record):
    """All settings with their defaults."""

    title: str = ""
    contact: str = ""
    lease_minutes: float = Field(default=30.0, gt=0)
    invitation_days: float = Field(default=60.0, gt=0)
    seconds_per_trial: float = Field(default=20.0, gt=0)  # for the estimate on the first page
    return_url: str = ""  # of the recruitment service; `{code}` stands for the completion code
    codes: Codes = Codes()
    admin: Admin = Admin()


def read_settings(study: Path) -> Settings:
    """The settings of a study; the defaults when it has no settings.toml. Raises UserError naming what is wrong."""
    path = study / SETTINGS_FILE
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Settings()
    except ValidationError as error:
        raise UserError(f"{path}: {first_problem(error)}; correct it.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as TOML ({error}); correct it.") from None
