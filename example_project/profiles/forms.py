from __future__ import annotations

from django import forms

from .models import Profile


class ProfileForm(forms.ModelForm):
    """The words of a profile. Its picture has a page of its own, which the kit brings."""

    class Meta:
        model = Profile
        fields = ("display_name", "headline")
