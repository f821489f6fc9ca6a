"""From a social account to the avatar of its user."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from django.db import transaction

from ...downloads import DownloadRules, download, own_avatar
from ...exceptions import AvatarError, AvatarReplaced
from ...forms import time_stamps
from ...rendering import has_avatar
from ..gallery.base import PictureBase

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialAccount

__all__ = ["picture_url", "take_picture"]

logger = logging.getLogger(__name__)

#: The person waits for it while they log in.
RULES = DownloadRules(timeout=3)
#: Google names a picture of 96 px, and has the same one in any size.
_GOOGLE = re.compile(r"(https://[\w.-]+\.googleusercontent\.com/.*=s)\d+(-c)?")


def receive(sender: Any, sociallogin: Any = None, **_kwargs: Any) -> None:
    """Of a sign-up, or of an account that was connected: take its picture after the commit."""
    if sociallogin is None:
        # Somebody signed up with a password.
        return

    def take() -> None:
        try:
            take_picture(sociallogin.account)
        except AvatarError as error:
            logger.warning("The picture of a social account was not taken: %s", error)

    # Not before: no transaction stays open for as long as another server takes. And robust: no
    # error keeps the person from logging in; Django logs it.
    transaction.on_commit(take, using=sociallogin.account._state.db, robust=True)


def take_picture(account: SocialAccount, rules: DownloadRules = RULES) -> bool:
    """Make the picture of a social account the avatar of its user, if they have none.

    Returns whether the picture was taken. An avatar that is there stays. If the user chooses one
    while the picture is on its way, that one stays, and this raises
    :class:`~django_avatar_kit.exceptions.AvatarReplaced`. A profile that does not exist is made.
    Raises what ``save_from_url()`` raises.
    """
    if not (url := picture_url(account)):
        return False
    avatar = own_avatar(account.user)
    if has_avatar(avatar):
        return False
    url = _GOOGLE.sub(rf"\g<1>{max(avatar.field.spec.sizes)}\g<2>", url)
    upload = download(url, rules)
    # Not before: a picture that does not arrive leaves no empty profile.
    avatar = own_avatar(account.user, upload)
    row, name = avatar.instance, avatar.field.name
    avatar.save(str(upload.name), upload, save=False, replace=False)
    if not row._state.adding:
        row.save(update_fields=[name, *time_stamps(row)])
        return True
    # The first picture of a gallery. There is no row that could tell whether it still is.
    user = type(account.user)._base_manager.get(pk=account.user.pk)
    if has_avatar(own_avatar(user)):
        raise AvatarReplaced
    if isinstance(row, PictureBase):
        # Not as the one to show: another may be added while the files of this one are written.
        row = type(row)(**{"owner": user, name: avatar})
    row.save()
    return True


def picture_url(account: SocialAccount) -> str:
    """Where the provider has the picture; "" where it has none, or does not say."""
    claims = account.extra_data.get("userinfo") or account.extra_data
    # Allauth does not know the second, which OpenID Connect has.
    url = account.get_avatar_url() or claims.get("picture")
    return url if isinstance(url, str) else ""
