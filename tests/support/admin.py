"""What tests of the admin ask of its pages."""

from __future__ import annotations

import re
from typing import Any

from django.urls import reverse


def url(model: Any, page: str, *args: Any) -> str:
    """The URL of a page of the admin: ``changelist``, ``add``, ``change`` …"""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def cells(response: Any, name: str) -> list[str]:
    """What stands in a column of the list, row by row."""
    text = response.content.decode()
    return re.findall(rf'<t[dh] class="field-{name}">(.*?)</t[dh]>', text, re.DOTALL)


def inputs(response: Any) -> list[str]:
    """The file inputs of a page."""
    return re.findall(r'<input type="file"[^>]*>', response.content.decode())


def run(client: Any, model: Any, action: str, rows: Any, **data: Any) -> Any:
    """Send an action of the list for these rows."""
    sent = {"action": action, "_selected_action": [row.pk for row in rows], **data}
    return client.post(url(model, "changelist"), sent)
