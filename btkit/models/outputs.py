"""What a network's outputs mean: which class each is of, and whether it is a probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from btkit.arguments import is_text, quoted, refusal
from btkit.models.findings import BundleFindings
from btkit.models.manifest import MANIFEST, Manifest
from btkit.models.metadata import (
    CLASSES,
    CONFIG,
    MAX_CLASSES,
    METADATA,
    Activation,
    BundleMetadata,
    OutputType,
)

_IN_WORDS = {
    "logits": "logits, which softmax makes probabilities of",
    "probabilities": "probabilities",
}
# Both are of one system: its documents, and its newer code. A wrong guess trades the opposite.
_KNOWN_ORDERS = (
    '["BUY", "SELL", "HOLD"], or ["BUY", "HOLD", "SELL"], which newer versions of the same '
    "trainer have"
)


@dataclass(frozen=True)
class Outputs:
    """What a network's outputs mean.

    Parameters
    ----------
    classes
        In the order of the outputs; None for a regression.
    activation
        What they are; None for a regression.
    temperature
        What logits are divided by.
    """

    classes: tuple[str, ...] | None
    activation: Activation | None
    temperature: float

    @property
    def count(self) -> int:
        """How many outputs a network must have."""
        return len(self.classes) if self.classes else 1


@dataclass(frozen=True)
class Stated:
    """What a spec or a caller says of the outputs; None leaves it to the bundle.

    Parameters
    ----------
    classes, activation
        As for `Outputs`.
    """

    classes: Sequence[str] | None = None
    activation: Activation | None = None


def class_probabilities(
    outputs: NDArray[np.float64], *, activation: Activation | None, temperature: float = 1.0
) -> NDArray[np.float64]:
    """Return the probability of each class.

    Parameters
    ----------
    outputs
        Of a network, shape (n_rows, n_classes).
    activation
        ``probabilities`` are returned as they are; of ``logits`` softmax is taken.
    temperature
        What logits are divided by first.

    Returns
    -------
    ndarray, shape (n_rows, n_classes)
        NaN where an output of the row is NaN or infinite and logits are given.

    Examples
    --------
    >>> class_probabilities(np.array([[0.0, 0.0]]), activation="logits")
    array([[0.5, 0.5]])
    """
    if activation == "probabilities":
        return outputs
    scaled = outputs / temperature
    with np.errstate(invalid="ignore"):
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def examine_outputs(
    metadata: BundleMetadata,
    manifest: Manifest | None,
    stated: Stated,
    *,
    configured: Sequence[str] | None,
    is_onnx: bool,
    findings: BundleFindings,
) -> Outputs | None:
    """Return what the outputs of a bundle mean (SEMANTICS 10.3), None if that is refused.

    Parameters
    ----------
    metadata, manifest
        Of the bundle.
    stated
        What is said from outside of it.
    configured
        The classes that config.json names.
    is_onnx
        Whether its model may end in anything; the heads of other files are linear.
    findings
        Takes reasons to refuse it, and warnings.
    """
    temperature = _temperature(metadata, manifest, findings)
    if metadata.output_type == "regression":
        _no_classes(metadata, stated, findings)
        return Outputs(None, None, 1.0)
    before = len(findings.problems)
    classes = _classes(metadata, manifest, configured, stated, findings)
    activation = _activation(metadata, manifest, stated, is_onnx, findings)
    if activation == "probabilities" and temperature != 1.0:
        findings.refuse(
            METADATA,
            f"It has the temperature {temperature:g}, which divides logits, and its outputs are "
            "probabilities.",
            "Leave the temperature out, or save the model with logits as outputs.",
        )
    if classes is None or len(findings.problems) > before:
        return None
    return Outputs(classes, activation, temperature)


def check_classes(classes: Sequence[str], output_type: OutputType) -> str | None:
    """Return why classes cannot be those of an output type, None if they can.

    Parameters
    ----------
    classes
        In their order.
    output_type
        That is not ``regression``.
    """
    known = CLASSES[output_type]
    names = ", ".join(sorted(known))
    if len(set(classes)) < len(classes):
        return f"Its output classes name one twice: {', '.join(map(quoted, classes))}"
    if set(classes) != known:
        given = ", ".join(map(quoted, classes))
        return f"Its output classes are {given}; those of a {output_type} are {names}"
    return None


def take_classes(classes: object) -> tuple[str, ...]:
    """Return the names of classes that somebody gives.

    Parameters
    ----------
    classes
        A list, a tuple or an array of texts.

    Raises
    ------
    UsageError
        If it is none.
    """
    known = classes.tolist() if isinstance(classes, np.ndarray) else classes
    if isinstance(known, list | tuple) and len(known) <= MAX_CLASSES and all(map(is_text, known)):
        return tuple(known)
    raise refusal(
        classes,
        "output_classes",
        rule="a list of texts, in the order of the outputs",
        hint='Such as ["BUY", "SELL", "HOLD"].',
    )


def _classes(
    metadata: BundleMetadata,
    manifest: Manifest | None,
    configured: Sequence[str] | None,
    stated: Stated,
    findings: BundleFindings,
) -> tuple[str, ...] | None:
    sources = {
        METADATA: metadata.output_classes,
        MANIFEST: manifest.output_classes if manifest else None,
        CONFIG: configured,
        "output_classes as they are given": stated.classes,
    }
    said = {source: tuple(classes) for source, classes in sources.items() if classes is not None}
    if not said:
        known = sorted(CLASSES[metadata.output_type])
        example = _KNOWN_ORDERS if metadata.output_type == "classification" else str(known)
        findings.refuse(
            METADATA,
            "It does not say which output stands for which class, and a wrong guess would trade "
            f"the opposite of what was trained. Known orders are {example}.",
            "Look up the order where it was trained, and give it as output_classes, in the spec or "
            f"in {METADATA}.",
            "output_classes",
        )
        return None
    (first, classes), *others = said.items()
    for source, other in others:
        if other != classes:
            findings.refuse(
                METADATA,
                f"The order of its classes is {', '.join(map(quoted, classes))} by {first}, and "
                f"{', '.join(map(quoted, other))} by {source}.",
                "Find out which is right where it was trained; the bundle's own order stands.",
                "output_classes",
            )
            return None
    wrong = check_classes(classes, metadata.output_type)
    if wrong is not None:
        findings.refuse(METADATA, f"{wrong}.", "Name each class once.", "output_classes")
        return None
    return classes


def _activation(
    metadata: BundleMetadata,
    manifest: Manifest | None,
    stated: Stated,
    is_onnx: bool,  # noqa: FBT001 - as `examine_outputs` has it
    findings: BundleFindings,
) -> Activation | None:
    said = {
        said
        for said in (
            metadata.output_activation,
            manifest.output_activation if manifest else None,
            stated.activation,
        )
        if said is not None
    }
    if len(said) > 1:
        findings.refuse(
            METADATA,
            f"Its outputs are said to be {' and '.join(sorted(said))}.",
            "State output_activation as it was trained; the bundle's own stands.",
            "output_activation",
        )
        return None
    if said:
        return said.pop()
    if is_onnx:
        findings.refuse(
            METADATA,
            "It does not say whether the outputs of its ONNX model are logits or probabilities.",
            f"Write output_activation: logits or probabilities into {METADATA}, or into the spec.",
            "output_activation",
        )
        return None
    findings.warn(
        "activation_assumed",
        f"{METADATA} does not say what the outputs are: they are taken for "
        f"{_IN_WORDS['logits']}, since such heads are linear.",
    )
    return "logits"


def _temperature(
    metadata: BundleMetadata, manifest: Manifest | None, findings: BundleFindings
) -> float:
    calibration = manifest.calibration if manifest else None
    fitted = calibration.temperature if calibration else None
    said = metadata.temperature
    if said is not None and fitted is not None and said != fitted:
        findings.refuse(
            METADATA,
            f"Its temperature is {said:g}, and {fitted:g} in {MANIFEST}.",
            "Save the bundle again; both are written by bt.save_bundle.",
            "temperature",
        )
    return said if said is not None else fitted if fitted is not None else 1.0


def _no_classes(metadata: BundleMetadata, stated: Stated, findings: BundleFindings) -> None:
    said = {
        "output_classes": metadata.output_classes or stated.classes,
        "output_activation": metadata.output_activation or stated.activation,
        "temperature": metadata.temperature,
    }
    for name, value in said.items():
        if value is not None:
            findings.refuse(
                METADATA,
                f"It is a regression, whose one output is taken as it is, and has {name}.",
                f"Leave {name} out, or say which output_type it is.",
                name,
            )
