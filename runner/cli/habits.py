"""Commands and options that people know from other programs, and what to type instead."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["INSTEAD_OF_COMMANDS", "INSTEAD_OF_OPTIONS"]

_RUN = "sitecrew run PLAYBOOK"
_PASSWORDS = "`become_password` of the host, a reference such as {env: NAME}"
_KEYS = "an SSH key: `identity_file` of the host, or an agent"
_SECRETS = "references for secrets: {env: NAME}, {file: PATH} or {command: CMD}"
_WORKSPACE = "`sitecrew -w DIR COMMAND`: the inventory is the workspace's"
_EXEC = "`sitecrew exec -l SELECTOR -- COMMAND`"

INSTEAD_OF_COMMANDS: Mapping[str, str] = {
    # Ansible and pyinfra
    "ansible-playbook": f"`{_RUN}`",
    "playbook": f"`{_RUN}`",
    "ad-hoc": _EXEC,
    "shell": _EXEC,
    "ssh": _EXEC,
    "all": "`sitecrew exec -l all -- COMMAND`",
    "ping": "`sitecrew doctor`",
    "setup": "`sitecrew facts SITE`",
    "inventory": "`sitecrew list sites` or `sitecrew list hosts`",
    "vault": _SECRETS,
    "galaxy": "`sitecrew list steps`",
    "lint": "`sitecrew validate`",
    "syntax-check": "`sitecrew validate`",
    # restic and borgmatic
    "snapshots": "`sitecrew backup list SITE`",
    "create": f"`{_RUN}` with a playbook that has the step `backup`",
    "config": "`sitecrew validate`",
    # WP-CLI and the dashboards
    "update": f"`sitecrew plan PLAYBOOK`, then `{_RUN}`",
    "upgrade": f"`sitecrew plan PLAYBOOK`, then `{_RUN}`",
    "core": f"`{_RUN}` with a playbook that has the step `wordpress.core`",
    "plugin": f"`{_RUN}` with a playbook that has the step `wordpress.plugins`",
    "theme": f"`{_RUN}` with a playbook that has the step `wordpress.themes`",
    "rollback": "`sitecrew undo RUN`",
    "revert": "`sitecrew undo RUN`",
    # habits of the shell and of other programs
    "apply": f"`{_RUN}`",
    "deploy": f"`{_RUN}` with a playbook that has the step `static.release`",
    "start": f"`{_RUN}` for one run, `sitecrew serve` for the scheduler",
    "daemon": "`sitecrew serve`",
    "cron": "`sitecrew tick`",
    "check": "`sitecrew validate` for files, `sitecrew doctor` for hosts",
    "test": "`sitecrew validate` for files, `sitecrew doctor` for hosts",
    "status": "`sitecrew list runs` or `sitecrew show`",
    "history": "`sitecrew list runs`",
    "runs": "`sitecrew list runs`",
    "sites": "`sitecrew list sites`",
    "hosts": "`sitecrew list hosts`",
    "clients": "`sitecrew list clients`",
    "holds": "`sitecrew list holds`",
    "ls": "`sitecrew list sites`",
    "log": "`sitecrew logs`",
    "stop": "`sitecrew cancel RUN`",
    "abort": "`sitecrew cancel RUN`",
    "continue": "`sitecrew resume RUN`",
    "retry": "`sitecrew run PLAYBOOK -l @failed`",
    "mail": "`sitecrew report CLIENT --send`",
    "send": "`sitecrew report CLIENT --send`",
    "man": "`sitecrew docs`",
    "version": "`sitecrew --version`",
}
"""What to type instead of a command."""

INSTEAD_OF_OPTIONS: Mapping[str, str] = {
    "-i": _WORKSPACE,
    "--inventory": _WORKSPACE,
    "-K": _PASSWORDS,
    "--ask-become-pass": _PASSWORDS,
    "-k": _KEYS,
    "--ask-pass": _KEYS,
    "--private-key": _KEYS,
    "--user": "`user` of the host",
    "--become": "`become: true` on the step, and `become: sudo` on the host",
    "--become-user": "`user` of the host; `become: true` is root",
    "--extra-vars": "`-e`",
    "--list-hosts": "`--list-sites`",
    "--list-tasks": "`--list-steps`",
    "--start-at-task": "`--start-at`",
    "--step": "`--confirm`",
    "--syntax-check": "`sitecrew validate`",
    "--ask-vault-pass": _SECRETS,
    "--module-name": _EXEC,
    "-m": _EXEC,
    "--debug": "`-v`",
}
"""What to do instead of an option."""
