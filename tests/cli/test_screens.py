"""What a person reads: `plan`, `show`, `doctor` and `list holds` on terminals of 80x24 and 120x40."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from lab.screens import COMMANDS, PICTURES, ROOT, SIZES, screens
from lab.terminal import row_text
from lab.terminal_svg import svg
from runner.cli.layout import width_of, wrap
from runner.cli.reasons import print_reasons
from runner.cli.screen import style


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_screens_fit_and_match_their_pictures(columns: int, rows: int, snapshot: SnapshotAssertion) -> None:
    found = screens(columns)
    for name, lines in found.items():
        text = [row_text(line) for line in lines]
        assert max(map(width_of, text)) <= columns
        assert "\n".join(text) == snapshot(name=name)
    for name in PICTURES:
        title = f"sitecrew {' '.join(COMMANDS[name])}"
        picture = ROOT / f"docs/pictures/{name}-{columns}x{rows}.svg"
        drawn = svg(found[name][-rows:], columns, title=title)
        assert picture.read_text() == drawn, "run scripts/screens"


@pytest.fixture
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.cli.reasons.terminal_width", lambda _: 40)


@pytest.mark.usefixtures("_narrow")
def test_long_reason_follows_its_rows_once(capsys: pytest.CaptureFixture[str]) -> None:
    why = "the new version needs PHP 8.4, the site has 8.2"
    rows = [
        ("slider", "hold", why),
        ("forms", "hold", why),
        ("seo", "hold", "major"),
        ("gallery", "hold", ""),
    ]
    print_reasons(rows, heads=("item", "state", "why"), margin=2)
    assert capsys.readouterr().out.splitlines() == [
        "  item     state  why",
        "  slider   hold",
        "  forms    hold",
        "    both: the new version needs PHP 8.4,",
        "    the site has 8.2",
        "  seo      hold   major",
        "  gallery  hold",
    ]


@pytest.mark.usefixtures("_narrow")
def test_reason_of_three_rows_counts_them(capsys: pytest.CaptureFixture[str]) -> None:
    print_reasons([(item, "no package can be downloaded for this item") for item in ("a", "b", "c")])
    assert capsys.readouterr().out.splitlines()[3] == "    these 3: no package can be"


def test_style_after_a_command_is_not_broken() -> None:
    line = style("https://shop.example/?doing_wp_cron=sitecrew 200 in 0.1 s  healthy", dim=True)
    assert [part.count("\x1b") for part in wrap(line, 40, indent=4)] == [1, 1]
    assert all(
        "\x1b" not in part.rstrip("m") or part.endswith("m") or part[0] == "\x1b" for part in wrap(line, 40)
    )


def test_commands_are_kept_on_one_line() -> None:
    text = (
        "Check the port. Try: ssh -p 2222 acme@web1.example, then run sitecrew doctor -l acme-shop; then wait"
    )
    lines = wrap(text, 40)
    assert any("ssh -p 2222 acme@web1.example" in line for line in lines)
    assert any("sitecrew doctor -l acme-shop" in line for line in lines)
