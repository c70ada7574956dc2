"""Upstack's form for one destination: whose it is, the token in its field, and the one press.

Only the Snapchat twin of this form is public, so every label is a guess by analogy. What is not
clear is refused before anything is pressed. Playwright's own words never come through: they may
quote a field's value, which here is the token (`step`).
"""

import re
from collections.abc import Sequence

from playwright.sync_api import Page

from automation.browser import step
from automation.controls import Found, Look, Meaning, Region, dialogs, look, quote
from automation.controls_decide import found_of
from automation.controls_score import ENOUGH, Candidate
from automation.controls_tree import Tree
from automation.controls_units import Unit, units
from automation.controls_words import EXACT, FILLED, best
from automation.errors import PageChanged, WrongPixel
from automation.secret import Secret, redact
from flows.pages import obstacles
from flows.pages.upstack_scripts import ALL, EMPTY, FILLABLE, OPTION, SELECT, TICKED, UNTICKED
from flows.pages.waiting import until
from flows.wording import PIXEL_LIKE, Wording

_REFUSED = "nothing was saved; run `pixelmint doctor`, or paste the token there by hand"
COMPLAINS = re.compile(
    r"\b(invalid|not (?:a )?valid|incorrect|rejected|refused|not accepted|failed|could not|cannot"
    r"|unable|went wrong|already exists|is required|try again)\b", re.I
)  # fmt: skip
"""Words with which a page says that something did not work."""
_FIELDS = ("token", "pixel_id")
_NEAR_PX = 30
_CHANGES_S = 3.0
"""How long a page may take to show what a press on a box brings."""


