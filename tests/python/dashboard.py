"""The dashboard in a browser: every page in both themes, at a desk and on a phone, with data of real clusters, and what one does on it."""

import json
import os
import re
from time import monotonic

from playwright.sync_api import Browser, Page, sync_playwright

from browse import DESK, LISTS, PAGES, PHONE, PLACES, SOON, Place, chromium, look_at, opened, page, without_violations
from terminal import commands, commands_that_act

#: Tab stops before the first link of a page's contents, those of the records that a page shows, and some to spare.
MOST_TABS = 150


def soon() -> float:
    """When something has to be there."""
    return monotonic() + SOON / 1000


def every_page(browser: Browser) -> None:
    for theme in ["light", "dark"]:
        for size in [DESK, PHONE]:
            for place in PLACES:
                look_at(browser, place, theme, size)


def every_length(browser: Browser) -> None:
    """Lists with nothing, with one row and with many. What differs by theme and width alone has been looked at."""
    for place in LISTS:
        look_at(browser, place, "light", DESK)
        look_at(browser, place, "dark", PHONE)


def without_scripts(browser: Browser) -> None:
    with page(browser, "light", DESK, scripts=False) as shown:
        for name, path in PAGES.items():
            opened(shown, Place(name, path))
            assert shown.locator("main").inner_text().strip(), name


def tab_to(shown: Page, *wanted: str) -> str | None:
    """Goes on by tabs until one of these selectors has the focus, and says which."""
    for _ in range(MOST_TABS):
        shown.keyboard.press("Tab")
        found = shown.evaluate("wanted => wanted.find(one => document.activeElement.matches(one))", list(wanted))
        if found:
            return found
    return None


def skip_to_the_page(shown: Page) -> None:
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.textContent") == "Skip to the page"
    shown.keyboard.press("Enter")


def fleet_leads_to(shown: Page, path: str) -> bool:
    """Whether the fleet leads to a record that something blocks, which has the focus then. Others may be blocked for longer: it is on a later page then."""
    shown.goto("/ui")
    record, more = f'[href="{path}"]', "[rel=next]"
    skip_to_the_page(shown)
    while (reached := tab_to(shown, record, more)) == more:
        with shown.expect_navigation():
            shown.keyboard.press("Enter")
        skip_to_the_page(shown)
    return reached == record


def by_keyboard(browser: Browser) -> None:
    """From the fleet to the sentence that says what blocks, without a mouse."""
    blocked = json.loads(os.environ["CAUSEWAY_BLOCKED"])
    with page(browser, "light", DESK) as shown:
        until = soon()
        # It changes its place when something else blocks it for a moment.
        while not fleet_leads_to(shown, blocked["path"]):
            assert monotonic() < until, f"no tab stop leads to {blocked['path']}"
        outline = shown.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", "the focus can't be seen"
        shown.keyboard.press("Enter")
        shown.wait_for_url(f"**{blocked['path']}")
        # The words of the API, also if other tests have something happen to it meanwhile.
        shown.locator("[role=status]").filter(has_text=blocked["message"]).wait_for()
        opened_part = " ".join(shown.locator(".chain .open").all_inner_texts())
        assert blocked["message"] in opened_part and blocked["reason"] in opened_part, opened_part
        assert str(blocked["id"]) in shown.locator("main").inner_text(), "the id is the API's, to the last digit"


def search(browser: Browser) -> None:
    """A hostname in the box leads to its page, a part of a name to what has it."""
    blocked = json.loads(os.environ["CAUSEWAY_BLOCKED"])
    with page(browser, "light", DESK) as shown:
        shown.goto("/ui")
        for wanted, path in [(blocked["hostname"], f"/ui/hostnames/{blocked['hostname']}"), (str(blocked["id"]), blocked["path"])]:
            shown.get_by_role("searchbox").first.fill(wanted)
            shown.keyboard.press("Enter")
            shown.wait_for_url(f"**{path}")
            shown.locator("[role=status]").first.filter(has_text=blocked["message"]).wait_for()


