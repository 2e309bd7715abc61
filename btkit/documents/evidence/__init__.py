"""What the document of a model run says of how much its answers are worth."""

from btkit.documents.evidence.sections import (
    ChanceSection,
    ClassReliability,
    EvidenceLabel,
    EvidenceSection,
    FeatureImportance,
    FeatureRangeEntry,
    GroupEntry,
    ImportanceSection,
    MarginsSection,
    NearDecision,
    RangesSection,
    RankEntry,
    ScoresSection,
)

__all__ = [
    "ChanceSection",
    "ClassReliability",
    "EvidenceLabel",
    "EvidenceSection",
    "FeatureImportance",
    "FeatureRangeEntry",
    "GroupEntry",
    "ImportanceSection",
    "MarginsSection",
    "NearDecision",
    "RangesSection",
    "RankEntry",
    "ScoresSection",
]
