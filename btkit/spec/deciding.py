"""The numbers by which a model's answers become orders, wherever they stand (SEMANTICS 10.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

Probability = Annotated[float, Field(ge=0, le=1)]
"""Of ``confidence_threshold``."""
Hours = Annotated[float, Field(ge=0, le=1_000_000)]
"""Of ``min_signal_separation``."""
Share = Annotated[float, Field(ge=0, le=1)]
"""Of ``round_trip_cost``: a fraction of what is traded."""
Factor = Annotated[float, Field(gt=0, le=1_000_000)]
"""Of ``min_edge_multiplier``."""

NESTED: Final[Mapping[str, tuple[str, ...]]] = {
    "filters": ("min_signal_separation",),
    "cost_model": ("round_trip_cost", "min_edge_multiplier"),
}
"""Those that strategies and bundles have one level deeper in ``decisions``, and specs do not."""
