"""The channels of `crew` in sitecrew.yaml: messages for each of them, and how they are sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from runner.deliver import (
    CrewMail,
    RecipientResult,
    SendStatus,
    by_mail,
    by_webhook,
    mail_delivery,
    send_directly,
    webhook_delivery,
)
from runner.errors import Problem, SitecrewError
from runner.load import resolve
from runner.model import Webhook
from runner.notify import Notice, test_notice
from runner.notify.render import TemplateMistake, render_html, render_json, render_text
from runner.record import Channel, NewDelivery

if TYPE_CHECKING:
    from runner.deliver.attempt import Transport
    from runner.load import Workspace
    from runner.model import SecretRef

__all__ = ["Sent", "messages", "preview", "send_now", "template_problems", "transports"]


@dataclass(frozen=True, slots=True)
class Sent:
    """The result for one recipient."""

    channel: Channel
    to: str
    """An address, or the name of a webhook."""
    status: SendStatus
    reply: str

    def as_json(self) -> dict[str, object]:
        """One entry of `notify --test --json`."""
        return {"channel": self.channel, "to": self.to, "result": self.status, "reply": self.reply}


def messages(workspace: Workspace, notice: Notice, now: datetime) -> tuple[NewDelivery, ...]:
    """Return the notice for each channel; none if none is set."""
    settings = workspace.settings
    crew, agency = settings.crew, settings.agency.name
    found = []
    if settings.mail and crew.mail:
        text, html = render_text(notice, agency), render_html(notice, agency)
        content = CrewMail(
            addresses=crew.mail, subject=notice.subject, text=text, html=html, sender_name=agency
        )
        found.append(mail_delivery(settings.mail, notice.topic, content, now))
    found += [
        webhook_delivery(one.name, notice.topic, notice.subject, _json(notice, one, agency))
        for one in crew.webhooks
    ]
    return tuple(found)


def _json(notice: Notice, webhook: Webhook, agency: str) -> bytes:
    """Return the notice for a webhook; if its template has a mistake, only the subject and the mistake."""
    try:
        return render_json(notice, webhook, agency)
    except TemplateMistake as mistake:
        return json.dumps({"text": f"{notice.subject} ({mistake})"}).encode()


def transports(workspace: Workspace) -> Mapping[Channel, Transport]:
    """Return how messages are sent. Secrets are resolved right before."""
    settings, secret = workspace.settings, partial(_secret, workspace)
    webhooks = {one.name: one for one in settings.crew.webhooks}
    found: dict[Channel, Transport] = {Channel.WEBHOOK: by_webhook(webhooks, secret)}
    if mail := settings.mail:
        found[Channel.MAIL] = by_mail(mail, lambda: secret(mail.password) if mail.password else None)
    return found


def _secret(workspace: Workspace, ref: SecretRef) -> str:
    return resolve(ref, base=workspace.folder)


def send_now(workspace: Workspace, notice: Notice, now: datetime) -> Iterator[Sent]:
    """Send a notice on every channel without recording it; yield the results."""
    ways = transports(workspace)
    for new in messages(workspace, notice, now):
        try:
            results = send_directly(new, ways[new.channel])
        except SitecrewError as error:
            results = {
                one.address: RecipientResult(SendStatus.LATER, error.with_hint) for one in new.recipients
            }
        for address, result in results.items():
            yield Sent(new.channel, address, result.status, result.reply)


def preview(workspace: Workspace, notice: Notice) -> Iterator[tuple[str, str]]:
    """Yield the name of each channel and the notice as it is rendered for it.

    Raises:
        TemplateMistake: the template of a webhook has a mistake.
    """
    crew, agency = workspace.settings.crew, workspace.settings.agency.name
    if crew.mail or not crew.webhooks:
        yield "mail", render_text(notice, agency)
    for one in crew.webhooks:
        document = json.loads(render_json(notice, one, agency))
        yield one.name, json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def template_problems(workspace: Workspace, now: datetime) -> tuple[Problem, ...]:
    """Return the mistakes in the workspace's own templates, which are rendered with an example."""
    found = []
    for one in workspace.settings.crew.webhooks:
        if one.template is None:
            continue
        try:
            render_json(test_notice(now), one, workspace.settings.agency.name)
        except TemplateMistake as mistake:
            inside = one.template.is_relative_to(workspace.folder)
            file = one.template.relative_to(workspace.folder) if inside else one.template
            where = f"crew.webhooks.{one.name}.template"
            found.append(Problem(str(file), mistake.line, 1, where, str(mistake), mistake.hint))
    return tuple(found)
