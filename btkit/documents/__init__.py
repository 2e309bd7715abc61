"""The JSON documents, as typed models built from results."""

from __future__ import annotations

from btkit.documents.benchmark import (
    benchmark_of,
    buy_and_hold,
    buy_and_hold_equity,
    stitched_benchmark,
)
from btkit.documents.build import RunDocument, build_report, data_section, describe_run
from btkit.documents.inputs import check_result
from btkit.documents.kinds import REPORTS, OptionsReport, ReportKind, kind_of_report, read_report
from btkit.documents.lots import whole_lots
from btkit.documents.models import (
    Benchmark,
    ConditionEntry,
    DataSection,
    DetailData,
    DiagnosticsSection,
    Document,
    Gap,
    LookaheadSection,
    MetricsSection,
    OtherData,
    Provenance,
    Report,
    ReportWarning,
    RunInfo,
    Section,
    WarmupSection,
    report_schema,
)
from btkit.documents.plans import BatchPlan, Plan
from btkit.documents.provenance import (
    bars_hash,
    benchmark_hash,
    build_provenance,
    detail_hash,
    gather_versions,
    others_hashes,
    seen_detail_hash,
    seen_others,
)
from btkit.documents.trained import ModelReport, stored_decisions

__all__ = [
    "REPORTS",
    "BatchPlan",
    "Benchmark",
    "ConditionEntry",
    "DataSection",
    "DetailData",
    "DiagnosticsSection",
    "Document",
    "Gap",
    "LookaheadSection",
    "MetricsSection",
    "ModelReport",
    "OptionsReport",
    "OtherData",
    "Plan",
    "Provenance",
    "Report",
    "ReportKind",
    "ReportWarning",
    "RunDocument",
    "RunInfo",
    "Section",
    "WarmupSection",
    "bars_hash",
    "benchmark_hash",
    "benchmark_of",
    "build_provenance",
    "build_report",
    "buy_and_hold",
    "buy_and_hold_equity",
    "check_result",
    "data_section",
    "describe_run",
    "detail_hash",
    "gather_versions",
    "kind_of_report",
    "others_hashes",
    "read_report",
    "report_schema",
    "seen_detail_hash",
    "seen_others",
    "stitched_benchmark",
    "stored_decisions",
    "whole_lots",
]
