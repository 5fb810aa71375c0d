"""Which code chooses among several faces. Planners read this file: it imports nothing heavy."""

from cals_models.references import Choices

SPEAKER_PROBES = Choices(
    none="assets.faces.speaker_probe:no_probe",
    sync_encoder="assets.av_offsets.speaker_probe:speaker_probe",
    syncnet="assets.av_offsets.speaker_probe:speaker_probe",
)
"""Kind of probe, as the settings of `av_offsets` have it -> function (project, dataset) that gives the probe, or None."""
