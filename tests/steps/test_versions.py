from __future__ import annotations

import itertools
import json
import random
import subprocess

import pytest

from runner.model import Level
from runner.steps.versions import branch, compare, core_level, key, level


@pytest.mark.parametrize(
    ("one", "other", "order"),
    [
        ("1.0", "1.0.0", -1),
        ("1.0-beta", "1.0", -1),
        ("1.0RC1", "1.0-beta2", 1),
        ("1.0a", "1.0", -1),
        ("1.0.p1", "1.0", 1),
        ("1.0pl1", "1.0", 1),
        ("1.0-1", "1.0", 1),
        ("v1.0", "1.0", -1),
        ("2.0", "10.0", -1),
        ("1.0dev", "1.0alpha", -1),
        ("1.0_1", "1.0.1", 0),
        ("1.0+build", "1.0", -1),
        ("1.0#", "1.0", 0),
        ("1.0 ", "1.0", -1),
        ("", "1.0", -1),
        ("", "", 0),
        ("20240101", "20231231", 1),
    ],
)
def test_order_matches_php(one, other, order):
    assert compare(one, other) == order
    assert compare(other, one) == -order


WORDS = """
0 00 1 1.0 1.0.0 1.0-beta 1.0-Beta 1.0RC1 1.0rc v1.0 V1.0 1.0.p1 1.0pl1 1.0p 1.0-dev 1.0~rc1
1.0+build 1.0+build.2 1..0 .1 1. . .. - # #N# 1.0# 1,0 1e5 0x1A -1 2024-11-25 1.0alpha2
"""
NASTY = [
    *WORDS.split(),
    *("", " 1.0", "1.0\n", "1.0\u03b12", "1.0.\u0966", "\U0001f642", "1.0\U0001f6422"),
    *("9223372036854775807", "9223372036854775808", "9" * 19, "7" * 5000),
    *("1." * 5000 + "1", "1." * 5000 + "2", "a" * 20000),
]


@pytest.mark.fleet
def test_order_matches_real_php_for_random_pairs():
    chance = random.Random(20261123)  # noqa: S311 - the same pairs each time
    parts = [
        *"0129",
        "10",
        "01",
        "2024",
        "99999999999999999999",
        *"...-_+ab#v ~ü",
        "alpha",
        "beta",
        "RC",
        "rc",
    ]
    parts += ["dev", "pl", "p", "x", ".0", "..", "-beta2", "rc1"]

    def word():
        return "".join(chance.choice(parts) for _ in range(chance.randint(0, 7)))

    pairs = [(one := word(), one[: chance.randint(0, 9)] + word()[:3]) for _ in range(10_000)]
    pairs += itertools.product(NASTY, NASTY)
    program = (
        "$o = []; foreach (json_decode(stream_get_contents(STDIN)) as $p) $o[] = version_compare(...$p);"
    )
    done = subprocess.run(
        ["php", "-r", f"{program} echo json_encode($o);"],
        input=json.dumps(pairs).encode(),
        capture_output=True,
        check=True,
    )
    wrong = [
        pair for pair, order in zip(pairs, json.loads(done.stdout), strict=True) if compare(*pair) != order
    ]
    assert wrong == []


def test_versions_sort_by_key():
    assert sorted(["1.10", "1.9", "1.9-beta", "1.9.1"], key=key) == ["1.9-beta", "1.9", "1.9.1", "1.10"]


@pytest.mark.parametrize(
    ("old", "new", "size"),
    [
        ("1.9", "2.0", Level.MAJOR),
        ("1.9", "1.10", Level.MINOR),
        ("1.9", "1.9.1", Level.PATCH),
        ("1.9.0.1", "1.9.0.2", Level.PATCH),
        ("1.9", "1.9-1", Level.PATCH),
        ("v1.9", "1.10", Level.MINOR),
        ("2024.11", "2025.1", Level.MAJOR),
        ("7", "8", Level.MAJOR),
    ],
)
def test_level_is_the_first_differing_part(old, new, size):
    assert level(old, new) is size


def test_new_wordpress_branch_is_major():
    assert core_level("6.5.5", "6.6") is Level.MAJOR
    assert core_level("6.5", "6.5.6") is Level.MINOR
    assert branch("6.5-RC1") == branch("6.5.2") == "6.5"
