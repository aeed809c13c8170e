"""Sites for tests of single steps: read, planned, run and read again."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from runner.model import Site, SiteFacts, SitePlan, Step
from runner.steps import Context, Result, Script, registry
from runner.steps.wordpress import facts_script, parse_facts
from runner.wporg import Wporg
from tests.steps.test_real_wordpress import MARK, Worker

FACTS = SiteFacts(wordpress="6.5.5", php="8.2.1", home="http://x.example", siteurl="http://x.example")


def published(fleet):
    """The releases of the fleet's fake wordpress.org, with an empty cache."""
    spec = fleet.spec
    base = f"http://{spec.services}:{spec.wporg_port}"
    return Wporg(Path(tempfile.mkdtemp(prefix="sitecrew-wporg-")), base)


@dataclass
class Someone(Worker):
    """A worker on any site of the fleet, including spare ones; `languages` are additional ones to query."""

    languages: tuple[str, ...] = ()
    address: str = ""

    @property
    def path(self):
        return self.fleet.spec.path(self.fleet.spec.site(self.name))

    @property
    def site(self):
        spec = self.fleet.spec.site(self.name)
        url = self.address or self.fleet.spec.url(spec)
        return Site(name=self.name, client=spec.client, host=spec.host, url=url, path=str(self.path))

    def facts(self, *, check_updates=True, shell="sh", site=None):
        asked = self.languages if check_updates else ()
        script = facts_script(
            site or self.site, self.host, MARK, check_updates=check_updates, languages=asked
        )
        done = self.run(script, shell)
        return parse_facts((done.stdout + done.stderr).decode(), MARK)

    def once(self, kind, shell="sh", **options):
        """Run a step that needs no plan; returns its outcome and its cleanup script."""
        word = registry()[kind]
        step = Step(id=kind, kind=kind, options=word.options(**options))
        plan = SitePlan(site=self.name, client="c")
        context = Context(
            site=self.site, host=self.host, plan=plan, mark=MARK, published=published(self.fleet)
        )
        done = self.run(word.script(step, context), shell)
        result = Result(status=done.returncode, seconds=1, output=(done.stdout + done.stderr).decode())
        return word.understand(step, result, context), Script(text=word.cleanup(step, context))

    def wp(self, *arguments, sub=""):
        """wp-cli; `sub` is the path of a network's site."""
        where = [f"--url={self.site.url}/{sub}"] if sub else []
        return self.fleet.wp(self.name, *arguments, *where).strip()


def understand(kind, output, status=0, **options):
    """The outcome of a step with this output."""
    word = registry()[kind]
    step = Step(id=kind, kind=kind, options=word.options(**options))
    context = Context(site=None, host=None, plan=SitePlan(site="x", client="c"), mark=MARK)
    return word.understand(step, Result(status=status, seconds=1, output=output), context)
