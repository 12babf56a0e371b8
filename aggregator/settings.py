"""The only reader of the environment: its variables, or ``.env``, as one frozen value.

Importing pydantic-settings takes 0.3 s, so import this module only where a command needs it.
"""

import difflib
import ipaddress
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from aggregator.environment import (
    ONE_KEY_PREFIX,
    PREFIX,
    api_keys,
    is_ours,
    read_environment,
    shown,
)
from aggregator.errors import ConfigurationError

LOWEST_RATE, HIGHEST_RATE = 0.01, 10_000


def _origin(text: str) -> str:
    """The base URL in one spelling: lower-case host, no default port, no trailing slash."""
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("must be one ASCII word; an international host is written as xn--...")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not a URL such as https://app.polytomic.com") from None
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or a password")
    if "?" in text or "#" in text:
        raise ValueError("must not have a query or a fragment")
    if parts.path.strip("/"):
        raise ValueError("must not have a path: write only https://host or https://host:port")
    if port == 0 or not re.fullmatch(r"[0-9a-z.:_-]+", host):
        raise ValueError("is not a URL such as https://app.polytomic.com")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ValueError("must begin with https:// (http:// only for loopback addresses)")
    address = f"[{host}]" if ":" in host else host
    default_port = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{address}" + ("" if port in {None, default_port} else f":{port}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _rate(value: float) -> float:
    if value and not LOWEST_RATE <= value <= HIGHEST_RATE:
        raise ValueError(f"must be {RATE}")
    return value


