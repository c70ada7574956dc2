# ruff: noqa: E501, RUF001 - drawn HTML reads better unbroken; other languages have their own letters
"""Pages drawn for the finder's tests: nothing here was recorded from a live console.

The element a test expects is marked `data-right`, an attribute the finder does not read.
"""

import html
import json
from dataclasses import dataclass

from playwright.sync_api import ElementHandle, Page

from automation.controls import Found

_COMPONENTS = """
<script>
for (const part of ["button", "tab", "link", "card"]) {
  const name = `ks-${part}-VERSION`;
  if (!customElements.get(name)) customElements.define(name, class extends HTMLElement {
    connectedCallback() {
      if (this.shadowRoot) return;
      const root = this.attachShadow({ mode: "open" });
      const inner = part === "card" ? "div" : "button";
      const off = this.hasAttribute("disabled") ? "disabled" : "";
      root.innerHTML = `<${inner} part="base" ${off}><slot></slot></${inner}>`;
    }
  });
}
</script>
"""

_REACT = """
<script>
for (const el of document.querySelectorAll("[data-click]")) {
  el.removeAttribute("data-click");
  el["__reactProps$x1y2z3"] = { onClick: () => undefined };
}
</script>
"""

LOOKS = ("plain", "shadow", "soup", "react", "frame", "capitals")
"""The ways one page is drawn here."""


@dataclass(frozen=True)
class Says:
    """What a page says in one language."""

    tabs: tuple[str, str]
    settings: str
    section: str
    generate: str
    other: str
    learn: str


LANGUAGES = {
    "en": Says(("Overview", "Diagnostics"), "Settings", "Events API", "Generate access token",
               "Advanced matching", "Learn more"),
    "de": Says(("Übersicht", "Diagnose"), "Einstellungen", "Events-API", "Zugriffstoken generieren",
               "Erweiterter Abgleich", "Mehr erfahren"),
    "fr": Says(("Aperçu", "Diagnostic"), "Paramètres", "API Événements",
               "Générer un jeton d'accès", "Correspondance avancée", "En savoir plus"),
    "es": Says(("Resumen", "Diagnóstico"), "Configuración", "API de eventos",
               "Generar token de acceso", "Coincidencias avanzadas", "Más información"),
    "pt-BR": Says(("Visão geral", "Diagnóstico"), "Configurações", "API de eventos",
                  "Gerar Token de Acesso", "Correspondência avançada", "Saiba mais"),
    "it": Says(("Panoramica", "Diagnostica"), "Impostazioni", "API eventi",
               "Genera token di accesso", "Corrispondenza avanzata", "Scopri di più"),
    "ja": Says(("概要", "診断"), "設定", "イベントAPI", "アクセストークンを生成",
               "詳細マッチング", "詳細はこちら"),
    "ko": Says(("개요", "진단"), "설정", "이벤트 API", "액세스 토큰 생성", "고급 매칭", "자세히 알아보기"),
    "zh-Hans": Says(("概览", "诊断"), "设置", "事件 API", "生成访问令牌", "高级匹配", "了解更多"),
    "zh-Hant": Says(("總覽", "診斷"), "設定", "事件 API", "產生存取權杖", "進階比對", "瞭解更多"),
    "tr": Says(("Genel bakış", "Tanılama"), "Ayarlar", "Etkinlik API'si",
               "Erişim belirteci oluştur", "Gelişmiş eşleştirme", "Daha fazla bilgi"),
    "ru": Says(("Обзор", "Диагностика"), "Настройки", "API событий", "Создать токен доступа",
               "Расширенный поиск", "Подробнее"),
    "vi": Says(("Tổng quan", "Chẩn đoán"), "Cài đặt", "API sự kiện", "Tạo mã truy cập",
               "Đối sánh nâng cao", "Tìm hiểu thêm"),
}  # fmt: skip


def show(page: Page, body: str) -> Page:
    """Show HTML in a page as wide as the consoles are driven with."""
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("about:blank")  # a new world: what a page before has patched is gone
    page.set_content(body)
    return page


def components(version: str = "1-1-1m") -> str:
    """Return the script that defines versioned web components with open shadow roots."""
    return _COMPONENTS.replace("VERSION", version)


def settings_page(look: str, says: Says, *, extra: str = "", version: str = "1-1-1m") -> str:
    """Draw a pixel's Settings tab.

    Args:
        look: one of LOOKS.
        says: the words of a language.
        extra: HTML put into the right section, after the button.
        version: of the web components.
    """
    if look == "plain":
        return _plain(says, extra)
    if look == "capitals":
        return _capitals(says, extra)
    if look == "shadow":
        return components(version) + _shadow(says, extra, version)
    if look == "frame":
        inner = html.escape(_plain(says, extra), quote=True)
        return f'<h1>Events Manager</h1><iframe width=1200 height=600 srcdoc="{inner}"></iframe>'
    return _soup(says, extra, react=look == "react")


