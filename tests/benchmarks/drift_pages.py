# ruff: noqa: D102, E501 - what a part is is said once, in Build; drawn HTML reads better unbroken
"""The drift benchmark's base pages: ten ways to build a pixel's Settings tab, drawn for this.

None was recorded, and none was taken over from the bundled console. The attribute `d` tells the
benchmark what an element is and is taken away before anybody looks: `T` the control that is meant,
`H` and `S` its section's heading and whole, `s` a section, `h` a heading, `c` a control, `r` a row
of controls, `k:word` says a word, `a:word` is labelled with it, `code` and `account` name them.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks.drift_words import ENGLISH

CODE, OTHER_CODE = "D69ESQRC77U0KGAU8B90", "CQ1B2C3D4E5F6G7H8I90"
ACCOUNT, OTHER_ACCOUNT = "7654321098765432109", "7412345678901234567"

CONTENT: dict[str, tuple[str, str, list[str]]] = {
    "basics": ("basics", "", ["rename"]),
    "adv": ("adv", "adv_text", ["switch"]),
    "cookies": ("cookies", "cookies_text", ["switch"]),
    "offline": ("offline", "offline_text", ["generate", "upload"]),
    "testing": ("testing", "", ["open_test"]),
    "partners": ("partners", "partners_text", ["connect", "disconnect"]),
    "wizard": ("wizard", "wizard_text", ["connect", "generate"]),
    "danger": ("danger", "danger_text", ["transfer", "delete"]),
}
"""Sections around the right one: heading, text, controls. Two of them have the same button."""


@dataclass(frozen=True)
class Base:
    """One base page, ready to be shown."""

    build: str
    outer: str
    inner: str
    """What its frame shows; empty where it has none."""
    styles: dict[str, str]
    """How each class looks."""


@dataclass
class Build:
    """One way to build a page: how each of its parts is written."""

    chance: random.Random
    styles: dict[str, str] = field(default_factory=dict)

    def css(self, name: str, rules: str) -> str:
        """Give a class and how it looks."""
        self.styles[name] = rules
        return name

    def attributes(self, key: str) -> tuple[str, str]:
        """Give a control what controls have now and then: an id, a test id, an aria-label."""
        roll, mine = self.chance.random, ""
        number = self.chance.randrange(1000, 9999)
        if roll() < 0.4:
            names = [f"btn-{number}", f"{key.replace('_', '-')}-button", f"ea_{key}"]
            mine += f' id="{self.chance.choice(names)}-{number}"'
        if roll() < 0.25:
            mine += f' data-testid="{key}-{number:x}"'
        if roll() < 0.3:
            return mine + f' aria-label="{ENGLISH[key]}"', f"a:{key}"
        return mine, ""

    def heading(self, key: str, marks: str) -> str:
        """Write a section's heading."""
        return f'<h3 class="{self.css("sec-title", "font:600 18px sans-serif")}" d="k:{key} h {marks}">{ENGLISH[key]}</h3>'

    def text(self, key: str) -> str:
        """Write a text."""
        return f'<p class="{self.css("hint", "color:#555")}" d="k:{key}">{ENGLISH[key]}</p>'

    def control(self, key: str, marks: str, *, primary: bool) -> str:
        """Write a control."""
        more, label = self.attributes(key)
        look = self.css("btn-primary", "background:#0bb;color:#fff") if primary else "btn-plain"
        return f'<button class="btn {look}"{more} d="c k:{key} {label} {marks}">{ENGLISH[key]}</button>'

    def link(self, key: str) -> str:
        """Write a link to help."""
        return f'<a href="https://help.example/{key}" class="help" d="k:{key}">{ENGLISH[key]}</a>'

    def row(self, controls: str) -> str:
        """Put controls in a row."""
        return f'<div class="{self.css("actions", "display:flex;gap:8px;margin:6px 0")}" d="r">{controls}</div>'

    def section(self, heading: str, body: str, marks: str) -> str:
        """Put a section together."""
        return f'<section class="{self.css("panel", "margin:12px 0")}" d="s {marks}">{heading}{body}</section>'

    def shell(self, tabs: str, sections: str) -> str:
        """Put the page together."""
        return (
            f'<header class="top"><nav><a href="/home">Home</a> <a href="/t" d="k:tools">Tools</a></nav><span>Account ID: <b d="account">{ACCOUNT}</b></span></header>'
            f'<main class="page"><h1>Shop pixel</h1><p>ID: <span d="code">{CODE}</span></p><div role="tablist" class="tabs">{tabs}</div><div class="list">{sections}</div></main>'
        )

    def tab(self, key: str) -> str:
        """Write a tab."""
        return f'<button role="tab" class="tab" d="c k:{key}">{ENGLISH[key]}</button>'

    def frame(self) -> str:
        """Give the page around the frame, where the page stands in one."""
        return ""

    def draw(self) -> Base:
        """Draw a page of this build, with a choice of neighbours."""
        around = [name for name in CONTENT if self.chance.random() < 0.65]
        self.chance.shuffle(around)
        around.insert(self.chance.randint(0, len(around)), "events")
        tabs = "".join(map(self.tab, ("overview", "test_tab", "diagnostics", "settings")))
        page = self.shell(tabs, "".join(map(self._section, around)))
        outer = self.frame()
        styles = {"btn": "padding:6px 12px;border:1px solid #999;background:#fff", **self.styles}
        name = type(self).__name__.lower()
        return Base(name, outer or page, page if outer else "", styles)

    def _section(self, name: str) -> str:
        if name == "events":
            more = self.chance.choice(["", "", self.control("guide", "", primary=False)])
            target = self.control("generate", "T", primary=True)
            row = self.row(self.chance.choice([target + more, more + target]))
            told = (
                f'<p>Pixel ID: <span d="code">{CODE}</span></p>'
                if self.chance.random() < 0.3
                else ""
            )
            body = self.text("events_text") + self.link("learn") + told + row
            return self.section(self.heading("events_api", "H"), body, "S")
        heading, text, keys = CONTENT[name]
        drawn = [self.control(key, "", primary=i == 0) for i, key in enumerate(keys)]
        body = (self.text(text) if text else "") + self.row("".join(drawn))
        return self.section(self.heading(heading, ""), body, "")


