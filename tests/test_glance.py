"""Several questions about one instant: the page is looked at once, and anew after a click."""

from playwright.sync_api import Page

from automation.controls import Label, Meaning, look, texts
from automation.controls_tree import Tree, forget, glance, look_at
from flows.pages.waiting import until

GO = Meaning("go", (Label("Go on"),), frozenset({"button"}))


def shows(page: Page) -> str:
    """Return what the page says, as a look sees it."""
    with look_at(page) as tree:
        return " ".join(text for _, text, _ in tree.words)


def test_inside_a_glance_the_page_stands_still(page: Page) -> None:
    """What changes meanwhile is seen by the next one."""
    page.set_content("<p>before</p>")
    with glance(page):
        assert shows(page) == "before"
        page.set_content("<p>after</p>")
        assert shows(page) == "before"
    assert shows(page) == "after"


def test_a_click_ends_what_was_seen(page: Page) -> None:
    """Before the click the page is looked at as it is, and after it anew."""
    page.set_content("""<button onclick="this.nextSibling.textContent='after'">Go on</button
        ><p>before</p>""")
    with glance(page):
        found = look(page, GO).found
        assert found is not None
        assert "before" in shows(page)
        found.click(5000)
        assert "after" in shows(page)


def test_a_wait_inside_a_glance_sees_the_page_change(page: Page) -> None:
    """As when a person passes a puzzle while something else is being looked for."""
    page.set_content("<p>before</p>")
    with glance(page):
        assert shows(page) == "before"
        page.evaluate("setTimeout(() => { document.body.textContent = 'after' }, 1)")
        assert until(page, lambda: "after" in shows(page) or None, 10)


def test_one_look_serves_questions_that_ask_no_more_of_it(page: Page) -> None:
    """Those for the values of fields, or for a selector it did not ask about, look themselves."""
    page.set_content("<p>text</p><input value=given>")
    with glance(page), look_at(page, selectors=["p"]) as first:
        assert look_at(page) is first
        assert look_at(page, selectors=["p"]) is first
        assert look_at(page, selectors=["input"]) is not first
        valued = look_at(page, values=True)
        assert valued is not first
        assert look_at(page, values=True) is valued
        assert [spot.text for spot in texts(page, "giv[a-z]+")] == ["given"]


def test_its_elements_can_be_reached_until_it_ends(page: Page) -> None:
    """Closing a shared look is left to its glance; an own one is closed at once."""
    page.set_content("<p>text</p>")

    def reach(tree: Tree) -> bool:
        return tree.handle(next(n for n in tree.nodes if n.tag == "p")) is not None

    with glance(page):
        with look_at(page) as tree:
            pass
        assert reach(tree)
        forget(page)
        assert look_at(page) is not tree
    with look_at(page) as own:
        assert reach(own)
