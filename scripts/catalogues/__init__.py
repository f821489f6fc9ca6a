"""Keep the catalogues of translations: ``python -m scripts.catalogues update|check``.

``update`` reads every text of the sources, writes it into each ``django.po`` and compiles the
``django.mo`` beside it. A translation whose text is unchanged is kept. One whose text is gone is
printed, so that it can be used for the text that took its place. A new language
(``update it``) gets a catalogue with all texts.

``check`` says what is wrong and changes nothing: texts without a translation, translations without
a text, placeholders that differ, wrong plural forms, and a ``django.mo`` that is not what its
``django.po`` says. It exits with 1 if it finds anything.

The kit has one set of catalogues, and the example site another. Neither has dates or line numbers,
so that a catalogue changes only where a text does.
"""

from __future__ import annotations
