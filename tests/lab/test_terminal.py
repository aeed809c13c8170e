"""The terminal of tests and pictures shows what a person would see."""

from __future__ import annotations

import sys
from xml.etree import ElementTree as ET

import pytest

from lab.terminal import CTRL_C, Terminal, TerminalTimeoutError
from lab.terminal_film import film, shots
from lab.terminal_svg import svg


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_program_is_typed_to_and_read() -> None:
    with Terminal(program("print('hello ' + input('Who? '))")) as terminal:
        terminal.wait_for(r"Who\?$")
        terminal.type_line("world")
        assert terminal.wait_for_exit() == 0
        assert terminal.text == "Who? world\nhello world"


def test_program_sees_the_size_and_its_change() -> None:
    text = """import os, signal
signal.signal(signal.SIGWINCH, lambda *_: print(*os.get_terminal_size(), flush=True))
print(*os.get_terminal_size(), flush=True)
input()"""
    with Terminal(program(text), columns=100, rows=30) as terminal:
        terminal.wait_for("100 30")
        terminal.resize(80, 24)
        terminal.wait_for("80 24")


def test_rewritten_line_shows_its_last_text() -> None:
    with Terminal(program(r"print('10 %', end='\r'); print('20 %')")) as terminal:
        terminal.wait_for_exit()
        assert terminal.text == "20 %"
        assert b"10 %" in terminal.output


def test_lines_that_left_the_screen_are_kept() -> None:
    with Terminal(program("for n in range(60): print('line', n)"), rows=10) as terminal:
        terminal.wait_for_exit()
        assert terminal.text.splitlines() == [f"line {n}" for n in range(60)]
        assert terminal.screen.splitlines()[0] == "line 51"


def test_ctrl_c_interrupts() -> None:
    with Terminal(program("print('ready', flush=True); import time; time.sleep(60)")) as terminal:
        terminal.wait_for("ready")
        terminal.type(CTRL_C)
        assert terminal.wait_for_exit() in {130, -2}


def test_missing_text_fails_with_the_screen() -> None:
    with (
        Terminal(program("print('something else', flush=True); input()")) as terminal,
        pytest.raises(TerminalTimeoutError, match="something else"),
    ):
        terminal.wait_for("never", patience=0.5)


def test_picture_holds_every_word_and_its_color() -> None:
    text = r"print('plain \x1b[31;1mred <b>\x1b[0m \x1b[33myellow\x1b[0m')"
    with Terminal(program(text)) as terminal:
        terminal.wait_for_exit()
        root = ET.fromstring(svg(terminal.lines, terminal.columns, title="a & b"))  # noqa: S314  # our own
    texts = [
        (one.text, one.get("fill"), one.get("font-weight"))
        for one in root.iter()
        if one.tag.endswith("}text")
    ]
    assert texts == [
        ("a & b", "#8b919c", None),
        ("plain ", None, None),
        ("red <b>", "#f2777a", "bold"),
        ("yellow", "#f0c674", None),
    ]


def test_a_film_shows_each_screen_in_turn() -> None:
    chunks = [(0.0, b"one\r\n"), (2.0, b"two\r\n"), (3.9, b"left out\r\n"), (4.0, b"\x1b[1A\x1b[2Kthree")]
    shown = shots(chunks, 20, 4, count=4, seconds=1.0, last=6.0)
    assert [shot.seconds for shot in shown] == [2.0, 2.0, 6.0]
    drawn = film(shown, 20, title="a & b")
    ET.fromstring(drawn)  # noqa: S314  # our own
    assert drawn.count(">one</text>") == 1  # drawn once, used three times
    assert drawn.count('href="#r0"') == 3
    assert ("two" in drawn, "left out" in drawn, "three" in drawn) == (True, False, True)
    assert "@keyframes k2{40.00%{visibility:visible}0%{visibility:hidden}}" in drawn
