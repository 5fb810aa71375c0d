"""Phone inventory (ARPAbet labels): the acoustics and the lip target of each phone.

Formants are the averages of Peterson & Barney (1952) for vowels and textbook loci for consonants; lip targets and
dominances are our own, in the manner of Cohen & Massaro (1993).
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["silence", "vowel", "glide", "nasal", "stop", "fricative", "affricate"]


@dataclass(frozen=True, kw_only=True)
class LipTarget:
    """Where a phone wants the lips, and how much it insists.

    Attributes:
        aperture: 0 closed ... 1 widest open.
        width: -1 rounded ... 0 neutral ... 1 spread.
        protrusion: 0 flat ... 1 pushed forward.
        aperture_dominance: weight of the phone in the blend of apertures.
        shape_dominance: weight in the blends of width and protrusion.
        aperture_reach: share of the co-articulation span over which the aperture is felt. A closure of the lips is
            strong and short, the rounding of a vowel is felt over the whole span.
    """

    aperture: float
    width: float = 0.0
    protrusion: float = 0.0
    aperture_dominance: float = 1.0
    shape_dominance: float = 1.0
    aperture_reach: float = 0.6


@dataclass(frozen=True, kw_only=True)
class Phone:
    """One phone.

    Attributes:
        duration_s: typical duration.
        formants_hz: F1, F2, F3 to head for.
        voicing: amplitude of the glottal source, 0..1.
        noise: amplitude of the frication (or, for stops, of the burst), 0..1.
        noise_hz: centre of the noise band.
        noise_bandwidth_hz: its width.
        aspiration: amplitude of breath noise through the vocal tract.
    """

    label: str
    kind: Kind
    duration_s: float
    formants_hz: tuple[float, float, float]
    lips: LipTarget
    voicing: float = 0.0
    noise: float = 0.0
    noise_hz: float = 4_000.0
    noise_bandwidth_hz: float = 1_000.0
    aspiration: float = 0.0


def _vowel(
    label: str,
    duration_s: float,
    f1: float,
    f2: float,
    f3: float,
    aperture: float,
    width: float,
    protrusion: float = 0.0,
) -> Phone:
    lips = LipTarget(aperture=aperture, width=width, protrusion=protrusion)
    return Phone(
        label=label, kind="vowel", duration_s=duration_s, formants_hz=(f1, f2, f3), lips=lips, voicing=1.0
    )


def _weak(aperture: float, width: float = 0.0) -> LipTarget:
    """Lips of a consonant formed by the tongue: they mostly follow the surrounding vowels."""
    return LipTarget(
        aperture=aperture, width=width, aperture_dominance=0.4, shape_dominance=0.12, aperture_reach=0.4
    )


_CLOSED = LipTarget(
    aperture=0.0, width=-0.05, aperture_dominance=40.0, shape_dominance=0.3, aperture_reach=0.25
)
_LIP_TO_TEETH = LipTarget(
    aperture=0.08, width=0.15, aperture_dominance=14.0, shape_dominance=0.4, aperture_reach=0.25
)
_ROUND = LipTarget(
    aperture=0.14,
    width=-0.95,
    protrusion=1.0,
    aperture_dominance=4.0,
    shape_dominance=1.5,
    aperture_reach=0.35,
)
_PUCKERED = LipTarget(
    aperture=0.22, width=-0.5, protrusion=0.7, aperture_dominance=1.5, shape_dominance=0.8, aperture_reach=0.4
)


def _stop(
    label: str,
    formants_hz: tuple[float, float, float],
    noise_hz: float,
    bandwidth_hz: float,
    lips: LipTarget,
    voiced: bool,
) -> Phone:
    return Phone(
        label=label,
        kind="stop",
        duration_s=0.075 if voiced else 0.095,
        formants_hz=formants_hz,
        lips=lips,
        voicing=0.16 if voiced else 0.0,
        noise=0.45 if voiced else 0.7,
        noise_hz=noise_hz,
        noise_bandwidth_hz=bandwidth_hz,
        aspiration=0.0 if voiced else 0.25,
    )


def _fricative(
    label: str,
    formants_hz: tuple[float, float, float],
    noise: float,
    noise_hz: float,
    bandwidth_hz: float,
    lips: LipTarget,
    voiced: bool,
    kind: Kind = "fricative",
) -> Phone:
    return Phone(
        label=label,
        kind=kind,
        duration_s=0.085 if voiced else 0.11,
        formants_hz=formants_hz,
        lips=lips,
        voicing=0.4 if voiced else 0.0,
        noise=noise * (0.6 if voiced else 1.0),
        noise_hz=noise_hz,
        noise_bandwidth_hz=bandwidth_hz,
    )


def _sonorant(
    label: str,
    kind: Kind,
    duration_s: float,
    formants_hz: tuple[float, float, float],
    lips: LipTarget,
    voicing: float,
) -> Phone:
    return Phone(
        label=label, kind=kind, duration_s=duration_s, formants_hz=formants_hz, lips=lips, voicing=voicing
    )


_PHONES = (
    Phone(
        label="SIL",
        kind="silence",
        duration_s=0.12,
        formants_hz=(500.0, 1_500.0, 2_500.0),
        lips=LipTarget(aperture=0.0, aperture_dominance=1.0, shape_dominance=0.6, aperture_reach=0.4),
    ),
    _vowel("AA", 0.13, 730, 1_090, 2_440, 0.95, 0.0),
    _vowel("AE", 0.13, 660, 1_720, 2_410, 0.85, 0.45),
    _vowel("AH", 0.09, 640, 1_190, 2_390, 0.55, 0.0),
    _vowel("AO", 0.13, 570, 840, 2_410, 0.75, -0.6, 0.6),
    _vowel("EH", 0.11, 530, 1_840, 2_480, 0.65, 0.4),
    _vowel("ER", 0.12, 490, 1_350, 1_690, 0.35, -0.4, 0.5),
    _vowel("IH", 0.09, 390, 1_990, 2_550, 0.38, 0.45),
    _vowel("IY", 0.12, 270, 2_290, 3_010, 0.26, 0.95),
    _vowel("UH", 0.09, 440, 1_020, 2_240, 0.32, -0.55, 0.6),
    _vowel("UW", 0.12, 300, 870, 2_240, 0.18, -0.95, 1.0),
    _sonorant("W", "glide", 0.07, (290, 610, 2_150), _ROUND, 0.75),
    _sonorant("Y", "glide", 0.06, (260, 2_200, 3_000), _weak(0.2, 0.6), 0.75),
    _sonorant("R", "glide", 0.07, (310, 1_060, 1_380), _PUCKERED, 0.8),
    _sonorant("L", "glide", 0.07, (340, 1_050, 2_880), _weak(0.35), 0.8),
    _sonorant("M", "nasal", 0.075, (250, 1_050, 2_200), _CLOSED, 0.55),
    _sonorant("N", "nasal", 0.065, (250, 1_600, 2_600), _weak(0.25), 0.55),
    _sonorant("NG", "nasal", 0.075, (250, 2_000, 2_700), _weak(0.35), 0.5),
    _stop("P", (320, 900, 2_200), 900, 1_200, _CLOSED, voiced=False),
    _stop("B", (260, 900, 2_200), 800, 1_000, _CLOSED, voiced=True),
    _stop("T", (320, 1_750, 2_650), 4_200, 1_600, _weak(0.18), voiced=False),
    _stop("D", (260, 1_700, 2_600), 3_600, 1_500, _weak(0.18), voiced=True),
    _stop("K", (320, 1_950, 2_450), 1_900, 700, _weak(0.35), voiced=False),
    _stop("G", (260, 1_900, 2_400), 1_700, 700, _weak(0.35), voiced=True),
    _fricative("F", (340, 1_100, 2_100), 0.22, 5_500, 4_000, _LIP_TO_TEETH, voiced=False),
    _fricative("V", (260, 1_100, 2_100), 0.16, 5_000, 4_000, _LIP_TO_TEETH, voiced=True),
    _fricative("TH", (330, 1_300, 2_550), 0.18, 6_200, 3_000, _weak(0.2), voiced=False),
    _fricative("DH", (270, 1_300, 2_550), 0.12, 5_800, 3_000, _weak(0.2), voiced=True),
    _fricative("S", (330, 1_650, 2_600), 0.75, 6_000, 1_400, _weak(0.1, 0.3), voiced=False),
    _fricative("Z", (260, 1_650, 2_600), 0.6, 5_700, 1_400, _weak(0.1, 0.3), voiced=True),
    _fricative("SH", (330, 1_800, 2_500), 0.75, 2_900, 1_100, _PUCKERED, voiced=False),
    _fricative("CH", (330, 1_800, 2_500), 0.75, 3_100, 1_100, _PUCKERED, voiced=False, kind="affricate"),
    _fricative("JH", (260, 1_800, 2_500), 0.6, 2_900, 1_100, _PUCKERED, voiced=True, kind="affricate"),
    Phone(
        label="HH",
        kind="fricative",
        duration_s=0.065,
        formants_hz=(500.0, 1_500.0, 2_500.0),
        lips=LipTarget(aperture=0.4, aperture_dominance=0.15, shape_dominance=0.05, aperture_reach=0.4),
        aspiration=0.5,
    ),
)

PHONES: dict[str, Phone] = {phone.label: phone for phone in _PHONES}

DIPHTHONGS: dict[str, tuple[str, str]] = {
    "AY": ("AA", "IY"),
    "EY": ("EH", "IY"),
    "OW": ("AO", "UW"),
    "AW": ("AA", "UW"),
    "OY": ("AO", "IY"),
}
