"""Where the time of a dub goes: runs the command line under cProfile and adds up its parts.

    python -m tests.benchmarks.dub_parts dub --model FOLDER --video VIDEO --audio AUDIO --out OUT

The profiler itself takes about a tenth; `bench_dub` times dubs without it.
"""

from __future__ import annotations

import cProfile
import pstats
import sys

# Part -> end of the function's file, its name, and whether the functions that it calls count.
PARTS = {
    "decode": ("~", "<method 'decode' of 'av.packet.Packet' objects>", False),
    "find faces": ("face_tracker.py", "_step", True),
    "crops": ("cut_crop.py", "cut_crop", True),
    "close mouths": ("dubbed_frames.py", "_closed", True),
    "generation": ("lip_generator.py", "render_batches", True),
    "colours": ("match_colours.py", "__call__", True),
    "copy frames": ("frame_planes.py", "__init__", True),
    "paste": ("paste_mouth.py", "paste_mouth", True),
    "encode video": ("~", "<method 'encode' of 'av.video.stream.VideoStream' objects>", False),
    "encode audio": ("~", "<method 'encode' of 'av.audio.stream.AudioStream' objects>", False),
    "code version": ("provenance.py", "tool_version", True),
}


def parts_of(profile: cProfile.Profile) -> dict[str, float]:
    """Seconds of each part; ``start-up`` is all before and after the dub itself."""
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    seconds = dict.fromkeys(PARTS, 0.0)
    whole = inner = 0.0
    for (file, _, name), (_, _, own, cumulative, callers) in stats.items():
        whole += own
        if name == "make_dub":
            inner = cumulative
        for part, (end, function, with_called) in PARTS.items():
            if file.endswith(end) and name == function:
                # what the search keeps of faces is a part of finding them
                kept = sum(times[3] for (of, _, _), times in callers.items() if of.endswith("seen_mouths.py"))
                seconds[part] += cumulative - kept if with_called else own
    seconds["other"] = inner - sum(seconds.values())
    return seconds | {"start-up": whole - inner, "whole": whole}


def main() -> None:
    from pipelines.cli.main import main as cals

    profile = cProfile.Profile()
    status = profile.runcall(cals, sys.argv[1:])
    for part, seconds in parts_of(profile).items():
        print(f"{part:14}{seconds:8.2f} s")
    raise SystemExit(status)


if __name__ == "__main__":
    main()
