"""Code versions: a fingerprint of a stage's source closure and of the libraries that its output depends on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from cals_models import source_code
from cals_models.source_code import PROJECT_ROOT as PROJECT_ROOT
from cals_models.source_code import definitions_of

# Decides how work runs and where files are written, not what is in them.
INFRASTRUCTURE = source_code.INFRASTRUCTURE | {
    "assets.store.bucket_files",
    "assets.store.bucket_pass",
    "assets.store.forced_clips",
    "assets.store.moved_rows",
    "assets.store.partition_runs",
    "assets.stage.run_tags",
    "assets.workers.clip_pool",
    "assets.faces.backends.shared",
    "assets.project.atomic_files",
    "assets.project.digests",
    "assets.project.graph",
    "assets.project.home",
    "assets.project.layouts",
    "assets.store.ledger",
    "assets.stage.observed_sources",
    "assets.stage.partitions",
    "assets.workers.progress",
    "assets.workers.rejected",
    "assets.stage.rejections",
    "assets.stage.resources",
    "assets.project.setting_types",
    "assets.project.settings",
    "assets.project.settings_gate",
    "assets.stage.asset_factory",
    "assets.stage.stage_asset",
    "assets.store.table_parts",
    "assets.project.references",
    "assets.project.source_versions",
    "assets.project.sources",
    "assets.stage.run",
    "assets.store.mlflow_tracking",
    "assets.models.mlflow_run",
    "assets.models.train_stage",
    "assets.models.training_files",
    "assets.models.training_process",
    "assets.models.training_result",
    "assets.store.current_model",
    "assets.project.code_version",
    "assets.store.warehouse",
    "assets.store.kept_parts",
    "assets.store.part_versions",
    "assets.store.pinned_parts",
    "assets.store.table_rows",
    "assets.store.user_sql",
    "assets.store.user_views",
}


@dataclass(frozen=True)
class CodeVersion:
    """Fingerprint of a stage.

    Args:
        digest: 16 hex digits over definitions and libraries.
        definitions: ``module.name`` -> digest of that top-level definition.
        libraries: distribution -> installed version, of those that the output depends on.
    """

    digest: str
    definitions: dict[str, str]
    libraries: dict[str, str]

    def changed_since(self, definitions: dict[str, str], libraries: dict[str, str]) -> list[str]:
        """Differences from an earlier fingerprint, such as ``assets.mels.mel.log_mel changed`` or ``torch 2.11 -> 2.12``."""
        words = []
        for name in sorted({*self.definitions, *definitions}):
            if self.definitions.get(name) != definitions.get(name):
                verb = (
                    "removed"
                    if name not in self.definitions
                    else "new"
                    if name not in definitions
                    else "changed"
                )
                words.append(f"{name} {verb}")
        for name in sorted({*self.libraries, *libraries}):
            old, new = libraries.get(name, "none"), self.libraries.get(name, "none")
            if old != new:
                words.append(f"{name} {old} -> {new}")
        return words


def installed_version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def code_version(
    roots: tuple[str, ...], libraries: tuple[str, ...], texts: tuple[str, ...] = ()
) -> CodeVersion:
    """The fingerprint of the code that starts at ``roots``.

    Args:
        roots: modules in which the stage's work starts, e.g. ``("assets.mels.mel_clip",)``.
        libraries: distributions that the output depends on.
        texts: globs of other files that the output depends on, e.g. ``("sql/**/*.sql",)``.

    Raises:
        ValueError: a root does not exist.
    """
    definitions = definitions_of(roots, INFRASTRUCTURE)
    for path in sorted(path for glob in texts for path in PROJECT_ROOT.glob(glob)):
        definitions[str(path.relative_to(PROJECT_ROOT))] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    versions = {name: installed_version(name) for name in libraries}
    lines = [f"{k}={v}" for k, v in sorted({**definitions, **versions}.items())]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    return CodeVersion(digest=digest, definitions=definitions, libraries=versions)
