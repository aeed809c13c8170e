"""A report lists the packages of a server as one update, with their names below."""

from __future__ import annotations

import re

import pytest

from runner.model import ItemKind, Outcome
from runner.report import render_html, render_text
from runner.report.document import report_document
from tests.report import samples


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", re.sub(r"(?s)<(head|style)\b.*?</\1>", "", html)).split())


def test_packages_of_a_run_are_one_update():
    report = samples.server()
    packages = [one for one in report.done if one.kind is ItemKind.PACKAGE]
    assert [(one.item, len(one.parts)) for one in packages] == [("packages", 14), ("openssl", 0)]
    assert packages[0].parts[0].item == "apt"
    assert report.cards["updates"].value == len(samples.good().done) + 2


def test_packages_with_same_outcome_are_one_issue():
    points = [(point.outcome, len(point.parts)) for point in samples.server().undone]
    assert points == [(Outcome.FAILED, 2), (Outcome.HELD, 3)]


def test_json_lists_packages_as_parts():
    [packages] = [one for one in report_document(samples.server())["done"] if len(one["parts"]) > 1]
    assert (packages["kind"], packages["from"], packages["to"]) == ("package", "", "")
    assert packages["parts"][0] == {"item": "apt", "from": "1.2.3-4+deb12u1", "to": "1.2.3-4+deb12u2"}


@pytest.mark.parametrize(
    ("language", "line"),
    [("en", "14 packages (server software)"), ("de", "14 Pakete (Server-Software)")],
)
def test_documents_show_number_and_names_of_packages(language, line):
    report = samples.server(language=language)
    html, plain = text_of(render_html(report)), " ".join(render_text(report).split())
    assert line in html
    assert line in plain
    assert "apt, bash, curl" in html
    assert "apt: 1.2.3-4+deb12u1 → 1.2.3-4+deb12u2 bash:" in plain
    assert html.count("→") == len(report.done) - 1


def test_failed_packages_are_listed_once():
    plain = " ".join(render_text(samples.server()).split())
    assert "Two packages (server software): Could not be installed on 17 November." in plain
    assert "The server of acme.example keeps its current versions. nginx: 1.2.3" in plain
    assert plain.count("Reason:") == 2
