"""The small lexicon that sentences are drawn from, with pronunciations in ARPAbet."""

from assets.sample_corpus.phones import DIPHTHONGS, PHONES

LEXICON: dict[str, str] = {
    "ABOUT": "AH B AW T",
    "ALWAYS": "AO L W EY Z",
    "BEFORE": "B IY F AO R",
    "BLUE": "B L UW",
    "BOAT": "B OW T",
    "BREAD": "B R EH D",
    "BRING": "B R IH NG",
    "CHAIR": "CH EH R",
    "CHOOSE": "CH UW Z",
    "COFFEE": "K AO F IY",
    "COME": "K AH M",
    "DOCTOR": "D AA K T ER",
    "EVENING": "IY V N IH NG",
    "EVERY": "EH V R IY",
    "FAMILY": "F AE M L IY",
    "FATHER": "F AA DH ER",
    "FEEL": "F IY L",
    "FIVE": "F AY V",
    "FOUR": "F AO R",
    "GARDEN": "G AA R D N",
    "GOOD": "G UH D",
    "GREEN": "G R IY N",
    "HAPPY": "HH AE P IY",
    "HOME": "HH OW M",
    "HOUSE": "HH AW S",
    "KEEP": "K IY P",
    "LAUGH": "L AE F",
    "LIGHT": "L AY T",
    "MAYBE": "M EY B IY",
    "MONEY": "M AH N IY",
    "MORNING": "M AO R N IH NG",
    "MOTHER": "M AH DH ER",
    "MOVE": "M UW V",
    "MUSIC": "M Y UW Z IH K",
    "NEVER": "N EH V ER",
    "OPEN": "OW P AH N",
    "OVER": "OW V ER",
    "PAPER": "P EY P ER",
    "PEOPLE": "P IY P AH L",
    "PLEASE": "P L IY Z",
    "POINT": "P OY N T",
    "QUEEN": "K W IY N",
    "RIVER": "R IH V ER",
    "ROOM": "R UW M",
    "SEVEN": "S EH V AH N",
    "SHE": "SH IY",
    "SHOW": "SH OW",
    "SMALL": "S M AO L",
    "SOME": "S AH M",
    "SUMMER": "S AH M ER",
    "TABLE": "T EY B AH L",
    "THANK": "TH AE NG K",
    "THE": "DH AH",
    "THEY": "DH EY",
    "THING": "TH IH NG",
    "TODAY": "T UH D EY",
    "TWO": "T UW",
    "VERY": "V EH R IY",
    "VOICE": "V OY S",
    "WATER": "W AO T ER",
    "WE": "W IY",
    "WHERE": "W EH R",
    "WINDOW": "W IH N D OW",
    "WOMAN": "W UH M AH N",
    "WORK": "W ER K",
    "YELLOW": "Y EH L OW",
    "YOU": "Y UW",
    "JUDGE": "JH AH JH",
    "JUNE": "JH UW N",
}


def pronounce(word: str) -> tuple[tuple[str, float], ...]:
    """The phones of a word, a diphthong as its two vowels.

    Returns:
        (label, share) for each phone: share multiplies the phone's typical duration (two vowels of a diphthong
        are shorter than one alone).
    Raises:
        ValueError: the word is not in the lexicon.
    """
    if word not in LEXICON:
        raise ValueError(f"the word {word!r} is not in the sample lexicon; give one of: {', '.join(LEXICON)}")
    phones: list[tuple[str, float]] = []
    for label in LEXICON[word].split():
        if label in DIPHTHONGS:
            phones += [(part, 0.7) for part in DIPHTHONGS[label]]
        else:
            phones.append((PHONES[label].label, 1.0))
    return tuple(phones)