class Semantic(Build):
    """Sections, headings and buttons as they are meant."""


class Soup(Build):
    """React-like: nothing but boxes with hashed classes; handlers beside the elements."""

    def heading(self, key: str, marks: str) -> str:
        self.css("css-1k7x2", "font-size:17px;font-weight:600")
        return f'<div class="css-1k7x2 e1a" d="h {marks} k:{key}"><span class="css-0 e1b">{ENGLISH[key]}</span></div>'

    def text(self, key: str) -> str:
        return f'<div class="css-9ab" d="k:{key}">{ENGLISH[key]}</div>'

    def control(self, key: str, marks: str, *, primary: bool) -> str:
        look = "css-p1 e2c" if primary else "css-s1 e2c"
        self.css("css-p1", "cursor:pointer;background:#0bb;color:#fff;padding:6px 12px")
        self.css("css-s1", "cursor:pointer;padding:6px 12px")
        more, label = self.attributes(key)
        return f'<div class="{look}"{more} d="c react {label} {marks} k:{key}"><span class="css-t e2d">{ENGLISH[key]}</span></div>'

    def link(self, key: str) -> str:
        self.css("css-l1", "cursor:pointer;color:#06c")
        return f'<span class="css-l1" d="react k:{key}">{ENGLISH[key]}</span>'

    def section(self, heading: str, body: str, marks: str) -> str:
        return f'<div class="css-card e3a" d="s {marks}">{heading}<div class="css-body e3b">{body}</div></div>'

    def shell(self, tabs: str, sections: str) -> str:
        return (
            f'<div class="css-top"><div>Home</div><div d="k:tools">Tools</div><div>Account ID: <span d="account">{ACCOUNT}</span></div></div>'
            f'<div class="css-page"><div class="css-name">Shop pixel</div><div>ID: <span d="code">{CODE}</span></div><div class="css-tabs">{tabs}</div><div>{sections}</div></div>'
        )

    def tab(self, key: str) -> str:
        self.css("css-tab", "cursor:pointer;display:inline-block;padding:4px")
        return f'<div class="css-tab" d="c react k:{key}">{ENGLISH[key]}</div>'


