"""From a model's name to the path of its resource: English plurals in kebab-case."""

from __future__ import annotations

import re

__all__ = ["plural", "words"]

_IRREGULAR = {
    "child": "children",
    "criterion": "criteria",
    "datum": "data",
    "die": "dice",
    "foot": "feet",
    "goose": "geese",
    "man": "men",
    "medium": "media",
    "mouse": "mice",
    "ox": "oxen",
    "person": "people",
    "phenomenon": "phenomena",
    "quiz": "quizzes",
    "tooth": "teeth",
    "woman": "women",
}
_UNCHANGED = {
    "advice", "aircraft", "data", "deer", "equipment", "feedback", "fish", "furniture", "hardware", "information",
    "luggage", "media", "metadata", "money", "news", "offspring", "people", "progress", "series", "sheep", "software",
    "species", "staff", "traffic", "weather",
}  # fmt: skip
_F_TO_VES = ("calf", "elf", "half", "knife", "leaf", "life", "loaf", "self", "shelf", "thief", "wife", "wolf")
_O_TO_OES = ("echo", "hero", "potato", "tomato", "torpedo", "veto")
_NOT_MEN = ("human", "german", "roman", "talisman", "shaman")


def words(name: str) -> list[str]:
    """The words of a class name, lower-case: ``HTTPServerLog2`` -> ``http server log2``."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[^A-Z_\W]+|[^\W_]+", name)]


def plural(word: str) -> str:
    """The English plural of a lower-case word."""
    if word in _UNCHANGED:
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("man") and not word.endswith(_NOT_MEN):
        return word[:-3] + "men"
    if word.endswith(_F_TO_VES):
        return word.removesuffix("fe").removesuffix("f") + "ves"
    if word.endswith("y") and word[-2:-1] not in ("a", "e", "i", "o", "u"):
        return word[:-1] + "ies"
    if word.endswith(("sis", "xis")):  # analysis, axis
        return word[:-2] + "es"
    if word.endswith(("s", "x", "z", "ch", "sh")) or word in _O_TO_OES:
        return word + "es"
    return word + "s"
