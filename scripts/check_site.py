"""Reads the built site and finds what is broken: `python -m scripts.check_site build/docs`.

a link or an anchor inside that leads nowhere             an error
a script, style, font or picture from elsewhere           an error
links that leave the site                                 written to external-links.txt, and never asked
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["PageReader", "check"]

_LOADING = {"img": "src", "script": "src", "iframe": "src", "source": "src", "link": "href"}
_CSS_URL = re.compile(r"url\(\s*['\"]?(?:https?:)?//|@import\s+['\"]?(?:https?:)?//")
_LINK_RELATIONS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload"}


class PageReader(HTMLParser):
    """Collects a page's anchors, its links and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one tag."""
        found = {name: value or "" for name, value in attrs}
        self.anchors.update(found[name] for name in ("id", "name") if found.get(name))
        if tag == "a" and "href" in found:
            self.links.add(found["href"])
        elif tag in _LOADING and _LOADING[tag] in found:
            relations = set(found.get("rel", "").split())
            if tag != "link" or relations & _LINK_RELATIONS:
                self.loaded.add(found[_LOADING[tag]])


def check(site: Path) -> tuple[list[str], list[str]]:
    """Return what is broken, and the links that leave the site."""
    pages = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html"))}
    broken, external = [], set()
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        for address in sorted(page.links | page.loaded):
            parts = urlsplit(address)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                if address in page.loaded:
                    broken.append(f"{name}: loads {address}")
                external.add(address)
                continue
            aim = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            aim = aim / "index.html" if aim.is_dir() else aim
            if not aim.exists():
                broken.append(f"{name}: {address} leads nowhere")
            elif parts.fragment and aim in pages and unquote(parts.fragment) not in pages[aim].anchors:
                broken.append(f"{name}: {address} has no such anchor")
    styles = (
        path for path in sorted(site.rglob("*.css")) if _CSS_URL.search(path.read_text(encoding="utf-8"))
    )
    broken += [f"{path.relative_to(site)}: loads from elsewhere" for path in styles]
    if not pages:
        broken.append(f"{site}: there is no page")
    return broken, sorted(external)


def _read(path: Path) -> PageReader:
    reader = PageReader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


def main() -> int:
    """Check, list, and tell."""
    site = Path(sys.argv[1])
    broken, external = check(site)
    (site / "external-links.txt").write_text("".join(f"{link}\n" for link in external), encoding="utf-8")
    for line in broken:
        print(line, file=sys.stderr)
    print(f"{site}: {len(broken)} broken links; {len(external)} external ones in external-links.txt")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
