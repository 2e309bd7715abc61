"""The BT_* environment, read at the edge."""

from __future__ import annotations

from pydantic import ValidationError

from btkit.errors import UsageError
from btkit.settings import Settings


def read_settings() -> Settings:
    """Read the BT_* variables and the .env file of the working folder.

    Returns
    -------
    Settings
        The environment wins over .env.

    Raises
    ------
    UsageError
        If a variable has a value that it may not have, or .env cannot be read. All such
        variables are in ``details["problems"]``.
    """
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