class Form:
    """A form that is open, in a dialog or on the page itself."""

    def __init__(
        self, page: Page, where: Page | Region, wording: Wording, *, patience_s: float
    ) -> None:
        """Look at a form.

        Args:
            page: shows it.
            where: the dialog that holds it, or the page.
            wording: labels, and what is never clicked.
            patience_s: most seconds to wait for any one thing.
        """
        self._page, self._place = page, where
        self._wording, self._patience_s = wording, patience_s

    @property
    def _where(self) -> Page | Region:
        """Where it stands now: a page may draw its dialog anew at any time."""
        place = self._place
        if isinstance(place, Region) and not place.there():
            for other in dialogs(self._page):
                if any(self._field_in(other, each) for each in _FIELDS):
                    self._place = other
        return self._place

    @property
    def text(self) -> str:
        """Everything it shows."""
        where = self._where
        return where.text() if isinstance(where, Region) else obstacles.said_on(self._page)

    def pixel(self) -> str:
        """Return the pixel the form is of: its field's value, else the one code it shows."""
        field = self._field("pixel_id")
        if field is not None:
            return self._value(field).strip()
        codes = set(re.findall(PIXEL_LIKE, self.text))
        return codes.pop() if len(codes) == 1 else ""

    def fill_new(self, pixel: str, token: Secret) -> None:
        """Fill in a new destination: the pixel, a name where one is asked for, the box, the token.

        Raises:
            PageChanged: a field is missing or not clear. Nothing was saved.
        """
        if not re.search(r"tik[ -]?tok", self.text, re.IGNORECASE):
            raise PageChanged("the form does not say that it is TikTok's", next_step=_REFUSED)
        field = self._field("pixel_id")
        if field is None:
            raise self._missing("pixel_id")
        self._type(field, pixel)
        name = self._field("name")
        if name is not None and name.enabled and not self._value(name).strip():
            self._type(name, f"TikTok {pixel}")
        self._enable()
        self._paste(token)

    def fill_token(self, pixel: str, token: Secret) -> None:
        """Put another token into a destination that exists; everything else stays as it is.

        Raises:
            WrongPixel: the form is of another pixel. Nothing was typed.
            PageChanged: its field is missing or not clear. Nothing was saved.
        """
        self._refuse_other(pixel)
        if self._field("token") is None:
            self._change()
        self._paste(token)

    def save(self, pixel: str, token: Secret, names: Sequence[str]) -> None:
        """Press what saves it, once; an instant before, read back whose it is and what it holds.

        Args:
            pixel: whose it must be.
            token: what its field must hold.
            names: meanings of the control, the likeliest first.

        Raises:
            WrongPixel: it is of another pixel. Nothing was saved.
            PageChanged: it holds something else, asks for more than is known here, or the control
                is missing, switched off, or stands there twice. Nothing was saved.
        """
        seen: list[Look] = []

        def found() -> Found | None:
            seen[:] = [look(self._where, self._wording.meaning(f"upstack.{n}")) for n in names]
            return next((each.found for each in seen if each.found), None)

        control = until(self._page, found, min(self._patience_s, 5.0))
        if control is None:
            raise PageChanged(f"{names[0]}: {seen[0].why}", next_step=_REFUSED)
        self._check(pixel, token)
        control.click(self._patience_s * 1000)

    def _check(self, pixel: str, token: Secret) -> None:
        self._refuse_other(pixel)
        field = self._field("token")
        if field is None or self._value(field) != token.reveal():
            raise PageChanged(
                "the token's field holds something else than was typed", next_step=_REFUSED
            )
        empty = self._empty()
        if empty:
            raise PageChanged(
                f"the form asks for {quote(empty)!r}, which is not known here", next_step=_REFUSED
            )

    def _refuse_other(self, pixel: str) -> None:
        shown = self.pixel()
        if shown != pixel:
            named = shown if re.fullmatch(PIXEL_LIKE, shown) else quote(shown)
            raise WrongPixel(
                f"the form is of {named or 'no pixel that could be read'}, not {pixel}",
                next_step=_REFUSED,
            )

    def complaint(self) -> str:
        """Return the line in which it says what is wrong, fit for a message; empty for none."""
        lines = [each.strip() for each in re.split(r"\n|(?<=[.!])\s", self.text)]
        found = [each for each in lines if len(each) < 200 and COMPLAINS.search(each)]
        return quote(redact(found[0]), 80) if found else ""

    def gone(self) -> bool:
        """Tell whether it has been closed."""
        if isinstance(self._where, Region) and not self._where.there():
            return True
        return not self.there()

    # ------------------------------------------------------------------------------- fields

    def there(self) -> bool:
        """Tell whether this place holds such a form."""
        return any(self._field(each) for each in _FIELDS)

    def _field(self, name: str) -> Found | None:
        return self._field_in(self._where, name)

    def _field_in(self, where: Page | Region, name: str) -> Found | None:
        """Return a field by what it is called, else by the label that stands with it alone."""
        meaning = self._wording.meaning(f"upstack.{name}")
        seen = look(where, meaning)
        found = seen.found or seen.disabled
        if found is not None and self._takes_text(found):
            return found
        if found is None and any(each.score >= ENOUGH for each in seen.candidates):
            return None  # two stand equally
        # A placeholder says less than the label beside its field.
        return _beside(self._page, where, meaning)

    @step("looking at a field of Upstack's form")
    def _takes_text(self, found: Found) -> bool:
        """Tell a field from a link of the same name, as in the navigation beside a form."""
        return bool(found.element.evaluate(FILLABLE))

    def _missing(self, name: str) -> PageChanged:
        seen = look(self._where, self._wording.meaning(f"upstack.{name}"))
        return PageChanged(f"the form: {seen.why}", next_step=_REFUSED)

    @step("reading a field of Upstack's form")
    def _value(self, field: Found) -> str:
        return str(field.element.input_value())

    @step("filling in Upstack's form")
    def _type(self, field: Found, text: str) -> None:
        field.element.fill(text)

    def _change(self) -> None:
        """Press what brings the token's field, where the form only says that there is a token."""
        change = look(self._where, self._wording.meaning("upstack.change_token")).found
        if change is not None:
            change.click(self._patience_s * 1000)

    def choose(self) -> bool:
        """Choose TikTok where the platform is chosen from a list that drops down."""
        labels = [each.text for each in self._wording.meaning("upstack.platform").labels]
        return bool(self._chosen(labels))

    @step("choosing the platform at Upstack")
    def _chosen(self, labels: list[str]) -> bool:
        where = self._where
        root = where.element if isinstance(where, Region) else self._page.query_selector("body")
        if root is None:
            return False
        found = root.evaluate_handle(SELECT, labels)
        element = found.as_element()
        if element is None:
            return False
        value = element.evaluate(OPTION, labels)
        return bool(element.select_option(value=value))

    def _paste(self, token: Secret) -> None:
        field = until(self._page, lambda: self._field("token"), min(self._patience_s, 5.0))
        if field is None:
            raise self._missing("token")
        if not field.enabled:
            raise PageChanged("the token's field is switched off", next_step=_REFUSED)
        self._type(field, token.reveal())

    # ------------------------------------------------------------------- the box to switch it on

    def _enable(self) -> None:
        seen = look(self._where, self._wording.meaning("upstack.enable"))
        if seen.found is None:
            if seen.candidates or self._boxes():
                raise PageChanged(
                    f"the form has a box to tick, and it is not clear: {seen.why}",
                    next_step=_REFUSED,
                )
            return
        found = seen.found
        if self._ticked(found) is False:
            found.click(self._patience_s * 1000)
        if not until(self._page, lambda: self._ticked(found) or None, _CHANGES_S):
            raise PageChanged(
                "the box that enables sending would not be ticked", next_step=_REFUSED
            )

    def _ticked(self, found: Found) -> bool | None:
        return self._asked(found, TICKED)

    @step("looking at a box of Upstack's form")
    def _asked(self, found: Found, script: str) -> bool | None:
        said = found.element.evaluate(script)
        return said if isinstance(said, bool) else None

    @step("looking at the boxes of Upstack's form")
    def _boxes(self) -> bool:
        """Tell whether there is any box that is not ticked."""
        return bool(self._evaluate(UNTICKED))

    @step("looking for what Upstack's form still asks for")
    def _empty(self) -> str:
        return str(self._evaluate(EMPTY) or "")

    def _evaluate(self, script: str) -> object:
        where = self._where
        if isinstance(where, Region):
            return where.element.evaluate(f"(root) => {{ {ALL} {script} }}")
        return self._page.evaluate(f"() => {{ const root = document; {ALL} {script} }}")