def conditions(shown: Page, path: str) -> dict[str, str]:
    """The conditions of a record, as the API answers them now."""
    record = shown.request.get(path.replace("/ui/", "/v0/")).json()["Data"][0]
    return {condition["Type"]: condition["Status"] for condition in record["Conditions"]}


def interrupt(shown: Page, api: str, interrupted: bool) -> None:
    answer = shown.request.patch(api, data={"InterruptReconciliation": interrupted})
    assert answer.ok, f"{api} can't be changed: {answer.status} {answer.text()}"


def follows(browser: Browser) -> None:
    """A condition that flips is on the page by itself; what has the focus, what was opened and where one was stay.

    How long that takes is printed and not judged: other tests run at the same time.
    """
    blocked = json.loads(os.environ["CAUSEWAY_BLOCKED"])
    api = blocked["path"].replace("/ui/", "/v0/")
    with page(browser, "light", {"width": 900, "height": 500}) as shown:
        shown.goto(blocked["path"])
        shown.get_by_text("Live", exact=True).wait_for()
        shown.locator("details.same summary").click()
        shown.locator(".trail a").focus()
        shown.evaluate("window.focused = document.activeElement; scrollTo(0, 90)")
        for interrupted, status in [(True, "False"), (False, None)]:
            interrupt(shown, api, interrupted)
            until = soon()
            while (now := conditions(shown, blocked["path"])).get("Paused") != status:
                assert monotonic() < until, f"Paused is not {status}: {now}"
            # From when the API answers it.
            begun = monotonic()
            shown.locator("[role=status]").filter(has_text="Paused" if interrupted else blocked["message"]).wait_for()
            print(f"a condition is on the page {monotonic() - begun:.2f} s after the API answers it")
        assert shown.evaluate("document.activeElement === window.focused && document.activeElement.isConnected")
        assert shown.locator("details.same").get_attribute("open") is not None, "what was opened has closed"
        scrolled = shown.evaluate("scrollY")
        assert scrolled == 90, f"it has scrolled to {scrolled}"
        without_violations(shown, "after changes", "light")


def rests(browser: Browser) -> None:
    """While nothing happens to what a page shows it asks for nothing, and its times go on nevertheless."""
    with page(browser, "light", DESK) as shown:
        answer = shown.goto(PAGES["workload"])
        # From when the page itself wants to be told, as it was sent: it may have changed since, and be told once more of what it shows already.
        at = re.search(r'/ui/watch\?since=([^&"]+)', answer.text()).group(1)
        shown.get_by_text("Live", exact=True).wait_for()
        asked: list[str] = []
        shown.on("request", lambda request: asked.append(request.url))
        time = shown.locator(".verdict time")
        before = time.inner_text()
        # Of time itself: as long as a minute has passed on the page, of which its clock alone is told.
        shown.evaluate("const then = Date.now; Date.now = () => then() + 3 * 86400 * 1000")
        time.filter(has_not_text=before).wait_for()
        happened = shown.request.get(
            f"/v0/watch?since={at}&wait=0&id={PAGES['workload'].split('/')[-1]}", headers={"Accept": "application/x-ndjson"}
        ).text()
        # And once when the stream begins, if anything at all has happened since the page was made: of what lay between it is not told what it was.
        assert len(asked) <= happened.count('"ID"') + 1, f"{asked} after {happened}"


def typing(browser: Browser) -> None:
    """A key leads to the search."""
    with page(browser, "light", DESK) as shown:
        shown.goto("/ui")
        shown.keyboard.press("/")
        assert shown.evaluate("document.activeElement.name") == "q"
        shown.keyboard.type("a/b")
        assert shown.locator("header input").input_value() == "a/b"


