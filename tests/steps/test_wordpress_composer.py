from __future__ import annotations

from dataclasses import replace

import pytest

from runner.model import Action, Extension, Package, SiteFacts, Step
from runner.steps import registry
from runner.steps.wordpress import parse_composer, with_said
from runner.steps.wordpress.composer import Commit, ComposerOptions
from runner.steps.wordpress.composer_said import composer_reason

MARK = "0123456789abcdef"
PROJECT = "/srv/shop"
LINE = "to update it: cd /srv/shop && composer require wpackagist-plugin/forms"


def package(slug, constraint="^1.0", version="1.0", **more):
    name = more.pop("name", f"wpackagist-plugin/{slug}")
    folder = f"{PROJECT}/web/app/plugins/{slug}"
    about = {"part": "plugin", "installed": version, "folder": folder, **more}
    return Package(name=name, slug=slug, version=version, constraint=constraint, **about)


CORE = package(
    "core",
    "6.5.4",
    "6.5.4",
    name="roots/wordpress-no-content",
    through="roots/wordpress",
    part="core",
    folder=f"{PROJECT}/web/wp",
)
FACTS = SiteFacts(
    wordpress="6.5.4",
    php="8.2.1",
    home="http://x.example",
    siteurl="http://x.example/wp",
    project=PROJECT,
    vendor=f"{PROJECT}/vendor",
    composer_asked=True,
    plugins=(Extension(slug="forms", title="Forms", version="1.0", file="forms/forms.php", active=True),),
)


def propose(facts, **options):
    step = Step(id="s", kind="wordpress.composer", options=ComposerOptions(**options))
    return registry()["wordpress.composer"].propose(step, facts)


def told(facts, **options):
    return [(c.item, c.to_version, c.action.value, c.why) for c in propose(facts, **options)]


def with_packages(*packages, **more):
    return replace(FACTS, packages=packages, **more)


def test_package_goes_to_newest_allowed_version():
    (change,) = propose(with_packages(package("forms", allowed="1.2", latest="2.0")))
    assert (change.item, change.to_version, change.action) == ("forms", "1.2", Action.CHANGE)
    assert (change.title, change.file, change.active) == ("Forms", "forms/forms.php", True)
    assert change.note == "2.0 is available, but composer.json requires ^1.0"
    assert propose(with_packages(package("forms"))) == ()


def test_only_exact_requirements_are_raised():
    assert told(with_packages(package("forms", "1.0", latest="2.0"))) == [("forms", "2.0", "change", "")]
    assert told(with_packages(package("forms", latest="2.0"))) == [
        (
            "forms",
            "2.0",
            "hold",
            f"composer.json requires ^1.0, which excludes 2.0; {LINE}:2.0",
        )
    ]


def test_core_goes_to_newest_of_branch_and_lists_newer():
    core = replace(CORE, latest="6.6", versions=("6.6", "6.6-RC1", "6.5.5", "6.5.4", "dev-main"))
    found = propose(with_packages(core))
    assert [(c.item, c.to_version, c.action) for c in found] == [
        ("core", "6.5.5", Action.CHANGE),
        ("core", "6.6", Action.CHANGE),
    ]
    assert told(with_packages(core), update="minor")[1] == (
        "core",
        "6.6",
        "skip",
        "a major update; this step installs `minor` updates only",
    )


def test_names_are_slugs_or_packages():
    facts = with_packages(package("forms", allowed="1.1"), package("maps", allowed="1.1"))
    assert told(facts, update=("wpackagist-plugin/maps", "gone")) == [
        ("maps", "1.1", "change", ""),
        ("gone", "", "skip", "Composer does not manage this package for the site"),
    ]
    assert told(facts, exclude=("forms",))[0] == ("forms", "1.1", "skip", "left out by `except`")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"project_fixed": "/srv/shop/composer.lock"}, "this login cannot write to /srv/shop/composer.lock"),
        ({"maintenance": True}, "the site is already in maintenance mode (.maintenance)"),
        ({"crippled": "it is dead"}, "the site was unhealthy before the update: it is dead"),
    ],
)
def test_held_package_shows_the_command(more, why):
    (change,) = propose(with_packages(package("forms", allowed="1.1"), **more))
    assert change.action is Action.HOLD
    assert change.why == f"{why}; {LINE}:1.1"


