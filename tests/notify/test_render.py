"""What each channel gets: untrusted text is escaped for it, and templates are sandboxed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model import Preset, Webhook
from runner.notify import Item, Notice
from runner.notify.render import TemplateMistake, render_html, render_json, render_text

EVIL = (
    """<!channel> @channel @room </b><a href="http://evil.example">x</a>"""
    """ [x](http://evil.example) `rm` & "'\\"""
)


def notice(text: str = EVIL, number: int = 1, command: str = "sitecrew show r1") -> Notice:
    items = tuple(Item.of(f"shop ({text})", f"failed: {text}", command) for _ in range(number))
    return Notice.of("window weekly x", f"weekly: 0 of {number} sites OK", items)


def rendered(preset: Preset, made: Notice) -> dict:
    return json.loads(render_json(made, Webhook(name="chat", url="", preset=preset), "Northwind"))


def test_slack_escapes_mentions_and_links():
    document = rendered(Preset.SLACK, notice())
    [_, block] = document["blocks"]
    text = block["text"]["text"]
    assert "&lt;!channel&gt;" in text
    assert not {"<", ">"} & set(text)
    assert text.count("`") == 2


def test_teams_card_has_only_text_runs():
    document = rendered(Preset.TEAMS, notice())
    [attachment] = document["attachments"]
    assert document["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    blocks = attachment["content"]["body"]
    assert {block["type"] for block in blocks} == {"RichTextBlock"}
    assert {run["type"] for block in blocks for run in block["inlines"]} == {"TextRun"}


def test_mattermost_escapes_markdown_and_mentions():
    text = rendered(Preset.MATTERMOST, notice())["text"]
    assert "@channel" not in text
    assert "\\[x\\]\\(http" in text
    assert "\\`rm\\`" in text


def test_matrix_escapes_html_and_mentions_nobody():
    document = rendered(Preset.MATRIX, notice())
    assert document["m.mentions"] == {}
    assert document["msgtype"] == "m.text"
    assert "<a href" not in document["formatted_body"]
    assert "<code>sitecrew show r1</code>" in document["formatted_body"]


def test_mail_html_escapes_and_text_has_commands():
    assert "<a href" not in render_html(notice(), "Northwind")
    text = render_text(notice(), "Northwind")
    assert "\n    sitecrew show r1\n" in text
    assert text.startswith("weekly: 0 of 1 sites OK\n")


LIMITS = {Preset.SLACK: 60_000, Preset.TEAMS: 28_000, Preset.MATTERMOST: 60_000, Preset.MATRIX: 60_000}
"""Bytes that the services accept: of a card in Teams, of an event in Matrix."""


@pytest.mark.parametrize("preset", list(Preset))
def test_long_notice_is_cut_and_counted(preset: Preset):
    made = notice("é\U0001f950" * 200, 500)
    text = json.dumps(rendered(preset, made), ensure_ascii=False)
    assert "485 more" in text
    assert len(text.encode()) < LIMITS[preset]


@pytest.mark.parametrize("preset", list(Preset))
@given(text=st.text(max_size=80), command=st.sampled_from(["", "sitecrew resume r1"]))
def test_any_text_makes_valid_json(preset: Preset, text: str, command: str):
    rendered(preset, notice(text, 2, command))


def own(folder: Path, source: str) -> Webhook:
    file = folder / "crew.json.j2"
    file.write_text(source)
    return Webhook(name="own", url="", template=file)


def test_own_template_is_rendered(tmp_path: Path):
    webhook = own(
        tmp_path,
        '{"s": {{ notice.subject | tojson }}, "a": {{ agency | tojson }},'
        ' "n": [{% for item in notice.items %}{{ item.text | tojson }}'
        '{{ "," if not loop.last }}{% endfor %}]}',
    )
    document = json.loads(render_json(notice(number=2), webhook, "Northwind"))
    assert document["a"] == "Northwind"
    assert len(document["n"]) == 2
    assert "<!channel>" in document["n"][0]


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ('{"text": "{{ notice.items[0].text }}"}', "not JSON", 1),
        ('{\n"x": {{ nothing.here }}}', "nothing", 2),
        ("{\n\n{{ notice.subject | tojsn }}", "tojsn", 3),
        ('{{ "".__class__.__mro__ | tojson }}', "unsafe", 1),
        ('{"x": {{ notice.subjct }}}', "`notice` has no attribute 'subjct'", 1),
        ("{{ 1 / 0 }}", "division", 1),
        ('{% include "/etc/passwd" %}', "loader", 1),
    ],
)
def test_mistake_in_own_template_is_named(tmp_path: Path, source: str, message: str, line: int):
    with pytest.raises(TemplateMistake, match=message) as raised:
        render_json(notice(), own(tmp_path, source), "Northwind")
    assert "crew.json.j2" in str(raised.value)
    assert raised.value.line == line
