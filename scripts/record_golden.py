"""Record what the golden run of `backtest worker --check` comes to, after a meant change."""

from __future__ import annotations

import json

from btkit.service.golden import RECORDED, record_golden


def main() -> None:
    """Write the file beside the module; a test compares it with what this machine computes."""
    RECORDED.write_text(json.dumps(record_golden(), indent=1) + "\n", encoding="utf-8")
    print(f"recorded {RECORDED}")


if __name__ == "__main__":
    main()
