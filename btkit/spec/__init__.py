"""Specs: what a strategy is, checked whole before anything runs."""

from btkit.spec.base import BaseSpec
from btkit.spec.document import dump_spec, spec_hash, spec_schema
from btkit.spec.events import read_events
from btkit.spec.fields import CONDITION_LISTS
from btkit.spec.kind import Kind, kind_of
from btkit.spec.load import load_spec
from btkit.spec.model import AnySpec, OptionsSpec, StrategySpec

__all__ = [
    "CONDITION_LISTS",
    "AnySpec",
    "BaseSpec",
    "Kind",
    "OptionsSpec",
    "StrategySpec",
    "dump_spec",
    "kind_of",
    "load_spec",
    "read_events",
    "spec_hash",
    "spec_schema",
]
