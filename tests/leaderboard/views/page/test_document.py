"""The page as a text: whole, escaped, and true to report and ledger."""

import base64
import gzip
import hashlib
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest

from leaderboard.claims import JudgedClaim
from leaderboard.ranking.entry import Intervals
from leaderboard.ranking.rank import order
from leaderboard.ranking.report import Report
from leaderboard.statistics.resampling import Interval
from leaderboard.views.held_out import beside
from leaderboard.views.page import build
from tests.leaderboard.conftest import HOSTILE
from tests.leaderboard.reports import Ranked
from tests.leaderboard.views.page.conftest import PROVENANCE, Parsed


def test_written_where_asked(ridge_report: Report, ridge_ledger: pd.DataFrame, tmp_path: Path) -> None:
    """The file holds what is returned, and the same inputs give the same page."""
    document = build(ridge_report, ridge_ledger, PROVENANCE, tmp_path / "page.html")

    assert (tmp_path / "page.html").read_text(encoding="utf-8") == document
    assert build(ridge_report, ridge_ledger, PROVENANCE) == document


def test_nothing_is_fetched(parsed: Parsed) -> None:
    """No address leads out of the page but links to papers, which a reader follows."""
    addresses = [
        (tag, value)
        for tag, attributes in parsed.tags
        for name, value in attributes.items()
        if name in {"src", "href", "srcset", "data", "action", "poster"}
        if not (tag == "a" and value.startswith("https://arxiv.org/abs/"))
    ]

    assert ("link", "data:,") in addresses
    assert all(value.startswith("#") or value == "data:," for _, value in addresses)
    assert not {"iframe", "img", "object", "embed", "base"} & {tag for tag, _ in parsed.tags}


def test_only_the_page_s_own_scripts_may_run(parsed: Parsed) -> None:
    """The content security policy names each script by its hash and forbids all else."""
    (policy,) = (a["content"] for tag, a in parsed.tags if tag == "meta" and "http-equiv" in a)
    (packed,) = (text for kind, text in parsed.scripts if kind == "application/gzip;base64")
    plotly = gzip.decompress(base64.b64decode(packed)).decode()
    scripts = [plotly, *(text for kind, text in parsed.scripts if kind == "")]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]

    assert len(scripts) == 2
    assert "plotly.js" in plotly[:200]
    assert len(packed) < 2_000_000
    assert sorted(re.findall(r"'sha256-([^']+)'", policy)) == sorted(hashes)
    assert "default-src 'none'" in policy
    assert "script-src 'sha256-" in policy


def test_a_hostile_name_is_text(document: str, parsed: Parsed) -> None:
    """A measure, a source and a provenance entry that look like scripts are shown and never parsed as tags."""
    assert HOSTILE not in document
    assert parsed.words.count(HOSTILE) >= 4
    assert len([tag for tag, _ in parsed.tags if tag == "script"]) == 3


def test_the_table_stands_in_the_html(document: str, ridge_report: Report, ridge_json: Ranked) -> None:
    """Rows are there in order before any script runs, with figures, reasons and counts."""
    body = document[document.index("<tbody>") : document.index("</tbody>")]
    names = [json.loads(f'"{name}"') for name in re.findall(r'data-name="([^"]*)"', body)]
    entry = ridge_json["measures"]["frobenius_norm"]
    row = next(part for part in body.split("</tr>") if 'data-name="frobenius_norm"' in part)
    values = re.findall(r'data-value="([^"]*)"', row)

    assert [name.replace("&lt;", "<").replace("&gt;", ">") for name in names] == order(ridge_report)
    assert [float(values[place]) for place in (3, 6, 7, 8, 9, 11, 12)] == [
        entry["Psi"],
        entry["psi"]["hp.corruption"],
        entry["tau_b"],
        entry["within"]["tau_b"],
        entry["gate"]["auc"],
        0.0021,
        23,
    ]
    assert f"{entry['Psi']:.3f}".replace("-", "−") in row
    assert ridge_json["measures"]["constant"]["why"]["tau_b"] in body


def test_the_heading_says_what_was_ranked(document: str) -> None:
    """Counts, suite, date, and the networks left out."""
    heading = " ".join(re.sub(r"<[^>]+>", "", document[document.index("<h1>") : document.index("</header>")]).split())

    assert "Which complexity measures predict the generalization gap?" in heading
    assert re.search(r"4 measures and \d+ controls, ranked by how well they order 23 trained networks", heading)
    assert "suite digits, 2026-11-21." in heading
    assert "did not converge: 1, left out." in heading
    assert "with random labels, for the gate only: 12." in heading


def test_provenance_is_shown(document: str) -> None:
    """Entries, lists and groups of provenance stand in the page."""
    section = document[document.index("Where these numbers come from") : document.index("<dialog")]

    assert "<dt>seeds</dt><dd>0, 1</dd>" in section
    assert "<dt>gapbench</dt><dd>0.1.0</dd>" in section


