"""Keys that people know from Ansible, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["HOST_KEYS", "PLAYBOOK_KEYS", "STEPS", "STEP_KEYS", "is_expression"]

_LIST_STEPS = "list the steps below `steps:`"
_SECRETS = "write a secret as a reference: {env: NAME}, {file: PATH} or {command: CMD}"

PLAYBOOK_KEYS: Mapping[str, str] = {
    "hosts": "select sites when you run it: `sitecrew run PLAYBOOK -l SELECTOR`",
    "tasks": _LIST_STEPS,
    "pre_tasks": _LIST_STEPS,
    "post_tasks": _LIST_STEPS,
    "roles": f"there are no roles: {_LIST_STEPS}",
    "handlers": "there are no handlers: write the step after the one that it follows",
    "become": "set `become: true` on each step that needs it, and `become: sudo` on the host",
    "vars": "there are no variables in playbooks: `shell` takes values in `env`",
    "vars_files": _SECRETS,
    "gather_facts": "remove it: facts are read when a step needs them",
    "serial": "use `rings` of a window, and `parallel` in sitecrew.yaml",
    "strategy": "remove it: sites run in parallel, see `parallel` in sitecrew.yaml",
    "any_errors_fatal": "use `policy.rings.failures` in sitecrew.yaml",
    "remote_user": "set `user` on the host",
}
"""Keys at the top of a playbook."""

STEP_KEYS: Mapping[str, str] = {
    "register": "steps do not share values; `sitecrew logs` prints the output of a step",
    "with_items": "write one step for each item; every step runs once per site",
    "loop": "write one step for each item; every step runs once per site",
    "ignore_errors": "use `on_failure: continue`",
    "failed_when": "end the shell text with the exit status that you need",
    "changed_when": "use `shell: {run: ..., changes: true}`",
    "notify": "write the step after the one that it follows",
    "listen": "write the step after the one that it follows",
    "delegate_to": "remove it: a step runs on the host of its site",
    "run_once": "select one site with `when`",
    "become_user": "set `user` on the host; `become: true` is root",
    "become_method": "set `become` on the host",
    "environment": "use `shell: {run: ..., env: {NAME: VALUE}}`",
    "block": "there are no blocks: list the steps one by one",
    "rescue": "use `on_failure`; updates that break a site are rolled back by themselves",
    "always": "use `on_failure: continue` on the steps before",
    "until": "use `retries`",
    "delay": "use `retries`; the wait doubles from 1 s to 10 s",
    "async": "remove it: steps keep running on the host if the connection is lost; `timeout` limits them",
    "poll": "remove it: steps keep running on the host if the connection is lost; `timeout` limits them",
    "no_log": f"remove it; secrets by reference are redacted. {_SECRETS[0].upper()}{_SECRETS[1:]}",
    "args": "write the options below the step",
    "vars": "use `shell: {run: ..., env: {NAME: VALUE}}`",
}
"""Keys beside a step."""

_PACKAGES = "use `system.packages`, such as `system.packages: {upgrade: security}`"
_FILES = "use `files.sync` for a folder, or `static.release` for a whole site"
_WORDPRESS = "use `wordpress.plugins`, `wordpress.themes` or `wordpress.core`"
_SERVICE = "use `shell: systemctl reload NAME` with `become: true`"

STEPS: Mapping[str, str] = {
    **dict.fromkeys(("command", "raw", "script", "cmd", "run"), "use `shell`"),
    **dict.fromkeys(("apt", "yum", "dnf", "package", "pip"), _PACKAGES),
    **dict.fromkeys(("copy", "synchronize", "template", "unarchive", "rsync"), _FILES),
    **dict.fromkeys(("service", "systemd", "systemd_service"), _SERVICE),
    **dict.fromkeys(("wp", "wp_cli", "wpcli", "wordpress"), _WORDPRESS),
    "uri": "use `probe.http`",
    "git": "use `static.build` and `static.release`, or `shell: git pull`",
    "reboot": "use `system.packages: {reboot: when-needed}`",
    "debug": "use `shell: echo TEXT`; `sitecrew logs` prints the output",
    "include_tasks": "list the steps one by one",
    "import_tasks": "list the steps one by one",
}
"""Modules, without the name of their collection."""

HOST_KEYS: Mapping[str, str] = {
    "ansible_host": "use `address`",
    "ansible_port": "use `port`",
    "ansible_user": "use `user`",
    "ansible_ssh_private_key_file": "use `identity_file`",
    "ansible_become": "use `become: sudo`",
    "ansible_become_password": "use `become_password`, as a reference such as {env: NAME}",
    "ansible_become_pass": "use `become_password`, as a reference such as {env: NAME}",
    "ansible_password": "logins use keys: see `identity_file`",
    "ansible_ssh_pass": "logins use keys: see `identity_file`",
    "ansible_ssh_common_args": "use `gateway`, or set options in ~/.ssh/config",
    "ansible_python_interpreter": "remove it: hosts need no Python",
    "ansible_connection": "remove it: hosts are reached over SSH",
}
"""Variables of a host."""

_EXPRESSION = re.compile(r"[=<>!]=|(?:^|\s)(?:and|or|not|is|in)\s|ansible_|\{\{")


def is_expression(term: str) -> bool:
    """Return whether a selector looks like an expression of a template language."""
    return bool(_EXPRESSION.search(term))
