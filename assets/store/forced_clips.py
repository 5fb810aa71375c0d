"""Which clips a run computes again although they are up to date, as ``cals run --force`` and a tag of a run say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FORCE_TAG = "cals.force"
EVERYTHING = "all"


@dataclass(frozen=True, kw_only=True)
class ForcedClips:
    """Clips to compute again.

    Args:
        every: all of them; a stage that is not computed clip by clip is computed again as a whole.
        clip_ids: some clips.
        buckets: numbers of buckets whose clips are all computed again.
    """

    every: bool = False
    clip_ids: frozenset[str] = frozenset()
    buckets: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return self.every or bool(self.clip_ids) or bool(self.buckets)

    def covers(self, clip_id: str, bucket: int) -> bool:
        """Whether the clip, which lies in ``bucket``, is to be computed again."""
        return self.every or bucket in self.buckets or clip_id in self.clip_ids

    def as_json(self) -> str | dict[str, Any]:
        """The value of a stage in the tag."""
        if self.every:
            return EVERYTHING
        return {"clips": sorted(self.clip_ids), "buckets": sorted(self.buckets)}


NOTHING_FORCED = ForcedClips()


def force_tag(forced: Mapping[str, ForcedClips]) -> str:
    """The run's tag that forces stages; empty if there are none."""
    return json.dumps({stage: clips.as_json() for stage, clips in forced.items() if clips}) if forced else ""


def forced_by_tag(text: str, stage: str) -> ForcedClips:
    """What a run's tag forces of a stage: ``all``, or JSON by stage: ``all`` or ``{"clips": [...], "buckets": [...]}``.

    Raises:
        ValueError: the tag is neither.
    """
    if text == EVERYTHING:
        return ForcedClips(every=True)
    try:
        value = json.loads(text or "{}").get(stage, {})
        if value == EVERYTHING:
            return ForcedClips(every=True)
        return ForcedClips(
            clip_ids=frozenset(map(str, value.get("clips", ()))),
            buckets=frozenset(map(int, value.get("buckets", ()))),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f'tag {FORCE_TAG}: {text!r}; give "all", or JSON such as {{"mels": "all"}} or '
            '{"mels": {"clips": ["one/train/a.mp4"], "buckets": [3]}}'
        ) from error
