from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.steps.wordpress_sites import Someone

SHELLS = {"dash": ["dash"], "bash": ["bash"], "busybox": ["busybox", "ash"]}


@pytest.fixture(params=SHELLS)
def shell(request, tmp_path_factory):
    """Return a function that runs shell text. With busybox, PATH has no other programs."""
    env = dict(os.environ)
    command = [shutil.which(SHELLS[request.param][0]), *SHELLS[request.param][1:]]
    if request.param == "busybox":
        bin_ = tmp_path_factory.mktemp("bin")
        subprocess.run([command[0], "--install", "-s", bin_], check=True)
        env["PATH"] = str(bin_)

    def run(text, *, stdin=b""):
        path = tmp_path_factory.mktemp("text") / "text"
        path.write_bytes(text.encode(errors="surrogateescape"))
        return subprocess.run(
            [*command, path], input=stdin, capture_output=True, check=False, env=env, timeout=60
        )

    return run


@pytest.fixture
def network(fleet):
    """A network of four sites in its initial state; only it and the offers of wordpress.org are reset."""
    fleet.need("globex-network")
    yield Someone(fleet, "globex-network")
    fleet.catalogue.reset()


@pytest.fixture
def bakery(fleet):
    """The bakery's shop in its initial state; only it is reset."""
    fleet.reset("acme-shop")
    yield Someone(fleet, "acme-shop")
    fleet.reset("acme-shop")
    fleet.catalogue.reset()
