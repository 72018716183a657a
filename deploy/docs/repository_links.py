"""A preprocessor of mdBook: checks every link of the pages, and names files of the repository that are not in the book instead of linking to them.

The same pages are read in the repository, where such links work.
"""

import json
import posixpath
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as mdBook and code hosts make them."""
    text = FENCE.sub("", page.read_text())
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rewritten(text: str, target: str, chapter: str, wrong: list[str]) -> str:
    """A link as the book has it."""
    path, _, anchor = target.partition("#")
    if "://" in target or not path and not anchor:
        return f"[{text}]({target})"
    # What is included from the README says where it is from there.
    of_readme = path.startswith(("docs/", "deploy/", "migrations/", "tests/"))
    in_repository = path if of_readme else posixpath.normpath(posixpath.join("docs", path)) if path else f"docs/{chapter}"
    file = ROOT / in_repository
    if not file.exists():
        wrong.append(f"docs/{chapter}: {target} is no file")
    elif anchor and file.suffix == ".md" and anchor not in anchors(file):
        wrong.append(f"docs/{chapter}: {in_repository} has no heading #{anchor}")
    if in_repository.startswith("docs/"):
        inside = in_repository.removeprefix("docs/") if path else ""
        if text == path and file.suffix == ".md" and file.exists():
            text = file.read_text().partition("\n")[0].removeprefix("# ")
        return f"[{text}]({inside}{'#' + anchor if anchor else ''})"
    return text if text.startswith("`") or text == in_repository else f"{text} (`{in_repository}`)"


def visit(items: list, wrong: list[str]) -> None:
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter is None:
            continue
        at = chapter["source_path"] or chapter["path"]
        chapter["content"] = LINK.sub(lambda link: rewritten(link[1], link[2], at, wrong), chapter["content"])
        visit(chapter["sub_items"], wrong)


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] == "supports":
        return
    _, book = json.load(sys.stdin)
    wrong: list[str] = []
    visit(book.get("items") or book.get("sections"), wrong)
    if wrong:
        sys.exit("\n".join(wrong))
    json.dump(book, sys.stdout)


main()
