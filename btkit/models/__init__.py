"""Trained models: what a bundle holds, and what it says of each bar."""

from btkit.models.splits import CombinatorialPurged, PurgedKFold

__all__ = ["CombinatorialPurged", "PurgedKFold"]