def _calendar_date(text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("must be a date as YYYY-MM-DD")
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a date of the calendar, as YYYY-MM-DD") from None
    return text


def _postgres_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if not text.startswith(("postgres://", "postgresql://")):
        raise ValueError("must be a URL: postgresql://user:password@host:port/database")
    if not _is_understood(text):
        raise ValueError(
            "cannot be understood; in a password / ? # @ are written as %2F %3F %23 %40"
        )
    return url


def _gateway(url: SecretStr) -> SecretStr:
    """Many gateways of a cluster speak plain HTTP; a password must not travel that way."""
    text = url.get_secret_value()
    try:
        parts = urlsplit(text)
        host, has_port = parts.hostname or "", parts.port != 0
    except ValueError:
        host, has_port = "", False
    if not (re.fullmatch(r"https?://[!-~]+", text) and host and has_port):
        raise ValueError("is not a URL such as http://pushgateway:9091")
    if parts.query or parts.fragment or "@" in parts.path:
        raise ValueError(
            "must not have a query or a fragment; in a password / ? # @ are %2F %3F %23 %40"
        )
    if "@" in parts.netloc and parts.scheme != "https" and not _is_loopback(host):
        raise ValueError("must begin with https:// where it holds a user or a password")
    if ":" in unquote(parts.username or ""):
        raise ValueError("a user has no colon, which is where the password begins")
    return url


def _is_understood(url: str) -> bool:
    """Whether no part of a password would be taken for another part, and shown or sent as such."""
    try:
        parts = urlsplit(url)
        several_hosts = "," in parts.netloc
        port = None if several_hosts else parts.port
    except ValueError:
        return False
    loses_its_user = "@" in parts.query and parts.netloc != "" and "@" not in parts.netloc
    return port != 0 and not loses_its_user and "@" not in parts.path + parts.fragment


def _comma_separated(value: object) -> object:
    if not isinstance(value, str):
        return value
    names = (name.strip() for name in value.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _between(low: float, high: float) -> FieldInfo:
    kind = "a whole number" if isinstance(low, int) else "a number"
    field: FieldInfo = Field(ge=low, le=high, description=f"{kind} from {low:g} to {high:.15g}")
    return field


RATE = f"0 (no ceiling) or a number from {LOWEST_RATE} to {HIGHEST_RATE}"
BaseUrl = Annotated[str, AfterValidator(_origin)]
RequestsPerSecond = Annotated[float, Field(description=RATE), AfterValidator(_rate)]


class _Complaint(str):
    """What is wrong with a variable; text of ours that may be printed."""

    __slots__ = ()


class _Variables(PydanticBaseSettingsSource):
    """Values of fields from our variables; an empty variable is an unset one.

    The sources of pydantic-settings lower-case the names of organizations, merge a name that is
    given twice, drop blank keys along with blank settings, stop at the first broken JSON and pass
    over misspelt variables. Here whatever cannot be a setting is handed on as an extra whose value
    is the complaint, so that pydantic reports it together with everything else.
    """

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        self._variables, complaints = read_environment()
        self._keys, complaints_about_keys = api_keys(self._variables)
        self._complaints = complaints | complaints_about_keys | self._misspelt()

    def get_field_value(
        self,
        field: FieldInfo,  # noqa: ARG002  the signature is pydantic's
        field_name: str,
    ) -> tuple[Any, str, bool]:
        if field_name == "api_keys":
            return self._keys, field_name, False
        return self._variables.get(variable_of(field_name)), field_name, False

    def __call__(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, field in self.settings_cls.model_fields.items():
            value, _, _ = self.get_field_value(field, name)
            if value:
                values[name] = value
        return values | {place: _Complaint(text) for place, text in self._complaints.items()}

    def _misspelt(self) -> dict[str, str]:
        fields = self.settings_cls.model_fields
        known = {variable_of(name) for name in fields}
        found = {}
        for variable in self._variables:
            if variable in known or variable.startswith(ONE_KEY_PREFIX) or not is_ours(variable):
                continue
            near = difflib.get_close_matches(variable[len(PREFIX) :].lower(), fields, 1)
            hint = f"; did you mean {variable_of(near[0])}?" if near else ""
            found[shown(variable)] = f"is not a setting{hint}"
        return found


class Settings(BaseSettings):
    """All settings of the contract, from the environment; see ``load_settings``."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: Annotated[SecretStr, AfterValidator(_postgres_url)] | None = None
    data_dir: Path = Path(".aggregator")
    base_url: BaseUrl = "https://app.polytomic.com"
    api_version: Annotated[str, AfterValidator(_calendar_date)] = "2025-09-18"
    api_keys: dict[str, SecretStr] = {}
    keys_dir: Path | None = None
    organizations_file: Path | None = None
    partner_key: SecretStr | None = None
    max_concurrency: Annotated[int, _between(1, 1000)] = 64
    max_concurrency_per_organization: Annotated[int, _between(1, 100)] = 2
    requests_per_second: RequestsPerSecond = 50
    requests_per_second_per_organization: RequestsPerSecond = 5
    request_timeout_seconds: Annotated[float, _between(0.1, 3600)] = 30
    max_attempts: Annotated[int, _between(1, 20)] = 4
    run_deadline_seconds: Annotated[float, _between(0.1, 604_800)] = 3600
    max_response_bytes: Annotated[int, _between(1024, 1_073_741_824)] = 33_554_432
    resources: Annotated[tuple[str, ...], BeforeValidator(_comma_separated)] = ()
    """Empty: those that are on by default."""
    removal_limit_fraction: Annotated[float, _between(0.0, 1.0)] = 0.10
    removal_limit_rows: Annotated[int, _between(0, 1_000_000)] = 10
    auto_migrate: Annotated[bool, Field(description="true or false")] = True
    metrics_file: Path | None = None
    pushgateway_url: Annotated[SecretStr, AfterValidator(_gateway)] | None = None
    metrics_organization_labels: Annotated[bool, Field(description="true or false")] = False
    log_format: Annotated[
        Literal["console", "json"],
        BeforeValidator(_lower),
        Field(description="console or json"),
    ] = "console"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        BeforeValidator(_lower),
        Field(description="debug, info, warning or error"),
    ] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  _Variables stands for it
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  _Variables stands for it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  no setting has a file
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Variables(settings_cls)


def load_settings() -> Settings:
    """The settings of this process.

    Raises ``ConfigurationError`` with every problem there is, each beginning with the variable.
    Neither its lines nor its chain and frames hold a value.
    """
    settings, problems = _load()
    if settings is None:
        raise ConfigurationError(problems)
    return settings


def _load() -> tuple[Settings | None, list[str]]:
    try:
        return Settings(), []
    except ValidationError as error:
        found = complaints(error, Settings)
        names = Settings.model_fields
        return None, [
            f"{variable_of(place) if place in names else place}: {complaint}"
            for place, complaint in found
        ]


def variable_of(field: str) -> str:
    return PREFIX + field.upper()


def complaints(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Which field has what wrong with it, in words that repeat no value."""
    for problem in error.errors(include_url=False):
        place = str(problem["loc"][0]) if problem["loc"] else ""
        field = model.model_fields.get(place)
        match problem["type"]:
            case "extra_forbidden":
                complaint = problem["input"]
                yield place, complaint if isinstance(complaint, _Complaint) else "is not known"
            case "missing":
                yield place, "is missing"
            case "value_error":
                yield place, str(problem["ctx"]["error"])
            case _:
                allowed = (field.description or "text") if field else "a table"
                yield place, f"must be {allowed}"
