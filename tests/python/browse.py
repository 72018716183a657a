"""Pages of the dashboard in a browser, and what holds for each of them.

`CAUSEWAY_PAGES` holds the paths of pages by name, all of one API, which asks nobody who they are. `CAUSEWAY_PLACES` holds pages of other APIs, and refusals;
`CAUSEWAY_LISTS` lists with nothing, with one row and with many. `CAUSEWAY_SCREENSHOTS` is a folder for pictures of them.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

URL = os.environ["CAUSEWAY_URL"]
PICTURES = os.environ.get("CAUSEWAY_SCREENSHOTS")
DESK = {"width": 1280, "height": 860}
#: The narrowest width at which a page has to be read without scrolling sideways (WCAG 2.2, 1.4.10).
PHONE = {"width": 320, "height": 640}
#: Milliseconds until something has to be there, with all other tests beside it.
SOON = 90_000
#: A picture of a longer page ends here, in pixels.
TALLEST = 1600
#: Characters of a page that are told when something on it isn't as it should be.
TOLD = 600
#: What Chromium's console says of a page that is a refusal, and of nothing else on it.
OF_REFUSALS = "Failed to load resource: the server responded with a status of"


@dataclass(frozen=True)
class Place:
    """A page, and how one gets it."""

    name: str
    path: str
    url: str = URL
    status: int = 200
    #: Of whoever looks at it.
    token: str | None = None
    #: Lines of its tables; None: they aren't counted.
    rows: int | None = None


def read(variable: str) -> list[Place]:
    return [Place(**place) for place in json.loads(os.environ[variable])]


PAGES: dict[str, str] = json.loads(os.environ["CAUSEWAY_PAGES"])
PLACES = [Place(name, path) for name, path in PAGES.items()] + read("CAUSEWAY_PLACES")
LISTS = read("CAUSEWAY_LISTS")


def chromium() -> str:
    """The system's Chromium: the browsers that Playwright would download are not asked for."""
    names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
    found = os.environ.get("CAUSEWAY_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not found:
        raise SystemExit(
            "the tests of the dashboard need Chromium: install it (apt-get install chromium on Debian), "
            "or name its program in CAUSEWAY_CHROMIUM"
        )
    return found


@contextmanager
def page(
    browser: Browser, theme: str, size: dict[str, int], scripts: bool = True, place: Place | None = None
) -> Iterator[Page]:
    """A page that asks no other host for anything, and whose console stays empty."""
    url = place.url if place else URL
    headers = {"Authorization": f"Bearer {place.token}"} if place and place.token else {}
    context = browser.new_context(
        base_url=url,
        color_scheme=theme,
        viewport=size,
        java_script_enabled=scripts,
        reduced_motion="reduce",
        extra_http_headers=headers,
    )
    context.set_default_timeout(SOON)
    asked: list[str] = []
    said: list[str] = []
    shown = context.new_page()
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    try:
        yield shown
    except Exception as error:
        error.add_note(described(shown, said))
        raise
    context.close()
    elsewhere = [asked_for for asked_for in asked if urlsplit(asked_for).netloc != urlsplit(url).netloc]
    assert not elsewhere, f"other hosts were asked: {elsewhere}"
    if place and place.status >= 400:
        said = [text for text in said if not text.startswith(f"{OF_REFUSALS} {place.status}")]
    assert not said, f"the console says: {said}"


def described(shown: Page, said: list[str]) -> str:
    """What is to be seen when something fails: the last that is printed of it, and so short."""
    try:
        text = shown.evaluate("document.querySelector('main').innerText.replace(/\\s+/g, ' ')")
    except Exception as error:
        text = f"nothing, {error}"
    return f"On {shown.url}: {text[:TOLD]}" + (f"; the console says: {said}" if said else "")


def opened(shown: Page, place: Place) -> None:
    answer = shown.goto(place.path)
    assert answer and answer.status == place.status, f"{place.name}: {answer and answer.status}"
    headings = shown.locator("main h1").all_inner_texts()
    assert len(headings) == 1, f"{place.name} has the headings {headings}"


def fits(shown: Page, name: str, size: dict[str, int]) -> None:
    width = shown.evaluate("document.scrollingElement.scrollWidth")
    if width > size["width"]:
        # The innermost come last.
        wide = shown.evaluate(
            "width => [...document.querySelectorAll('main *, header *')].filter(one => one.getBoundingClientRect().right > width)"
            ".slice(-3).map(one => one.outerHTML.slice(0, 200))",
            size["width"],
        )
        raise AssertionError(f"{name} is {width} pixels wide, because of {wide}")


def violation(rule: dict[str, Any]) -> str:
    """A rule that a page breaks, and where, in a line."""
    where = "; ".join(f"{node['html'][:200]}: {node['failureSummary']}" for node in rule["nodes"][:3])
    return f"{rule['id']} at {len(rule['nodes'])} places, such as {where}"


def without_violations(shown: Page, name: str, theme: str) -> None:
    found = Axe().run(shown).response["violations"]
    assert not found, f"{name}, {theme}: " + "\n".join(map(violation, found))


def look_at(browser: Browser, place: Place, theme: str, size: dict[str, int]) -> None:
    """The page, as everybody has to be able to read it."""
    with page(browser, theme, size, place=place) as shown:
        opened(shown, place)
        if place.rows is not None:
            rows = shown.locator("main tbody tr").count()
            assert rows == place.rows, f"{place.name} has {rows} rows"
            assert (shown.locator("main .empty").count() > 0) == (rows == 0), f"{place.name} doesn't say that there is nothing"
        fits(shown, place.name, size)
        without_violations(shown, place.name, f"{theme}, {size['width']} pixels")
        picture(shown, place.name, theme, size)


def picture(shown: Page, name: str, theme: str, size: dict[str, int]) -> None:
    if not PICTURES:
        return
    kind = theme if size == DESK else {"light": "narrow", "dark": "narrow-dark"}[theme]
    # The whole page, as far as somebody looks.
    height = min(shown.evaluate("document.scrollingElement.scrollHeight"), TALLEST)
    shown.set_viewport_size({"width": size["width"], "height": height})
    shown.screenshot(path=f"{PICTURES}/{name}-{kind}.png")
