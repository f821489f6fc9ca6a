"""Reading the headers of AV1 and HEVC bit by bit."""

from __future__ import annotations


class Bits:
    """The bits of a header, from its start. Raises ``SyntaxError`` behind its end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def __call__(self, count: int = 1) -> int:
        self._left -= count
        if self._left < 0:
            raise SyntaxError("a header in a stream that ends too early")
        return self._value >> self._left & ((1 << count) - 1)

    def exp_golomb(self) -> int:
        """A number that is preceded by as many zeros as it has bits: ``ue(v)`` of HEVC."""
        zeros = 0
        while not self():
            zeros += 1
        return (1 << zeros) + self(zeros) - 1
