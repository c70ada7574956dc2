"""Whether a pixel's Events API section tells of a token that exists already.

What stands there then is unknown: a masked value, another control, or words; each counts.
"""

import re

from automation.controls import Found, Label, Meaning, Region, quote
from flows.wording import Wording

_MASKED = re.compile("[\u2022\u25cf\u2219\u00b7*\uff0a]{4,}|[xX]{8,}")
"""Bullets, dots, asterisks (also the full-width one) and x's that stand for a hidden token."""
_DENIES = re.compile(r"\b(no|not|none|never|yet|kein|keine|aucun|ning[uú]n|nenhum|nessun)\b")
_TELLS = 0.7
"""How surely a short text must say that a token is active, created or the like."""


def sign_of_token(section: Region, wording: Wording) -> str:
    """Return the sign by which a token is known to exist; empty where there is none."""
    if section.look(wording.meaning("replace")).found:
        return "there is a control to replace it"
    if _MASKED.search(section.text()):
        return "it is shown masked"
    signs = tuple(Label(each) for each in wording.words("existing_token"))
    meaning = Meaning("existing_token", signs, frozenset({"text", "heading"}))
    told = [each for each in section.look(meaning).candidates if _is_told(each, wording)]
    return f"the section says {quote(told[0].text)!r}" if told else ""


def _is_told(sign: Found, wording: Wording) -> bool:
    """Tell "Active", or a sentence with it that speaks of a token, from "no active token"."""
    text = sign.text.lower()
    speaks = any(each in text for each in wording.token_words)
    return (sign.score >= _TELLS or speaks) and not _DENIES.search(text)