def test_package_that_differs_from_lock_is_held():
    (change,) = propose(with_packages(package("forms", allowed="1.1", installed="0.9")))
    assert change.why.startswith("0.9 is installed, but composer.lock says 1.0; to update it: ")
    (change,) = propose(with_packages(package("forms", "dev-main", "dev-main", latest="dev-main")))[:1] or (
        None,
    )
    assert change is None


def test_offers_are_held_without_composer():
    plugins = (replace(FACTS.plugins[0], offered="1.1"),)
    facts = with_packages(
        package("forms"), plugins=plugins, composer_asked=False, composer_hold="Composer was not found"
    )
    assert told(facts) == [
        ("composer", "", "hold", "Composer was not found"),
        (
            "forms",
            "1.1",
            "hold",
            f"Composer was not found; {LINE}:1.1",
        ),
    ]
    facts = replace(facts, composer_hold="", composer_problem="no network", plugins=())
    assert told(facts) == [("composer", "", "unknown", "no network")]
    why = "no composer.lock lists WordPress packages for this site"
    assert told(FACTS) == [("composer", "", "skip", why)]


def test_dirty_lock_file_holds_only_with_commit():
    facts = with_packages(package("forms", allowed="1.1"), commit_problem="composer.lock is changed")
    assert propose(facts)[0].action is Action.CHANGE
    why = propose(facts, commit=Commit(message="x"))[0].why
    assert why.startswith("composer.lock is changed; to update it: ")


def answer(**parts):
    lines = {"version": "Composer version 2.5.5 2023", "validate": "", "allowed": "", "latest": "{}", **parts}
    return "".join(f"\n{MARK} {name}\n{text}\n{MARK} ended 0\n" for name, text in lines.items())


def test_composer_output_is_parsed():
    text = answer(
        allowed="Lock file operations: 0 installs, 1 update, 0 removals\n"
        "  - Upgrading wpackagist-plugin/forms (1.0 => 1.1)\n  - Upgrading x/dev (dev-main a => dev-main b)",
        latest='{"locked":[{"name":"wpackagist-plugin/forms","latest":"2.0","latest-status":"update-possible"},'
        '{"name":"x/y","latest":"1.0","latest-status":"up-to-date"},{"name":5}]}',
        versions='{"versions":["6.6","6.5.5","$(evil)"]}',
    )
    said = parse_composer(text, MARK, PROJECT)
    assert (said.hold, said.problem, said.allowed) == ("", "", {"wpackagist-plugin/forms": "1.1"})
    assert said.latest == {"wpackagist-plugin/forms": "2.0"}
    assert said.versions == ("6.6", "6.5.5")
    facts = with_said(with_packages(package("forms"), CORE), said)
    assert [(one.allowed, one.latest, one.versions) for one in facts.packages] == [
        ("1.1", "2.0", ()),
        ("", "", ("6.6", "6.5.5")),
    ]


def test_composer_problems_are_reported():
    assert "apt install composer" in parse_composer(f"\n{MARK} no-composer\n", MARK, PROJECT).hold
    assert "2.0 is required" in parse_composer(answer(version="Composer version 1.10.26"), MARK, PROJECT).hold
    stale = answer(validate="- The lock file is not up to date with the latest changes in composer.json")
    assert "cd /srv/shop && composer update --lock" in parse_composer(stale, MARK, PROJECT).hold
    cut = answer().replace("ended 0", "ended 1")
    assert parse_composer(cut, MARK, PROJECT).problem.startswith("Composer could not list newer versions")
    assert not parse_composer("", MARK, PROJECT).allowed


def test_cached_composer_answer_is_rejected():
    stale = (
        "http://x.example could not be fully loaded (it answers 503), package information "
        "was loaded from the local cache and may be out of date\n  - Upgrading x/forms (1.0 => 1.1)"
    )
    said = parse_composer(answer(allowed=stale), MARK, PROJECT)
    assert said.problem.startswith(
        "Composer could not list newer versions: http://x.example could not be fully"
    )
    assert not said.allowed


def test_composer_reason_has_no_credentials():
    text = (
        "Loading composer repositories with package information\n\nIn CurlDownloader.php line 378:\n"
        "                                       \n"
        "  curl error 7 while downloading https://me:secret@repo.example/p.json?key=abc: refused  \n"
        "                                       \n\nupdate [--with WITH]\n"
    )
    found = composer_reason(text)
    assert found.startswith("curl error 7 while downloading https://repo.example/p.json")
    assert "secret" not in found
    assert "abc" not in found


def test_commit_message_is_one_line():
    with pytest.raises(ValueError, match="one line"):
        Commit(message="a\nb")
