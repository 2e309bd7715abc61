"""From a model run to its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from btkit.documents.evidence.chance import chance_of
from btkit.documents.evidence.outcomes import Outcomes, answered, outcomes_of
from btkit.documents.evidence.probing import importance_of, probes_of, ranges_of
from btkit.documents.evidence.scores import Scored
from btkit.documents.evidence.sections import (
    EvidenceLabel,
    EvidenceSection,
    MarginsSection,
    NearDecision,
    ScoresSection,
)
from btkit.models.evidence import class_margins, return_margins
from btkit.models.evidence.ranking import SHUFFLES

if TYPE_CHECKING:
    from btkit.simulation.trained import ModelResult

SEED = 0
"""Of all that is drawn: the same run has the same evidence."""
NEAR = 1e-6
"""By how much two machines may differ in an output."""
_SHOWN = 10


def evidence_of(run: ModelResult) -> EvidenceSection:
    """Return how much a run's answers are worth.

    Parameters
    ----------
    run
        Of a model spec.
    """
    there, outcomes = answered(run), outcomes_of(run)
    scored = Scored(run.answers.said, outcomes, there)
    tests = scored.tests(seed=SEED, shuffles=SHUFFLES)
    probes = probes_of(run, there)
    return EvidenceSection(
        seed=SEED,
        label=EvidenceLabel(
            source=outcomes.source,
            description=outcomes.description,
            horizon_bars=outcomes.horizon,
            classes=list(outcomes.classes),
            known=scored.rows,
            answered=int(np.count_nonzero(there)),
        ),
        scores=scored.scores(tests),
        in_sample=_in_sample(run, outcomes),
        ranks=scored.ranks(tests),
        reliability=scored.reliability(),
        deciles=scored.deciles(),
        importance=importance_of(probes, outcomes, seed=SEED),
        ranges=ranges_of(probes),
        margins=_margins(run, there),
        chance=chance_of(run, seed=SEED),
    )


def _in_sample(run: ModelResult, outcomes: Outcomes) -> ScoresSection | None:
    if run.in_sample is None:
        return None
    learnt = answered(run.in_sample)
    # It ends where the run begins, and what came then was known to the training.
    rows = np.zeros(len(run.all_bars), np.bool_)
    rows[: len(learnt)] = learnt
    scored = Scored(run.answers.said, outcomes, rows)
    return scored.scores(scored.tests(seed=SEED, shuffles=0))


def _margins(run: ModelResult, there: NDArray[np.bool_]) -> MarginsSection | None:
    rows = np.flatnonzero(there)
    if not len(rows):
        return None
    said, rules = run.answers.said, run.answers.rules
    which = run.answers.which[rows]
    outputs, classes = said.probabilities[rows], run.answers.classes
    if classes:
        threshold = np.array([known.confidence_threshold for known in rules])[which]
        hold = classes.index("HOLD") if "HOLD" in classes else None
        margins = class_margins(outputs, hold=hold, threshold=threshold)
    else:
        margins = return_margins(outputs[:, 0], np.array([known.edge for known in rules])[which])
    near = np.flatnonzero(margins <= NEAR)
    nearest = near[np.argsort(margins[near], kind="stable")][:_SHOWN]
    return MarginsSection(
        rows=len(rows),
        limit=NEAR,
        near=len(near),
        least=float(margins.min()),
        nearest=[
            NearDecision(time=run.all_bars.index[rows[at]], margin=float(margins[at]))
            for at in nearest.tolist()
        ],
    )
