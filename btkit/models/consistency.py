"""Whether the files of a bundle agree: with their checksums, and with one another."""

from __future__ import annotations

from collections.abc import Iterable

from btkit.arguments import quoted, shown
from btkit.models.findings import AS_SAVED, BundleFindings
from btkit.models.folder import MODEL_FILES, BundleFolder
from btkit.models.manifest import MANIFEST, Manifest
from btkit.models.metadata import CONFIG, FEATURES, METADATA, BundleMetadata, FeatureCount
from btkit.spelling import some_of

_SHOWN_NAMES = 10


def check_files(folder: BundleFolder, manifest: Manifest, findings: BundleFindings) -> None:
    """Refuse files that are not those of bundle.json, and each by its name."""
    readable = {METADATA, CONFIG, FEATURES, *MODEL_FILES}
    for name, expected in manifest.files.items():
        if name not in readable:
            findings.refuse(
                MANIFEST,
                "It lists a file that no bundle has.",
                f"Files of a bundle are {', '.join(sorted(readable))}, in no other folder.",
                "files",
                name,
            )
        elif name not in folder.files:
            if not any(problem.path == name for problem in findings.problems):
                findings.refuse(name, f"The file is missing, and {MANIFEST} lists it.", AS_SAVED)
        elif folder.files[name].sha256 != expected:
            findings.refuse(
                name,
                f"The file is not the one that was saved: its SHA-256 is not that of {MANIFEST}.",
                AS_SAVED,
            )
    for name in sorted(folder.files.keys() & readable - manifest.files.keys()):
        findings.refuse(
            name,
            f"The file is not in {MANIFEST}, and would be read.",
            f"Remove what was added to the bundle, or {MANIFEST} if it is of another one.",
        )


def choose_model(
    folder: BundleFolder, manifest: Manifest | None, findings: BundleFindings
) -> str | None:
    """Return the file whose weights are read, None if that is refused.

    What bundle.json names; without one the only one, since two may differ.
    """
    found = folder.model_files
    if manifest is not None:
        if manifest.model_file in found and manifest.model_file in manifest.files:
            return manifest.model_file
        findings.refuse(
            MANIFEST,
            "The file of weights that it names is missing, or not among its files.",
            AS_SAVED,
            "model_file",
        )
        return None
    if len(found) == 1:
        return found[0]
    if found:
        findings.refuse(
            "bundle",
            f"It has {' and '.join(found)}, and nothing says which of them was trained.",
            "Keep one of them.",
        )
    elif folder.files and not any(problem.path in MODEL_FILES for problem in findings.problems):
        findings.refuse("bundle", f"It has no model: none of {', '.join(MODEL_FILES)}.", AS_SAVED)
    return None


def check_count(
    metadata: BundleMetadata, counted: FeatureCount | None, findings: BundleFindings
) -> None:
    """Refuse another number of features in features.json than in the metadata."""
    resolved = metadata.resolved_features
    said = counted.feature_count if counted is not None else None
    if said is not None and said != len(resolved):
        findings.refuse(
            FEATURES,
            f"It counts {said:,} features, and {METADATA} lists {len(resolved):,}.",
            AS_SAVED,
            "feature_count",
        )


def listed(names: Iterable[object]) -> str:
    """Return names for a message: some of them, and how many more there are."""
    every = [quoted(name)[1:-1] if isinstance(name, str) else shown(name) for name in names]
    return some_of(every, most=_SHOWN_NAMES)
