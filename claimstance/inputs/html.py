"""What a reader sees of an HTML page: its title and its text, paragraph by paragraph."""

import re
from itertools import accumulate

from selectolax.lexbor import LexborHTMLParser, LexborNode

from claimstance.errors import DocumentUnreadable

_UNSEEN = (
    *("script", "style", "template", "noscript", "head", "svg", "iframe", "object"),
    *("nav", "footer", "aside", "form", "button", "select"),
)
"""What is not text, and the parts of a page that HTML itself sets apart from its content."""

_BLOCKS = frozenset(
    ["address", "article", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl",
     "dt", "fieldset", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
     "html", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot",
     "th", "thead", "title", "tr", "ul"]
)  # fmt: skip

MAX_DEPTH = 2000
"""Elements inside elements; the parser's time grows with the square of it."""

_NESTING_TAG = re.compile(
    r"<(/?)(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr|p|li|dt|dd|tr"
    r"|td|th|thead|tbody|tfoot|colgroup|option|optgroup|html|head|body)\b)[a-zA-Z]"
)
"""A tag of an element that ends with a tag of its own."""

_DATES = (
    ('meta[property="article:published_time"]', "content"),
    ('meta[name="date"]', "content"),
    ("time[datetime]", "datetime"),
)


def parse(page: str) -> tuple[str, dict[str, str]]:
    """Return the text of an HTML page, blocks parted by blank lines, and its metadata.

    Metadata are `title` (of the head, else the first heading) and `date`, where it names them.

    Raises:
        DocumentUnreadable: its elements are nested too deeply to be text.
    """
    steps = (-1 if match[1] else 1 for match in _NESTING_TAG.finditer(page))
    # A closing tag with nothing open closes nothing.
    if max(accumulate(steps, lambda depth, step: max(0, depth + step)), default=0) > MAX_DEPTH:
        raise DocumentUnreadable(f"nests its elements more than {MAX_DEPTH} deep")
    tree = LexborHTMLParser(page)
    metadata = {}
    for selector in ("title", "h1"):
        node = tree.css_first(selector)
        if node is not None and node.text(strip=True):
            metadata["title"] = " ".join(node.text().split())
            break
    for selector, attribute in _DATES:
        node = tree.css_first(selector)
        if node is not None and node.attributes.get(attribute):
            metadata["date"] = str(node.attributes[attribute])
            break
    tree.strip_tags(list(_UNSEEN))
    if tree.body is None:
        return "", metadata
    blocks: list[list[str]] = [[]]
    _collect(tree.body, blocks)
    paragraphs = (
        "\n".join(" ".join(line.split()) for line in "".join(b).split("\0")) for b in blocks
    )
    return "\n\n".join(filter(None, (paragraph.strip() for paragraph in paragraphs))), metadata


def _collect(body: LexborNode, blocks: list[list[str]]) -> None:
    """Gather the page's text block by block; without recursion, for pages nest as they like."""
    waiting: list[LexborNode | None] = [body]
    while waiting:
        node = waiting.pop()
        if node is None:
            blocks.append([])
        elif node.tag == "-text":
            blocks[-1].append(node.text_content or "")
        elif node.tag == "br":
            blocks[-1].append("\0")  # a character that no page can hold
        else:
            children: list[LexborNode | None] = list(node.iter(include_text=True))
            if node.tag in _BLOCKS:
                children = [None, *children, None]
            waiting.extend(reversed(children))
