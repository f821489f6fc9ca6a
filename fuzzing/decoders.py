"""Coverage-guided: atheris looks for uploads that take a way through the decoders not seen before.

A finding is an exception that is not one of the kit's, a decode that takes longer than
``TIMEOUT``, more memory than ``MEMORY``, or the end of the process. The coverage is that of the
kit's own code; of Pillow's codecs in C, it is not known.
"""

from __future__ import annotations

import io
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Seconds of one decode by the clock, and MiB of the process: an upload may take 256 by default.
TIMEOUT, MEMORY = 30, 1024
#: Pixels and bytes of a decode, far fewer than by default: more take longer and tell no more.
MOST_PIXELS, MOST_MEMORY = 1_000_000, 32 * 2**20
#: Bytes of an upload.
LONGEST = 32_768


def run(folder: Path, arguments: Sequence[str]) -> None:
    """Run until it is stopped, or by libFuzzer's own ``arguments``, such as -max_total_time=60.

    ``folder`` gets the corpus, which grows, and the findings.
    """
    import atheris

    os.environ["DJANGO_SETTINGS_MODULE"] = "fuzzing.settings"
    with atheris.instrument_imports(include=["django_avatar_kit.uploads"]):
        from django_avatar_kit.uploads import imaging
    import django

    django.setup()
    from django_avatar_kit.exceptions import UploadError
    from django_avatar_kit.formats import FORMATS
    from django_avatar_kit.specs import Limits, Spec
    from tests.support import corpus
    from tests.support.corpus import mutations

    limits = Limits(max_pixels=MOST_PIXELS, formats=tuple(FORMATS), max_memory=MOST_MEMORY)
    spec = Spec(
        sizes=(16,), formats=("webp",), quality={}, master_side=64, background=None, fit="cover"
    )
    seeds = mutations.seeds([case.data for case in corpus.everything()])

    def upload(data: bytes) -> None:
        try:
            picture = imaging.load(io.BytesIO(data), filename="upload", limits=limits, spec=spec)
        except UploadError:
            return
        imaging.squares(picture, spec)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.randint(0, 1):
            mutated: Any = atheris.Mutate(data, most)
            return mutations.with_checksums(bytes(mutated))[:most]
        return mutations.mutated(chance, data, chance.choice(seeds))[:most]

    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    (folder / "findings").mkdir(exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / "corpus" / f"seed-{number:04}").write_bytes(seed)
    flags = [
        f"-timeout={TIMEOUT}",
        f"-rss_limit_mb={MEMORY}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={folder / 'findings'}/",
        *arguments,
        str(folder / "corpus"),
    ]
    atheris.Setup([sys.argv[0], *flags], upload, custom_mutator=mutate)
    atheris.Fuzz()
