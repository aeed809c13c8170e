"""Orders are stored as text: a thawed order equals the frozen one."""

from __future__ import annotations

import dataclasses
import json
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.load import freeze, thaw
from runner.model import (
    Action,
    Change,
    Client,
    Contact,
    Hold,
    Host,
    ItemKind,
    Limits,
    OnFailure,
    Order,
    Parallel,
    Playbook,
    Policy,
    Rule,
    SecretRef,
    SecretSource,
    Site,
    SitePlan,
    Step,
    UndoDatabase,
    UpdateRules,
    Updates,
)
from runner.steps import registry

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
times = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3660))
secrets = st.builds(SecretRef, st.sampled_from(SecretSource), words)
rules = st.builds(Rule, hold=st.booleans(), after=times)
update_rules = st.builds(
    UpdateRules, **dict.fromkeys(("major", "minor", "patch", "security"), st.none() | rules)
)
updates = st.builds(Updates, all=update_rules, items=st.dictionaries(words, update_rules))
holds = st.dictionaries(words, st.builds(Hold, words, st.dates()))
options = st.one_of(
    st.builds(
        registry()["shell"].options,
        run=words.filter(lambda text: text.strip() and "\0" not in text),
        env=st.dictionaries(st.sampled_from(["A", "B_1"]), words | secrets),
        changes=st.booleans(),
    ).map(lambda made: ("shell", made)),
    st.builds(
        registry()["wordpress.plugins"].options,
        update=st.sampled_from(["all", "none", "minor"]) | st.lists(words).map(tuple),
        exclude=st.lists(words).map(tuple),
    ).map(lambda made: ("wordpress.plugins", made)),
)
steps = st.builds(
    lambda made, **rest: Step(id=made[0], kind=made[0], options=made[1], **rest),
    options,
    name=words,
    tags=st.frozensets(words),
    when=st.none() | words,
    timeout=st.none() | times,
    retries=st.integers(0, 20),
    become=st.booleans(),
    on_failure=st.sampled_from(OnFailure),
)
sites = st.builds(
    Site,
    tags=st.frozensets(words),
    pages=st.lists(words).map(tuple),
    expect=st.none() | words,
    updates=updates,
    hold=holds,
)
hosts = st.builds(
    Host, name=words, address=words, port=st.none() | st.integers(1, 65535), password=st.none() | secrets
)
clients = st.builds(
    Client,
    id=words,
    name=words,
    contacts=st.lists(st.builds(Contact, words, words)).map(tuple),
    updates=updates,
    hold=holds,
)
changes = st.builds(
    Change,
    step=words,
    item=words,
    kind=st.sampled_from(ItemKind),
    from_version=words,
    to_version=words,
    action=st.sampled_from(Action),
)
plans = st.builds(SitePlan, site=words, client=words, changes=st.lists(changes, max_size=2).map(tuple))
orders = st.builds(
    Order,
    run=words,
    playbook=st.builds(Playbook, name=words, title=words, steps=st.lists(steps, max_size=4).map(tuple)),
    sites=st.lists(sites, max_size=3).map(tuple),
    rings=st.lists(st.lists(words).map(tuple)).map(tuple),
    hosts=st.dictionaries(words, hosts, max_size=3),
    clients=st.dictionaries(words, clients, max_size=3),
    policy=st.builds(
        Policy,
        updates=updates,
        hold=holds,
        security=st.dictionaries(words, words),
        ring_order=st.lists(words).map(tuple),
        undo_database=st.sampled_from(UndoDatabase),
        ring_failures=st.floats(0, 1),
        ring_soak=times,
    ),
    locked=st.none() | st.dictionaries(words, plans, max_size=2),
    limits=st.builds(Limits, look=times),
    parallel=st.builds(Parallel, sites=st.integers(1, 99)),
    variables=st.dictionaries(words, words | st.builds(SecretRef, st.sampled_from(SecretSource), words)),
    window=st.none() | words,
    closes=st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)


@settings(max_examples=60, deadline=None)
@given(orders)
def test_thawed_order_equals_the_frozen_one(order):
    thawed = thaw(freeze(order))
    assert thawed == order
    assert [type(step.options) for step in thawed.playbook.steps] == [
        type(step.options) for step in order.playbook.steps
    ]


def test_order_of_an_older_version_is_thawed_without_removed_settings():
    old = json.loads(freeze(big()))
    old["clients"]["c"] |= {"report": {"every": "month", "on": 1, "at": "08:00:00"}, "support": None}
    old["sites"][0] |= {"watch_every": "PT60S", "expires": "2027-03-01"}
    assert thaw(json.dumps(old)) == big()


def big() -> Order:
    kind = registry()["wordpress.plugins"]
    site = Site(
        name="s",
        client="c",
        host="h",
        url="https://a.example",
        path="/srv/a",
        tags=frozenset({"a", "b"}),
        updates=Updates(items={"woo": UpdateRules(minor=Rule(after=timedelta(days=7)))}),
        hold={"x": Hold("y", date(2027, 1, 1))},
    )
    return Order(
        run="r",
        playbook=Playbook(
            name="p",
            title="P",
            steps=tuple(Step(id=f"p-{n}", kind=kind.name, options=kind.options()) for n in range(20)),
        ),
        sites=tuple(dataclasses.replace(site, name=f"s{n}") for n in range(100)),
        rings=(tuple(f"s{n}" for n in range(100)),),
        hosts={f"h{n}": Host(name=f"h{n}", address="a.example") for n in range(100)},
        clients={"c": Client(id="c", name="C")},
    )


def test_order_of_a_hundred_sites_thaws_in_a_tenth_of_a_second():
    order = big()
    assert thaw(freeze(order)) == order
    started = time.process_time()
    thaw(freeze(order))
    assert time.process_time() - started < 0.1


def test_order_with_an_unknown_kind_of_step_is_refused():
    with pytest.raises(ValueError, match=r"wordpress\.plugins"):
        thaw(freeze(big()), kinds={})
