"""The commands that each page has for a terminal. They are run as they are printed: each tells of what the page shows, or does what its button does.

`CAUSEWAY_PROGRAMS` is the folder of the program `causeway`.
"""

import json
import os
import re
import subprocess
import tempfile
from time import monotonic

from playwright.sync_api import Browser, Page

from browse import DESK, PAGES, URL, Place, opened, page

#: How long one command may take: a diagnosis connects to what doesn't answer.
WITHIN = 120
#: How long a page and its commands may differ, because records come and go, and in how many looks, each of which may take long.
PATIENCE = 60
LOOKS = 4
#: Pages whose buttons do something; after this one the other makes sense.
OPPOSITE = {"pause": "resume", "disable": "enable"}
#: "No" is an answer of these.
MAY_SAY_NO = {"status": {0, 1, 3}, "diagnose": {0, 1}}


def lines(shown: Page, name: str) -> list[str]:
    text = shown.locator("details.same pre").text_content() or ""
    found = [line for line in text.splitlines() if line]
    for program in ["causeway", "curl"]:
        assert any(line.startswith(f"{program} ") for line in found), f"{name} has no line of {program}: {found}"
    return found


def run(line: str) -> str:
    """What a shell prints of a line."""
    with tempfile.TemporaryDirectory() as home:
        path = f"{os.environ['CAUSEWAY_PROGRAMS']}:{os.environ['PATH']}"
        environment = {"API": URL, "CAUSEWAY_SERVER": URL, "HOME": home, "PATH": path}
        ran = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=WITHIN)
    words = line.split()
    allowed = MAY_SAY_NO.get(next(word for word in words[1:] if word not in ("-o", "json")), {0})
    assert ran.returncode in (allowed if words[0] == "causeway" else {0}), f"{line}: {ran}"
    if words[0] == "curl" and ran.stdout.startswith("{"):
        status = json.loads(ran.stdout)["Status"]
        assert status["code"] < 300, f"{line}: {status}"
    return ran.stdout


def as_data(line: str) -> str:
    """What the line prints for programs, which need ids."""
    return run(line.replace("causeway ", "causeway -o json ", 1) if line.startswith("causeway ") else line)


def ids(shown: Page) -> set[str]:
    """The ids of what the page shows, as patterns of a text that tells of them. Each list is read at once: pages change while they are looked at."""
    rows = shown.locator("main tbody tr[id]").evaluate_all("rows => rows.map(row => row.id)")
    links = shown.locator("main h2 a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    found = set()
    for kind, number in re.findall(r"^([a-z]+)-(\d+)$", "\n".join(rows), re.MULTILINE):
        # An event is known by its position, which has the epoch before it.
        found.add(rf'-{number}"' if kind == "event" else rf"(?<!\d){number}(?!\d)")
    own = re.search(r"/(\d+)$", shown.url.split("?")[0])
    numbers = [own.group(1)] if own else []
    numbers += re.findall(r"^/ui/gateway-instances/(\d+)$", "\n".join(links), re.MULTILINE)
    return found | {rf"(?<!\d){number}(?!\d)" for number in numbers}


def untold(shown: Page, place: Place) -> dict[str, set[str]]:
    """What the page shows and its commands don't tell, for each program. What went meanwhile, because of other tests, doesn't count, but a program that tells
    of nothing at all has not been compared."""
    opened(shown, place)
    # The commands first: those of a page of events begin with its oldest.
    found, before = lines(shown, place.name), ids(shown)
    left = {}
    # That of each program at once, before more has gone. curl is the faster one.
    for program in ["curl", "causeway"]:
        told = "".join(as_data(line) for line in found if line.startswith(f"{program} "))
        left[program] = {one for one in before if not re.search(one, told)}
    if not any(left.values()):
        return left
    opened(shown, place)
    still = ids(shown)
    return {program: missing if missing == before else missing & still for program, missing in left.items()}


def commands(browser: Browser) -> None:
    """Each page has commands, and they tell of what it shows."""
    with page(browser, "light", DESK) as shown:
        for name, path in PAGES.items():
            if name.startswith("question"):
                continue
            until, looks = monotonic() + PATIENCE, 1
            while any((left := untold(shown, Place(name, path))).values()):
                some = {program: sorted(missing)[:3] for program, missing in left.items()}
                assert looks < LOOKS or monotonic() < until, f"{name}: in {looks} looks its commands don't tell of such as {some}"
                looks += 1
            for line in lines(shown, name):
                if line.startswith("causeway "):
                    run(line)


def commands_that_act(browser: Browser) -> None:
    """The commands of a page that says what will be done do it."""
    with page(browser, "light", DESK) as shown:
        for name, path in PAGES.items():
            if not name.startswith("question"):
                continue
            record, verb = path.rsplit("/", 1)
            for verb in filter(None, [verb, OPPOSITE.get(verb)]):
                opened(shown, Place(name, f"{record}/{verb}"))
                for line in lines(shown, name):
                    run(line)
            if verb in OPPOSITE.values():
                now = shown.request.get(record.replace("/ui/", "/v0/")).json()["Data"][0]
                assert not now.get("InterruptReconciliation") and not now.get("Disabled"), f"{name}: {now}"