class Components(Build):
    """Versioned web components with open shadow roots."""

    def heading(self, key: str, marks: str) -> str:
        self.css("card-title", "font-size:18px;font-weight:600")
        return f'<div class="card-title" d="h k:{key} {marks}">{ENGLISH[key]}</div>'

    def text(self, key: str) -> str:
        return f'<ks-text-1-1-1m class="KsText" d="k:{key}">{ENGLISH[key]}</ks-text-1-1-1m>'

    def control(self, key: str, marks: str, *, primary: bool) -> str:
        more, label = self.attributes(key)
        kind = "KsButton KsButton--primary" if primary else "KsButton"
        return f'<ks-button-1-1-1m class="{kind}"{more} d="c k:{key} {label} {marks}">{ENGLISH[key]}</ks-button-1-1-1m>'

    def link(self, key: str) -> str:
        return f'<ks-link-1-1-1m class="KsLink" d="k:{key}">{ENGLISH[key]}</ks-link-1-1-1m>'

    def section(self, heading: str, body: str, marks: str) -> str:
        return f'<ks-card-1-1-1m class="KsCard" d="s {marks}">{heading}<div class="card-body">{body}</div></ks-card-1-1-1m>'

    def tab(self, key: str) -> str:
        return f'<ks-tab-1-1-1m d="c k:{key}">{ENGLISH[key]}</ks-tab-1-1-1m>'


class Table(Build):
    """A table: a row for each section, its name in the first cell."""

    def heading(self, key: str, marks: str) -> str:
        self.css("name", "width:220px;text-align:left;font-weight:600;vertical-align:top")
        return f'<th class="name" d="h k:{key} {marks}">{ENGLISH[key]}</th>'

    def section(self, heading: str, body: str, marks: str) -> str:
        return f'<tr class="line" d="s {marks}">{heading}<td class="cell">{body}</td></tr>'

    def shell(self, tabs: str, sections: str) -> str:
        return super().shell(tabs, f'<table class="grid"><tbody>{sections}</tbody></table>')


class Accordion(Build):
    """Headings that open and close what stands below them; all are open."""

    def heading(self, key: str, marks: str) -> str:
        self.css("acc-head", "display:block;width:100%;text-align:left;font-size:16px;padding:8px")
        return f'<button class="acc-head" aria-expanded="true" d="h k:{key} {marks}">{ENGLISH[key]}</button>'

    def section(self, heading: str, body: str, marks: str) -> str:
        return f'<div class="acc-item" d="s {marks}">{heading}<div role="region" class="acc-panel">{body}</div></div>'


class Cards(Build):
    """Cards in a grid; headings by role, links that act as buttons."""

    def heading(self, key: str, marks: str) -> str:
        self.css("Card_title__x8", "font-size:17px;font-weight:600")
        return f'<div role="heading" aria-level="3" class="Card_title__x8" d="h k:{key} {marks}">{ENGLISH[key]}</div>'

    def control(self, key: str, marks: str, *, primary: bool) -> str:
        more, label = self.attributes(key)
        look = "Btn_main__z1" if primary else "Btn_ghost__z2"
        self.css("Btn_main__z1", "background:#0bb;color:#fff;padding:6px 12px")
        return f'<a role="button" tabindex="0" class="Btn_btn__k3 {look}"{more} d="c {label} {marks} k:{key}"><i class="icon"></i><span>{ENGLISH[key]}</span></a>'

    def section(self, heading: str, body: str, marks: str) -> str:
        self.css(
            "Card_card__q4",
            "border:1px solid #ccc;padding:12px;margin:6px;width:420px;display:inline-block;vertical-align:top",
        )
        return f'<article class="Card_card__q4" d="s {marks}">{heading}{body}</article>'


