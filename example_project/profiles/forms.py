from __future__ import annotations

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from .models import Profile


class FocusOnMistake:
    """A form that, shown again, begins where something has to be mended.

    The template shows errors that belong to no field above the fields, and focuses them itself.
    """

    def full_clean(self) -> None:
        super().full_clean()
        wrong = [name for name in self.fields if name in self.errors]
        if wrong:
            for name, field in self.fields.items():
                field.widget.attrs.pop("autofocus", None)
                if name == wrong[0]:
                    field.widget.attrs["autofocus"] = True


class ProfileForm(FocusOnMistake, forms.ModelForm):
    """The words of a profile. Its picture has a page of its own, which the kit brings."""

    class Meta:
        model = Profile
        fields = ("display_name", "headline")
        labels = {"display_name": _("Your name")}


class LogInForm(FocusOnMistake, AuthenticationForm):
    """Django's, with the focus on what was wrong."""
