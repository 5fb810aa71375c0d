"""Renders one clip: a video file and its ground truth."""

import functools
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.sample_corpus.coarticulation import LipTrack, lip_track
from assets.sample_corpus.frames import Actor, film, make_actor
from assets.sample_corpus.motion import head_motion
from assets.sample_corpus.mp4 import write_mp4
from assets.sample_corpus.photograph import load_portrait
from assets.sample_corpus.plan import ClipPlan
from assets.sample_corpus.settings import SampleCorpusSettings
from assets.sample_corpus.speakers import SPEAKERS
from assets.sample_corpus.utterance import Utterance
from assets.sample_corpus.voice import synthesise
from cals_models.timebase import FPS, SAMPLES_PER_FRAME


@functools.cache
def _actors() -> tuple[Actor, ...]:
    base = load_portrait()
    return tuple(make_actor(base, speaker) for speaker in SPEAKERS)


def frame_times_s(num_frames: int) -> NDArray[np.float64]:
    """(num_frames,) seconds: frame k shows the face at k / 25 s."""
    return np.arange(num_frames) / FPS


def delay_audio(audio: NDArray[np.int16], delay_frames: int) -> NDArray[np.int16]:
    """Shifts audio by whole video frames, filled up with silence.

    Args:
        audio: (N,) int16.
        delay_frames: positive delays the audio.

    Returns:
        (N,) int16.
    """
    shift = delay_frames * SAMPLES_PER_FRAME
    shifted = np.zeros_like(audio)
    if shift >= 0:
        shifted[shift:] = audio[: len(audio) - shift]
    else:
        shifted[:shift] = audio[-shift:]
    return shifted


def true_lips(utterance: Utterance, settings: SampleCorpusSettings) -> LipTrack:
    """The lips at each video frame."""
    times_s = frame_times_s(utterance.num_frames)
    return lip_track(utterance.phones, times_s, coarticulation_s=settings.coarticulation_s)


def make_clip(plan: ClipPlan, folder: Path, settings: SampleCorpusSettings) -> dict[str, object]:
    """Renders the clip to `folder / dataset / path.mp4`.

    Returns:
        Its ground truth: speaker, split, words and phones with times on the video's time line, the lip track, and the
        delay of the audio.
    """
    cv2.setNumThreads(1)
    utterance = plan.utterance(settings)
    speaker = SPEAKERS[plan.speaker]
    lips = true_lips(utterance, settings)
    audio = synthesise(utterance, speaker.voice, plan.rng(settings, "voice"))
    delay = plan.audio_delay_frames(settings)
    motion = head_motion(utterance.num_frames, settings.head_motion, plan.rng(settings, "motion"))
    path = folder / plan.dataset / f"{plan.path}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = film(
        _actors()[plan.speaker],
        lips,
        motion,
        framing=plan.framing,
        noise_rms=settings.noise_rms,
        rng=plan.rng(settings, "picture"),  # the name is part of the seed
    )
    write_mp4(
        path,
        frames,
        delay_audio(audio, delay),
        crf=settings.video_crf,
        audio_bits_per_s=settings.audio_bits_per_s,
    )
    return {
        "speaker": speaker.name,
        "split": plan.split,
        "num_frames": utterance.num_frames,
        "audio_delay_frames": delay,
        "words": [[word, round(start, 6), round(end, 6)] for word, start, end in utterance.word_times()],
        "phones": [[round(p.start_s, 6), round(p.end_s, 6), p.label] for p in utterance.phones],
        "aperture": lips.aperture.round(5).tolist(),
        "width": lips.width.round(5).tolist(),
        "protrusion": lips.protrusion.round(5).tolist(),
    }