class Form(Build):
    """Field sets with legends, fields, and buttons that are inputs."""

    def heading(self, key: str, marks: str) -> str:
        return f'<legend class="form-legend" d="h k:{key} {marks}">{ENGLISH[key]}</legend>'

    def control(self, key: str, marks: str, *, primary: bool) -> str:
        more, label = self.attributes(key)
        look = "form-submit" if primary else "form-button"
        return f'<input type="button" name="act_{key}" class="{look}"{more} value="{ENGLISH[key]}" d="c k:{key} {label} {marks}">'

    def section(self, heading: str, body: str, marks: str) -> str:
        number = self.chance.randrange(100, 999)
        extra = f'<label class="form-label">Note <input name="note{number}"></label>'
        return f'<fieldset class="form-set" d="s {marks}">{heading}{extra}{body}</fieldset>'


class Framed(Build):
    """Vue-like content in a frame of the same origin."""

    def heading(self, key: str, marks: str) -> str:
        self.css("vi-title", "font-size:18px;font-weight:700")
        return f'<div class="vi-title" d="h {marks} k:{key}"><span>{ENGLISH[key]}</span></div>'

    def control(self, key: str, marks: str, *, primary: bool) -> str:
        more, label = self.attributes(key)
        look = "vi-button--primary" if primary else "vi-button--default"
        return f'<button type="button" class="vi-button {look}"{more} d="c {label} {marks} k:{key}"><span class="vi-button__text">{ENGLISH[key]}</span></button>'

    def section(self, heading: str, body: str, marks: str) -> str:
        return f'<div class="vi-card" d="s {marks}"><div class="vi-card__header">{heading}</div><div class="vi-card__body">{body}</div></div>'

    def frame(self) -> str:
        return f'<header>Events Manager <span>Account ID: <b d="account">{ACCOUNT}</b></span></header><iframe style="width:1200px;height:780px;border:0"></iframe>'


class Flat(Build):
    """Headings and what belongs to them side by side, without a box around each section."""

    def heading(self, key: str, marks: str) -> str:
        return f'<h4 class="flat-h" d="h k:{key} {marks}">{ENGLISH[key]}</h4>'

    def section(self, heading: str, body: str, marks: str) -> str:
        return heading + body


class Anchored(Build):
    """A list of all sections' names at the side, as links; the sections stand in a tab's panel."""

    def heading(self, key: str, marks: str) -> str:
        self.css("block-name", "font-size:16px;font-weight:600")
        return f'<div class="block-head"><span class="block-name" d="h k:{key} {marks}">{ENGLISH[key]}</span></div>'

    def control(self, key: str, marks: str, *, primary: bool) -> str:
        more, label = self.attributes(key)
        self.css("b-act", "cursor:pointer;border:1px solid #999;padding:5px 10px")
        return f'<div role="button" tabindex="0" class="b-act {"b-act-main" if primary else ""}"{more} d="c k:{key} {label} {marks}">{ENGLISH[key]}</div>'

    def section(self, heading: str, body: str, marks: str) -> str:
        return (
            f'<div class="block" d="s {marks}">{heading}<div class="block-body">{body}</div></div>'
        )

    def shell(self, tabs: str, sections: str) -> str:
        names = ("basics", "events_api", "offline", "partners", "danger")
        links = "".join(f'<li><a href="#{n}" d="k:{n}">{ENGLISH[n]}</a></li>' for n in names)
        self.css("side", "float:left;width:180px")
        self.css("panel-body", "margin-left:200px")
        return super().shell(
            tabs,
            f'<ul class="side">{links}</ul><div role="tabpanel" class="panel-body">{sections}</div>',
        )


BUILDS: tuple[Callable[[random.Random], Build], ...] = (
    Semantic, Soup, Components, Table, Accordion, Cards, Form, Framed, Flat, Anchored,
)  # fmt: skip
