"""The restore point of WordPress itself: its two folders and root files are exchanged by renames.

If a folder cannot be renamed, the restore point is a copy. The progress of an exchange can be read from which
files exist, so an exchange interrupted at any moment can be completed, by shell text that needs no PHP.
"""

from __future__ import annotations

from runner.model import SiteFacts
from runner.shell import word, words
from runner.steps.base import Context, Guard, Script
from runner.steps.wordpress.guard import BEGIN, active_plugins, restore_point, site_check
from runner.steps.wordpress.ownership import alike
from runner.steps.wordpress.pinned import PUT_BACK
from runner.steps.wordpress.shell import (
    host_script,
    php_source,
    plain_program,
    program,
    shell_source,
    site_script,
)

__all__ = ["core_guard", "exchange", "place"]

_PATHS = r"""
export SITECREW_ROOT="$root" SITECREW_KEPT="$kept"
"""
_SAVE = r"""
echo 'Require all denied' >"$kept/.htaccess"
note root "$root" && note wp-includes "$root/wp-includes" && note wp-admin "$root/wp-admin" || exit 1
"""
_EXCHANGE = """
exchange_core() {{
  SITECREW_IN=$1 SITECREW_OUT=$2 SITECREW_FILES=$3 SITECREW_GONE=$4
  export SITECREW_IN SITECREW_OUT SITECREW_FILES SITECREW_GONE
{program}
}}
"""
_TIDY = """
rm -rf "$kept/package" "$kept/new" "$kept/bad" "$kept/files" "$kept/gate" "$kept/copy.part"
if [ -e "$kept/lock" ]; then (
{unlock}
) >/dev/null 2>&1; fi
"""


def core_guard(context: Context, tag: str) -> Guard | None:
    """The restore point of WordPress; None if there is nothing to change."""
    facts = context.before
    if facts is None or not context.plan.changes:
        return None
    site, host, mark = context.site, context.host, context.mark
    paths = place(facts, tag)
    restore = shell_source("core_restore")
    bare = f"{paths}php=${{php:-$(find_php)}}\n{exchange(mark)}{PUT_BACK}{alike(mark)}{restore}"
    copy = f"{alike(mark)}{shell_source('core_copy')}" if facts.core_fixed else ""
    quiet = "--skip-plugins --skip-themes "
    activate = program("core_lock", mark, active_plugins(facts), quiet, parts=("core_back", "active"))
    unlock = site_script(site, host, mark, f"{paths}{program('core_lock', mark, {}, quiet)}").text
    files = host_script(host, f"{bare}back")
    rest = site_script(site, host, mark, paths + activate).text
    return Guard(
        save=Script(text=host_script(host, paths + BEGIN + _SAVE + _extensions(facts) + copy)),
        # restores the files even if no PHP is found; the rest needs PHP
        undo=Script(text=f"{files}back=$?\n{rest}[ $back -eq 0 ]\n"),
        settle=Script(text=host_script(host, f'{bare}[ ! -e "$kept/begun" ] || [ -e "$kept/done" ] || back')),
        check=site_check(context),
        tidy=paths + _TIDY.format(unlock=unlock),
    )


def _extensions(facts: SiteFacts) -> str:
    plugins = facts.plugins_folder or f"{facts.content_folder}/plugins"
    themes = facts.themes_folder or f"{facts.content_folder}/themes"
    return f"{words('note', 'plugins', plugins)}\n{words('note', 'themes', themes)}\n"


def place(facts: SiteFacts, tag: str) -> str:
    """Shell text that sets `$root`, and `$kept` to the restore point, on the same file system as the site."""
    root = facts.root_folder
    return f"root={word(root)}\n{restore_point(root, tag)}{_PATHS}"


def exchange(mark: str) -> str:
    """The shell function `exchange_core IN OUT FILES GONE`; see `exchange.php`."""
    return _EXCHANGE.format(
        program=plain_program("exchange", mark, {"gate": php_source("gate")}, parts=("ownership",))
    )