def test_facts_of_a_measure(document: str) -> None:
    """The panel tells source, needs, sign, version, outcomes with the most frequent reason, and every stratum."""
    articles = {part.split('"')[0]: part for part in document.split('<article id="measure=')[1:]}
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", articles["log_margin"]))

    assert "smaller scores for larger gaps" in text
    assert "Needs init" in text
    assert re.search(r"\d+ scored , \d+ unsupported", text) or re.search(r"\d+ scored, \d+ unsupported", text)
    assert "most often: The margin must be positive; got one that is not." in text
    assert "partial labels" in text
    assert "Version 2" in re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", articles["margin"]))
    assert "Norm of the weights." in articles["frobenius_norm"]
    assert "%3Cb%3Em%3C%2Fb%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E" in articles


def test_claims(ridge_report: Report, ridge_ledger: pd.DataFrame) -> None:
    """Each finding with its verdict, figure, range and source, by study, escaped."""
    claim = JudgedClaim(
        study="randomization",
        name="fits",
        statement=f"Networks fit {HOSTILE}.",
        source="Zhang et al. 2017",
        published="100 %",
        unit="of the examples",
        holds="at least 0.99",
        effect=0.98,
        low=0.97,
        high=0.985,
        networks=24,
        verdict="not reproduced",
        why="",
    )
    document = build(replace(ridge_report, claims=[claim]), ridge_ledger, {})
    section = document[document.index('<section id="studies"') : document.index('<section id="zoo"')]
    text = " ".join(re.sub(r"<[^>]+>", " ", section).split())

    assert "Study randomization not reproduced Networks fit &lt;b&gt;m" in text
    assert "0.98 [0.97, 0.985] of the examples, 24 networks" in text
    assert "at least 0.99 of the examples" in text
    assert "100 % (Zhang et al. 2017)" in text
    assert 'id="studies"' not in build(ridge_report, ridge_ledger, {})


def test_a_held_out_zoo_stands_beside(ridge_report: Report, ridge_ledger: pd.DataFrame) -> None:
    """A row a measure in the order of the held-out zoo, with what is lost, and why others are not compared."""
    entry = ridge_report.measures["frobenius_norm"]
    mine, theirs = (
        replace(entry, Psi=psi, interval=Intervals(tau_b=None, Psi=Interval(psi - 0.25, psi + 0.25)))
        for psi in (0.5, -0.3)
    )
    public = replace(ridge_report, measures={**ridge_report.measures, "frobenius_norm": mine})
    others = {name: entry for name, entry in ridge_report.measures.items() if name != "margin"}
    comparison = beside(public, replace(ridge_report, measures={**others, "frobenius_norm": theirs}))
    document = build(replace(ridge_report, beside=comparison), ridge_ledger, PROVENANCE)
    section = document[document.index('<section id="held-out">') : document.index('<section id="cost">')]
    rows = section[section.index("<tbody>") : section.index("</tbody>")].split("</tr>")[:-1]
    (row,) = (row for row in rows if "#measure=frobenius_norm" in row)

    assert '<a href="#held-out">' in document
    assert [unquote(re.findall(r"#measure=([^\"]*)", row)[0]) for row in rows] == list(comparison.measures)
    assert "−0.300" in row
    assert "−0.55 to −0.05" in row
    assert "−1.15 to −0.45" in row  # -0.8 with the root of twice the square of 0.25 on either side
    assert '<span class="verdict does-not-hold">does not hold: sign</span>' in row
    assert "sign: as expected → reversed" in row
    assert '<td class="text fallen">' in row
    assert "Not compared, scored on the public zoo only: margin." in section
    assert HOSTILE not in section


def test_without_plotly(ridge_report: Report, ridge_ledger: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where plotly cannot be imported the page is small and has its table."""
    monkeypatch.setitem(sys.modules, "plotly.offline", None)  # what Python itself keeps of a module that is not there
    document = build(ridge_report, ridge_ledger, {})

    assert len(document) < 500_000
    assert 'data-name="frobenius_norm"' in document
    assert [kind for kind, _ in Parsed(document).scripts] == ["application/json", ""]


def test_a_measure_too_noisy_to_rank_is_marked(ridge_report: Report, ridge_ledger: pd.DataFrame) -> None:
    """Its row has a dash for a rank, a mark and its noise."""
    entry = ridge_report.measures["frobenius_norm"]
    noisy = replace(entry, about=replace(entry.about, noise=0.517))
    report = replace(ridge_report, measures={**ridge_report.measures, "frobenius_norm": noisy})
    document = build(report, ridge_ledger, PROVENANCE)
    body = document[document.index("<tbody>") : document.index("</tbody>")]
    rows = {re.findall(r'data-name="([^"]*)"', part)[0]: part for part in body.split("</tr>") if "data-name" in part}

    assert "too noisy" in rows["frobenius_norm"]
    assert 'data-value="0.517" hidden>0.52</td>' in rows["frobenius_norm"]
    assert re.search(r"<td[^>]*>–</td>", rows["frobenius_norm"])
    assert "too noisy" not in rows["margin"]
