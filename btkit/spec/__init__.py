"""Specs: what a strategy is, checked whole before anything runs."""

from btkit.spec.base import BaseSpec, reads_iv, reads_vix
from btkit.spec.document import dump_spec, spec_hash, spec_schema
from btkit.spec.events import read_events
from btkit.spec.fields import CONDITION_LISTS
from btkit.spec.kinds import (
    KINDS,
    RunCommand,
    SpecKind,
    as_it_ran,
    foreign_sign,
    infer_kind,
    kind_of,
    kinds_run_by,
)
from btkit.spec.load import build_spec, load_spec, meant_for, read_fields
from btkit.spec.model import OptionsSpec, StrategySpec
from btkit.spec.trained import ModelSpec
from btkit.spec.version3 import DECISION_NUMBERS

__all__ = [
    "CONDITION_LISTS",
    "DECISION_NUMBERS",
    "KINDS",
    "BaseSpec",
    "ModelSpec",
    "OptionsSpec",
    "RunCommand",
    "SpecKind",
    "StrategySpec",
    "as_it_ran",
    "build_spec",
    "dump_spec",
    "foreign_sign",
    "infer_kind",
    "kind_of",
    "kinds_run_by",
    "load_spec",
    "meant_for",
    "read_events",
    "read_fields",
    "reads_iv",
    "reads_vix",
    "spec_hash",
    "spec_schema",
]
