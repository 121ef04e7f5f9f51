r"""Convert the docstring of a measure to HTML, with formulas as MathML.

A docstring is plain text with the directive `.. math::`, whose LaTeX ends with the indentation. Text and formulas come
from whoever submitted the measure: text is escaped, and only presentation MathML is kept of a formula.
"""

import html
import re
from typing import Final
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element
from markupsafe import Markup, escape

DIRECTIVE: Final = re.compile(r"( *)\.\. math::(.*)")
CODE: Final = re.compile(r"``(.+?)``|`(.+?)`")
APART: Final = re.compile(r"\\quad(?![A-Za-z])")
GROUPS: Final = (("{", "}"), (r"\left", r"\right"), (r"\begin", r"\end"))
BULLET: Final = re.compile(r"^[*-] ")
TAGS: Final = frozenset({
    "math", "mi", "mn", "mo", "mtext", "mspace", "mrow", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder",
    "mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose",
})  # fmt: skip
ATTRIBUTES: Final = frozenset({
    "display", "mathvariant", "stretchy", "fence", "form", "separator", "accent", "minsize", "maxsize", "width",
    "height", "depth", "lspace", "rspace", "displaystyle", "scriptlevel", "movablelimits", "columnalign",
    "linethickness",
})  # fmt: skip
PASSED_OVER: Final = {r"\arg": "arg", r"\lVert": "‖", r"\rVert": "‖"}  # commands that the converter leaves as they are
BARS: Final = frozenset("|‖")  # of which the converter does not say whether they open or close


class UnknownFormulaError(ValueError):
    """LaTeX that cannot be converted."""


def definition(docstring: str) -> Markup:
    """Convert the paragraphs and formulas of a docstring, in order."""
    parts: list[Markup] = []
    lines = docstring.splitlines()
    paragraph: list[str] = []
    while lines:
        line = lines.pop(0)
        directive = DIRECTIVE.match(line)
        if directive or not line.strip():
            parts.append(_paragraph(paragraph))
            paragraph = []
        else:
            paragraph.append(line.strip())
        if directive:
            body = [directive[2]]
            while lines and (not lines[0].strip() or lines[0].startswith(directive[1] + " ")):
                body.append(lines.pop(0))
            parts += [_formula(latex) for latex in re.split(r"\n\s*\n", "\n".join(body)) if latex.strip()]
    return Markup("\n").join(part for part in [*parts, _paragraph(paragraph)] if part)


def mathml(latex: str) -> Markup:
    """Convert a formula to MathML.

    Raises:
        UnknownFormulaError: an unknown command, or invalid LaTeX.
    """
    try:
        root = convert_to_element(" ".join(latex.split()), display="block")
    except Exception as error:
        raise UnknownFormulaError(f"A formula must be LaTeX; got {latex!r}.") from error
    return Markup(_presented(root))  # noqa: S704  escaped below


def _formula(latex: str) -> Markup:
    r"""Convert a formula, or show its source if that fails; it may wrap at \quad."""
    try:
        parts = [mathml(part) for part in _apart(latex)]
    except UnknownFormulaError:
        return Markup('<pre class="formula">{}</pre>').format(" ".join(latex.split()))
    return Markup('<div class="formula" tabindex="0">{}</div>').format(Markup("").join(parts))


def _apart(latex: str) -> list[str]:
    r"""Split at \quad, unless one of them is within a group."""
    parts = [part for part in APART.split(latex) if part.strip()]
    whole = all(part.count(a) == part.count(b) for part in parts for a, b in GROUPS)
    return parts if whole else [latex]


def _presented(element: Element) -> str:
    """Serialise an element with only the tags and attributes of presentation MathML."""
    if element.tag not in TAGS:
        raise UnknownFormulaError(f"MathML must present; got <{element.tag}>.")
    text = html.unescape(PASSED_OVER.get(element.text or "", element.text or ""))
    if "\\" in text:
        raise UnknownFormulaError(f"A command must be known; got {text!r}.")
    said = {name: html.unescape(value) for name, value in element.attrib.items() if name in ATTRIBUTES}
    if text in BARS and not said:
        said = {"stretchy": "false", "lspace": "0", "rspace": "0"}
    named = element.tag == "mi" and len(text) > 1  # log and its like, which stand apart from what they are of
    if named:
        said = {"lspace": "0.167em", "rspace": "0.167em"}
    tag = "mo" if named else element.tag
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in said.items())
    inside = "".join(_presented(child) for child in element)
    return f"<{tag}{attributes}>{escape(text)}{inside}</{tag}>"


def _paragraph(lines: list[str]) -> Markup:
    """Convert lines of text to a paragraph, and bullets to a list, with code marked."""
    if not lines:
        return Markup("")
    if BULLET.match(lines[0]):
        items: list[str] = []
        for line in lines:
            if BULLET.match(line):
                items.append(BULLET.sub("", line))
            else:
                items[-1] += f" {line}"
        return Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(_text(i)) for i in items))
    return Markup("<p>{}</p>").format(_text(" ".join(lines)))


def _text(text: str) -> Markup:
    marked = CODE.sub(lambda found: f"<code>{found[1] or found[2]}</code>", str(escape(text)))
    return Markup(marked)  # noqa: S704  escaped above; a backtick is no markup
