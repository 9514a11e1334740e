"""A page, read as a browser would: its elements in order, each with its attributes and all its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from httpx2 import Response

HTML = {"Accept": "text/html,*/*;q=0.8"}
_VOID = {"meta", "link", "input", "br", "path", "hr"}


@dataclass(slots=True)
class Element:
    """One element."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""

    @property
    def classes(self) -> set[str]:
        return set((self.attributes.get("class") or "").split())

    def __getitem__(self, name: str) -> str:
        value = self.attributes[name]
        assert value is not None
        return value


@dataclass
class Page(HTMLParser):
    """All elements of a page."""

    html: str
    elements: list[Element] = field(default_factory=list)
    _open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "p" and self._open and self._open[-1].tag == "p":
            self._open.pop()
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open and tag in {each.tag for each in self._open}:
            if self._open.pop().tag == tag:
                return

    def handle_data(self, data: str) -> None:
        for each in self._open:
            each.text += data

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """The elements of this tag with these attributes; `class_` is one of the classes."""
        return list(self._matching(tag, attributes))

    def _matching(self, tag: str, attributes: dict[str, str]) -> Iterator[Element]:
        class_ = attributes.pop("class_", None)
        for each in self.elements:
            if (
                tag in {"", each.tag}
                and (class_ is None or class_ in each.classes)
                and all(each.attributes.get(name) == value for name, value in attributes.items())
            ):
                yield each

    def lines(self) -> list[Element]:
        """What was said in a conversation, line by line: all but who speaks."""
        return [each for each in self.all("p") if not each.classes]

    def one(self, tag: str = "", **attributes: str) -> Element:
        """The one element of this tag with these attributes."""
        (found,) = self.all(tag, **attributes)
        return found

    def texts(self, tag: str = "", **attributes: str) -> list[str]:
        """Their texts, with white space as it is shown."""
        return [" ".join(each.text.split()) for each in self.all(tag, **attributes)]

    def text_of(self, tag: str) -> str:
        """All their texts together, as they are."""
        return "\n".join(each.text for each in self.all(tag))

    def links(self) -> dict[str, str]:
        """Where each link leads, by its text."""
        return {" ".join(each.text.split()): each["href"] for each in self.all("a")}


def page_of(answer: Response, status: int = 200) -> Page:
    """The page that was answered."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)
