"""The HTML of the widget ``AvatarInput``, for tests that compare it whole."""

from __future__ import annotations

import re

#: Two thirds of the HTML are the same in every state.
EDITOR = (
    '<span class="avatar-kit-editor" data-part="editor" hidden>\n'
    '<span class="avatar-kit-stage" data-part="stage" role="application" tabindex="0" '
    'aria-label="Part of the picture: move it with the arrow keys, zoom with plus and minus">'
    '<span class="avatar-kit-mask"></span></span>\n'
    '<span class="avatar-kit-controls" role="group" aria-label="Zoom and position">\n'
    '<button type="button" data-action="out" aria-label="Zoom out">\N{MINUS SIGN}</button>\n'
    '<input type="range" data-part="zoom" min="0" max="100" step="1" value="0" '
    'aria-label="Zoom">\n'
    '<button type="button" data-action="in" aria-label="Zoom in">+</button>\n'
    '<span class="avatar-kit-moves">\n'
    '<button type="button" data-action="left" aria-label="Move the picture left">←</button>\n'
    '<button type="button" data-action="up" aria-label="Move the picture up">↑</button>\n'
    '<button type="button" data-action="down" aria-label="Move the picture down">↓</button>\n'
    '<button type="button" data-action="right" aria-label="Move the picture right">→</button>\n'
    "</span>\n</span>\n</span>\n"
    '<span class="avatar-kit-progress" data-part="progress" hidden>'
    '<progress max="100" value="0" aria-label="Upload"></progress>\n'
    '<button type="button" data-action="cancel">Cancel</button></span>\n'
    '<span class="avatar-kit-error" data-part="error" role="alert"></span>\n'
    '<span class="avatar-kit-status" data-part="status" role="status"></span>\n'
)
FORMATS = "JPEG, PNG, WebP, GIF or AVIF"


def without_data(html: str) -> str:
    """Without the values of the attributes that the script reads, and without margins of lines."""
    return re.sub(r'(data-(?:limits|texts|master)=)"[^"]*"', r'\1"…"', html)


def widget(
    picture: str,
    file: str,
    *,
    name: str = "avatar",
    identity: str = "id_avatar",
    initial: bool = False,
    clear: str = "",
    crop: str = "",
    disabled: str = "",
    formats: str = FORMATS,
) -> str:
    """The whole HTML. ``file`` are the attributes of the file input, ``clear`` the checkbox."""
    remove = (
        '<button type="button" class="avatar-kit-danger" data-action="remove" hidden>Remove '
        f'picture</button>\n<span class="avatar-kit-clear" data-part="clear">{clear}</span>\n'
    )
    return (
        '<avatar-input class="avatar-kit-input" data-limits="…" data-texts="…" data-master="…">\n'
        '<span class="avatar-kit-rest">\n'
        f'<span class="avatar-kit-current" data-part="current">{picture}</span>\n'
        '<span class="avatar-kit-preview" data-part="preview" hidden></span>\n'
        '<span class="avatar-kit-choice">\n<span class="avatar-kit-buttons">\n'
        '<span class="avatar-kit-choose"><span data-part="choose" hidden>'
        f"Choose {'another' if initial else 'a'} picture</span>\n"
        f'<input type="file" name="{name}" {file}></span>\n'
        '<button type="button" data-action="camera" hidden>Take a photo</button>\n'
        '<button type="button" data-action="adjust" hidden>Move and zoom</button>\n'
        f"{remove if clear else ''}"
        '<button type="button" data-action="undo" hidden>Undo</button>\n</span>\n'
        f'<span class="avatar-kit-hint" id="{identity}_hint">{formats}, at most 10.0\xa0MB.'
        '<span data-part="ways" hidden> You can also drop or paste it here.</span></span>\n'
        "</span>\n</span>\n"
        f'<input type="hidden" name="{name}-crop" value="{crop}" data-part="crop" '
        f'autocomplete="off"{disabled}>\n'
        f"{EDITOR}</avatar-input>"
    )