def verbs(browser: Browser) -> None:
    """Each verb says first what it will do, then does it."""
    blocked = json.loads(os.environ["CAUSEWAY_BLOCKED"])

    def asks(shown: Page, verb: str) -> None:
        shown.locator(".line .verbs").get_by_role("link", name=verb).click()
        shown.wait_for_url("**/" + verb.split()[0].lower())
        assert shown.locator("form li").count() >= 1, "it says what it will do"
        without_violations(shown, verb, "light")
        shown.locator("main form").get_by_role("button", name=verb).click()
        shown.wait_for_url(f"**{blocked['path']}")

    with page(browser, "light", DESK) as shown:
        shown.goto(blocked["path"])
        asks(shown, "Pause")
        assert shown.get_by_text("the work on it is paused").count() == 1
        asks(shown, "Resume")
        asks(shown, "Reconcile now")
        assert shown.get_by_role("link", name="Pause").count() >= 1


def diagnosis(shown: Page, api: str, hostname: str) -> str:
    """What the API says in a sentence."""
    answer = shown.request.get(f"{api}/diagnosis?hostname={hostname}")
    assert answer.ok, f"{answer.status} {answer.text()}"
    return answer.json()["Data"][0]["Summary"]


def looks(browser: Browser) -> None:
    """What is seen from the API's machine comes in place, by keyboard, in the words of the API; what happens meanwhile leaves it there."""
    blocked = json.loads(os.environ["CAUSEWAY_BLOCKED"])
    with page(browser, "light", DESK) as shown:
        shown.goto(PAGES["hostname"])
        shown.get_by_text("Live", exact=True).wait_for()
        button = shown.get_by_role("button", name="Look from here")
        assert "changes nothing" in shown.locator(".look").inner_text(), "it says what it will do"
        button.focus()
        shown.keyboard.press("Enter")
        seen = shown.locator(".look .verdict")
        seen.wait_for()
        assert shown.url.endswith(PAGES["hostname"]), "the page stays"
        assert shown.evaluate("document.activeElement.textContent") == "Look again", "the button keeps the focus"
        api = blocked["path"].replace("/ui/", "/v0/")
        until = soon()
        while (told := diagnosis(shown, api, blocked["hostname"])) not in (words := seen.inner_text()):
            assert monotonic() < until, f"{words!r} is not {told!r}"
            # Where an answer took too long, one of the two has seen something else.
            with shown.expect_response(re.compile("/diagnosis")):
                shown.keyboard.press("Enter")
        for interrupted in [True, False]:
            interrupt(shown, api, interrupted)
            text = "Paused" if interrupted else blocked["message"]
            shown.locator("main > .verdict [role=status]").filter(has_text=text).wait_for()
        assert seen.count() == 1, "what was seen has gone"
        without_violations(shown, "after a look", "light")


def attempts(browser: Browser) -> None:
    """What is sent to a webhook is on its page by itself, though no event tells of it."""
    with page(browser, "light", DESK) as shown:
        shown.goto(PAGES["webhook-taken"])
        shown.get_by_text("Live", exact=True).wait_for()
        # The page has the last fifty, so that one more doesn't make them more. The id of a test's event says what it is.
        tests = shown.locator("tr[id^=delivery]").filter(has_text="test-")
        known = tests.evaluate_all("rows => rows.map(row => row.id)")
        others = "".join(f':not([id="{row}"])' for row in known)
        row = shown.locator(f"tr[id^=delivery]{others}").filter(has_text="test-").first
        answer = shown.request.post(PAGES["webhook-taken"].replace("/ui/", "/v0/") + "/test")
        assert answer.ok, answer.text()
        row.wait_for()
        row.get_by_text("Delivered", exact=True).wait_for()
        without_violations(shown, "after an attempt", "light")


def main() -> None:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
        try:
            for check in [
                every_page,
                every_length,
                without_scripts,
                by_keyboard,
                search,
                typing,
                follows,
                rests,
                verbs,
                looks,
                attempts,
                commands,
                commands_that_act,
            ]:
                begun = monotonic()
                try:
                    check(browser)
                except Exception as error:
                    error.add_note(f"This was {check.__name__}, {monotonic() - begun:.0f} s after its begin.")
                    raise
                print(f"{check.__name__} holds after {monotonic() - begun:.0f} s")
        finally:
            browser.close()


if __name__ == "__main__":
    main()
