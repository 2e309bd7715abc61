"""The BT_* environment, and a .env file in the working folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from btkit.errors import UsageError

SourceName: TypeAlias = str
"""One of btkit's own, or what a user registered; `btkit.data.check_source_name` knows."""


class Settings(BaseSettings):
    """Everything that the environment decides; read once, at the edge, and passed on.

    A variable is the field's name in capitals with ``BT_`` before it, so ``db_path`` is
    ``BT_DB_PATH``. The environment wins over ``.env``.
    """

    model_config = SettingsConfigDict(
        env_prefix="BT_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    db_path: Path = Path("data/backtest/results.db")
    curve_dir: Path = Path("data/backtest/curves")
    report_dir: Path = Path("data/reports")
    data_dir: Path | None = None
    data_source: SourceName = "auto"
    events: Path | None = None
    initial_capital: float = Field(default=100_000.0, gt=0, allow_inf_nan=False)
    default_commission: float = Field(default=0.65, ge=0, allow_inf_nan=False)
    default_slippage: float = Field(default=0.005, ge=0, lt=1, allow_inf_nan=False)
    market_data_cmd: str = "market-data"
    market_data_timeout_s: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    min_trades_required: int = Field(default=10, ge=0)
    max_holding_bars: int | None = Field(default=None, ge=1)
    checkpoint_bars: int | None = Field(default=None, ge=1)
    checkpoint_seconds: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    minio_endpoint: str | None = "localhost:9000"
    minio_access_key: str = "mds"
    minio_secret_key: SecretStr = SecretStr("mds_secret")
    minio_bucket: str = "backtest-results"
    minio_secure: bool = False
    minio_timeout_s: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    keep_local: bool = False
    private: bool = False
    service_dir: Path = Path("data/service")
    server_url: str = "http://127.0.0.1:8432"
    api_token: SecretStr | None = None
    allowed_dirs: str | None = None
    dask_scheduler: str | None = None
    local_workers: int = Field(default=2, ge=0, le=256)
    lease_seconds: float = Field(default=15.0, gt=0, allow_inf_nan=False)
    queue_limit: int = Field(default=1_000, ge=1)
    max_request_bytes: int = Field(default=1_000_000, ge=1_000)
    requests_per_minute: int = Field(default=6_000, ge=1)
    worker_cache_mb: int = Field(default=512, ge=1)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None


def read_settings(given: Settings | None = None) -> Settings:
    """Read the BT_* variables and the .env file of the working folder, unless settings are given.

    Parameters
    ----------
    given
        Returned as they are.

    Returns
    -------
    Settings
        The environment wins over .env.

    Raises
    ------
    UsageError
        If a variable has a value that it may not have, or .env cannot be read. All such
        variables are in ``details["problems"]``. Also if `given` is something else.
    """
    if isinstance(given, Settings):
        return given
    if given is not None:
        raise UsageError(
            f"settings are btkit.settings.Settings, not of type {type(given).__name__}.",
            hint="Leave them out to read the BT_* environment, or give Settings(...).",
        )
    try:
        return Settings()
    except ValidationError as error:
        problems = [
            {
                "path": "BT_" + "_".join(str(part) for part in problem["loc"]).upper(),
                "message": problem["msg"],
                "received": str(problem["input"]),
            }
            for problem in error.errors()
        ]
        first = problems[0]
        more = f" (and {len(problems) - 1} more variables)" if len(problems) > 1 else ""
        raise UsageError(
            f"{first['path']} is {first['received']!r}: {first['message']}{more}.",
            hint=f"Correct or unset {first['path']} in the environment or in .env.",
            details={"problems": problems},
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The file .env in the working folder cannot be read: {error}.",
            hint="Make it a readable UTF-8 text, or remove it.",
        ) from error


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
