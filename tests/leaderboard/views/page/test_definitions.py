"""Docstrings as HTML: paragraphs, MathML, and nothing else from whoever wrote them."""

import inspect
from html.parser import HTMLParser
from xml.etree.ElementTree import Element

import pytest

from leaderboard.views.page.definitions import ATTRIBUTES, TAGS, UnknownFormulaError, _presented, definition, mathml
from measures.registry import catalog


class Parsed(HTMLParser):
    """The tags, attributes and classes of a text, as a browser would take them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.classes: set[str | None] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what there is."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.classes |= {value for name, value in attrs if name == "class"}


DOCSTRING = r"""Norm of the weights.

.. math:: \sqrt{\sum_i
    w_i^2}

    \gamma \le 1

Departs from `the paper`
in nothing; a < b & c.

* one
  and a half
* two"""


def test_paragraphs_and_formulas_in_order() -> None:
    """A directive ends with its indentation, a blank line within it parts two formulas, other lines join."""
    html = str(definition(DOCSTRING))

    assert html.startswith("<p>Norm of the weights.</p>\n")
    assert html.count("<math") == 2
    assert "<msqrt>" in html.split("</math>", maxsplit=1)[0]
    assert html.split("</math>", maxsplit=1)[0].count("<mi>w</mi>") == 1
    assert "<mi>γ</mi><mo>≤</mo><mn>1</mn>" in html.split("</math>")[1]
    assert "<p>Departs from <code>the paper</code> in nothing; a &lt; b &amp; c.</p>" in html
    assert html.endswith("<ul><li>one and a half</li><li>two</li></ul>")
    assert definition("") == ""


def test_a_fraction() -> None:
    """Presentation MathML of a small formula, whole."""
    assert mathml(r"\frac{a}{2}") == (
        '<math display="block"><mrow><mfrac><mrow><mi>a</mi></mrow><mrow><mn>2</mn></mrow></mfrac></mrow></math>'
    )


@pytest.mark.parametrize(("latex", "text"), [(r"\arg \max f", "arg"), (r"\Big\lVert w \Big\rVert", "‖")])
def test_commands_that_the_converter_passes_over(latex: str, text: str) -> None:
    """They are shown as what they mean."""
    assert f">{text}<" in mathml(latex)
    assert "\\" not in mathml(latex)


def test_named_functions_stand_apart() -> None:
    """As LaTeX sets them: a thin space on either side, none about a single letter."""
    assert '<mi>a</mi><mo lspace="0.167em" rspace="0.167em">log</mo><mi>b</mi>' in mathml(r"a \log b")


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        (r"a, \quad b \quad c", 3),
        (r"a \qquad b", 1),
        (r"\frac{a \quad b}{c}", 1),
        (r"\left( a \quad b \right)", 1),
        (r"\quad a", 1),
    ],
)
def test_a_formula_may_wrap_where_its_parts_stand_apart(latex: str, parts: int) -> None:
    """At a space of LaTeX, never within a group."""
    html = definition(f".. math:: {latex}")

    assert html.count("<math") == parts
    assert html.count('<div class="formula"') == 1


def test_bars_neither_grow_nor_part() -> None:
    """A bar of a norm is as high as a letter."""
    assert mathml(r"\lVert w \rVert_2").count('<mo stretchy="false" lspace="0" rspace="0">‖</mo>') == 2


@pytest.mark.parametrize("latex", [r"\frac{", r"\nosuch x", r"\begin{matrix} a", "{"])
def test_what_is_no_formula_is_shown_as_it_is(latex: str) -> None:
    """Its source stands instead."""
    with pytest.raises(UnknownFormulaError):
        mathml(latex)
    assert '<pre class="formula">' in definition(f".. math:: {latex}")


@pytest.mark.parametrize(
    "latex",
    [
        r"\text{<script>alert(1)</script>}",
        r"\text{&lt;img src=x onerror=alert(1)&gt;}",
        r"\mathrm{</math><script>}",
        r"\href{javascript:alert(1)}{x}",
        r"\class{a\" onclick=\"alert(1)}{x}",
        r"\style{color:red\" onload=\"alert(1)}{x}",
        r"\hspace{1em\" onclick=\"alert(1)}",
        r"\color{red\" onclick=\"alert(1)}{x}",
        r"</noscript><script>alert(1)</script>",
    ],
)
def test_a_hostile_formula_is_text(latex: str) -> None:
    """No tag and no attribute but MathML's comes out, whatever goes in."""
    parsed = Parsed()
    parsed.feed(str(definition(f".. math:: {latex}\n\n{latex}")))

    assert parsed.tags <= TAGS | {"p", "div", "pre"}
    assert parsed.attributes <= ATTRIBUTES | {"class", "tabindex"}
    assert parsed.classes <= {"formula"}


def test_only_presentation_is_kept() -> None:
    """Whatever the converter might one day make of a command."""
    with pytest.raises(UnknownFormulaError, match="script"):
        _presented(Element("script"))


def test_every_measure_s_formulas_are_understood() -> None:
    """No docstring of the catalogue has a formula that the page would show as its source."""
    definitions = {name: str(definition(inspect.cleandoc(m.compute.__doc__ or ""))) for name, m in catalog().items()}

    assert [name for name, html in definitions.items() if "<pre" in html] == []
    assert sum("<math" in html for html in definitions.values()) > 100