def _beside(page: Page, where: Page | Region, meaning: Meaning) -> Found | None:
    """Return the one field without a name of its own that stands with such a label.

    Alone with it in some part of the form, or next after it and just below or beside it.
    """
    with Tree(page) as tree:
        part = tree.node_of(where.element) if isinstance(where, Region) else None
        everything = [u for u in units(tree) if part is None or part.holds(u.target)]
        found: dict[int, Unit] = {}
        for at, label in enumerate(everything):
            if label.kind in ("textbox", "choice") or len(label.text) > 60:
                continue
            if best(meaning.labels, label.text, meaning.fillers)[0] >= FILLED:
                own = _alone_with(label, everything) or _next_to(label, everything[at + 1 :])
                if own is not None and not (own.target.aria or own.target.told):
                    found[own.target.at] = own
        if len(found) != 1:
            return None
        (unit,) = found.values()
        one = Candidate(unit, 0.8, EXACT, 1.0, None, ["it stands with its label"])
        return found_of(page, tree, meaning, one, [])


def _alone_with(label: Unit, everything: Sequence[Unit]) -> Unit | None:
    fields = [each for each in everything if each.kind == "textbox"]
    for above in label.members[0].above():
        inside = [each for each in fields if above.holds(each.target)]
        if inside:
            alone = len(inside) == 1 and inside[0].target.at > label.target.at
            # A form with one field only is no part of a form: what else it says may be the label.
            return inside[0] if alone and len(fields) > 1 else None
    return None


def _next_to(label: Unit, after: Sequence[Unit]) -> Unit | None:
    field = next(iter(after), None)
    if field is None or field.kind != "textbox":
        return None
    left, top, width, height = label.target.box
    x, y, wide, _high = field.target.box
    below = -2 <= y - (top + height) <= _NEAR_PX and x < left + width and left < x + wide
    beside = abs(y - top) <= _NEAR_PX and 0 <= x - (left + width) <= 10 * _NEAR_PX
    return field if below or beside else None
