from __future__ import annotations

import subprocess
import time

import pytest

from runner.model import Outcome
from tests.steps.test_real_wordpress import MARK, SHELLS
from tests.steps.wordpress_sites import understand

KIND = "wordpress.maintenance"


def status(worker):
    command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", worker.site.url]
    return int(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.mark.parametrize("shell", SHELLS)
def test_site_is_closed_until_opened_again(bakery, shell):
    done, cleanup = bakery.once(KIND, shell)
    flag = bakery.path / ".maintenance"
    assert done.outcome is Outcome.CHANGED
    assert done.why.startswith("closed until ")
    assert abs(int(flag.read_text().split()[3].rstrip(";")) - time.time()) < 30
    assert status(bakery) == 503
    again, _ = bakery.once(KIND, shell)
    assert again.outcome is Outcome.CHANGED
    done, _ = bakery.once(KIND, shell, on=False)
    assert (done.outcome, status(bakery)) == (Outcome.CHANGED, 200)
    bakery.once(KIND, shell)
    for _ in range(2):
        assert bakery.run(cleanup, shell).returncode == 0
        assert (flag.exists(), status(bakery)) == (False, 200)
    assert bakery.once(KIND, shell, on=False)[0].why == "was not closed, or is open again"


def test_foreign_maintenance_file_is_not_changed(bakery):
    flag = bakery.path / ".maintenance"
    elsewhere = bakery.path.parent / "elsewhere"
    elsewhere.write_text(f"// sitecrew {MARK}")
    for make in (lambda: flag.write_text("<?php $upgrading = 1;"), lambda: flag.symlink_to(elsewhere)):
        make()
        for on in (True, False):
            done, cleanup = bakery.once(KIND, on=on)
            assert (done.outcome, done.why) == (
                Outcome.FAILED,
                "there is a .maintenance that Sitecrew did not create; it was not changed",
            )
            assert bakery.run(cleanup).returncode == 0
        assert flag.is_symlink() or flag.read_text() == "<?php $upgrading = 1;"
        flag.unlink()
    elsewhere.unlink()


def test_unwritable_folder_fails_with_reason(bakery):
    bakery.path.chmod(0o555)
    try:
        done, _ = bakery.once(KIND)
    finally:
        bakery.path.chmod(0o755)
    assert (done.outcome, done.why) == (
        Outcome.FAILED,
        "this login cannot write .maintenance in WordPress's folder",
    )


def test_unconfirmed_maintenance_fails():
    done = understand(KIND, f"\n{MARK} unconfirmed 1795419146\n")
    assert done.outcome is Outcome.FAILED
    assert understand(KIND, f"\n{MARK} problem no-php\n", status=3).why == "the host has no php"
    assert understand(KIND, "sh: printf: not found", status=2).why == "sh: printf: not found"
