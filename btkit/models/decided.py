"""What a bundle was trained to pass before it trades: metadata over config.json."""

from __future__ import annotations

from btkit.models.findings import BundleFindings
from btkit.models.metadata import CONFIG, METADATA, BundleMetadata, TrainedConfig
from btkit.models.problems import Findings
from btkit.models.strategy_settings import StrategyDecisions, decisions_of

SETTINGS = (
    "confidence_threshold",
    "position_awareness",
    "allow_short_from_flat",
    "min_signal_separation",
    "round_trip_cost",
    "min_edge_multiplier",
)
"""The names of the settings; specs have the same."""


def examine_decisions(
    metadata: BundleMetadata, config: TrainedConfig | None, findings: BundleFindings
) -> dict[str, StrategyDecisions]:
    """Return what is said of decisions by the file that says it, the stronger one last.

    Parameters
    ----------
    metadata, config
        Of the bundle.
    findings
        Takes reasons to refuse it.
    """
    sections = {CONFIG: config.decisions if config else None, METADATA: metadata.decisions}
    is_regression = metadata.output_type == "regression"
    read = {}
    for file, section in sections.items():
        if section is None:
            continue
        found = Findings()
        decisions = decisions_of(section, found)
        for problem in found.problems:
            findings.refuse_problem(file, problem)
        for note in found.notes:
            findings.warn("decision_settings", f"{file}: {note}")
        if decisions is None or found.problems:
            continue
        read[file] = decisions
        said = read[file].output_format
        if "output_format" in read[file].stated and (said == "regression") is not is_regression:
            findings.refuse(
                file,
                f"Its output_format is {said}, and the output_type {metadata.output_type}.",
                "State what was trained in both.",
                "decisions",
                "output_format",
            )
    if is_regression and not settings_of(read).get("allow_short_from_flat"):
        findings.warn(
            "no_short_from_flat",
            "A SELL while flat is left out, as allow_short_from_flat is not set: other programs "
            "sell short on it, whatever is set.",
        )
    return read


def settings_of(read: dict[str, StrategyDecisions]) -> dict[str, float | bool]:
    """Return the settings that are stated, by name.

    Parameters
    ----------
    read
        As `examine_decisions` returns it.
    """
    return {
        name: getattr(part, name)
        for part in read.values()
        for name in SETTINGS
        if name in part.stated
    }