def _plain(says: Says, extra: str) -> str:
    first, second = says.tabs
    return f"""
<nav><a href="/home">Home</a> <a href="/account">{says.settings}</a></nav>
<main><h1>Shop pixel</h1><p>ID: D69ESQRC77U0KGAU8B90</p>
<div role=tablist><button role=tab>{first}</button><button role=tab>{second}</button>
<button role=tab data-right=settings_tab>{says.settings}</button></div>
<section><h3>{says.other}</h3><p>Matches visitors.</p><button>{says.learn}</button></section>
<section><h3 data-right=events_api_section>{says.section}</h3>
<p>Sends events from a server. {says.generate}: see below.</p><a href="https://docs.example/">{says.learn}</a>
<button data-right=generate>{says.generate}</button>{extra}</section>
<section><h3>Cookies</h3><button>{says.learn}</button></section></main>"""


def _capitals(says: Says, extra: str) -> str:
    loud = Says(*(each.upper() if isinstance(each, str) else each for each in vars(says).values()))
    padded = _plain(loud, extra)
    return padded.replace(
        f">{loud.generate}</button>",
        f"><svg width=16 height=16></svg>\u00a0\u200b{loud.generate} \u2192</button>",
    )


def _shadow(says: Says, extra: str, version: str) -> str:
    first, second = says.tabs

    def part(kind: str, text: str, more: str = "") -> str:
        return (
            f'<ks-{kind}-{version} class="a Ks{kind.title()}" {more}>{text}</ks-{kind}-{version}>'
        )

    return f"""
<div class=top><span>Home</span><span>{says.settings}</span></div><div class=p>
<div class=name>Shop pixel</div><div>ID: D69ESQRC77U0KGAU8B90</div>
<div>{part("tab", first)}{part("tab", second)}{part("tab", says.settings, "data-right=settings_tab")}</div>
<div class=card><div class=title>{says.other}</div><div>Matches visitors.</div>{part("button", says.learn)}</div>
<div class=card><div class=title data-right=events_api_section>{says.section}</div>
<div>Sends events from a server.</div>{part("link", says.learn)}
{part("button", says.generate, "data-right=generate")}{extra}</div>
<div class=card><div class=title>Cookies</div>{part("button", says.learn)}</div></div>"""


def _soup(says: Says, extra: str, *, react: bool) -> str:
    first, second = says.tabs
    click = "data-click=1" if react else 'style="cursor:pointer"'
    return f"""
<div class=x1><div>Home</div><div>{says.settings}</div></div>
<div class=x2><div class=x3>Shop pixel</div><div>ID: D69ESQRC77U0KGAU8B90</div>
<div class=x4><div {click}>{first}</div><div {click}>{second}</div>
<div {click} data-right=settings_tab><span>{says.settings}</span></div></div>
<div class=x5><div class=x6><span>{says.other}</span></div><div class=x7>Matches visitors.
<div {click}>{says.learn}</div></div></div>
<div class=x5><div class=x6 data-right=events_api_section><span>{says.section}</span></div>
<div class=x7>Sends events from a server.<div {click}>{says.learn}</div>
<div class=x8 {click} data-right=generate><i></i><span>{says.generate}</span></div>{extra}</div></div>
<div class=x5><div class=x6><span>Cookies</span></div><div class=x7><div {click}>{says.learn}</div></div></div>
</div>{_REACT if react else ""}"""


_MARK = """
(el) => {
  for (let n = el; n; n = n.assignedSlot || n.parentNode || n.host) {
    if (n.nodeType === 1 && n.hasAttribute("data-right")) return n.getAttribute("data-right");
  }
  return "";
}
"""


def mark(found: Found | ElementHandle | None) -> str:
    """Return how the drawn page marks an element, empty where it is not marked."""
    if found is None:
        return ""
    element = found.element if isinstance(found, Found) else found
    return str(element.evaluate(_MARK))


def count_clicks(page: Page) -> None:
    """Make the page and its frames count clicks, for `clicks`; links are not followed."""
    for frame in page.frames:
        frame.evaluate(
            """() => {
              window.clicked = [];
              document.addEventListener("click", (event) => {
                if (event.target.closest && event.target.closest("a")) event.preventDefault();
                const marked = (n) => n.hasAttribute && n.hasAttribute("data-right");
                const on = event.composedPath().find(marked);
                window.clicked.push(on ? on.getAttribute("data-right") : "elsewhere");
              }, true);
            }"""
        )


def clicks(page: Page) -> list[str]:
    """Return how everything was marked that was clicked since `count_clicks`."""
    heard = [frame.evaluate("JSON.stringify(window.clicked)") for frame in page.frames]
    return [str(each) for one in heard for each in json.loads(one)]
