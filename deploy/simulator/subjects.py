"""A few things a prompt may name stand in the foreground of its picture."""

from collections.abc import Callable, Mapping

from PIL import ImageDraw

Colour = tuple[int, int, int]
# Draws at (x, y), the middle of the foot, in units of `unit` pixels.
Subject = Callable[[ImageDraw.ImageDraw, float, float, float, Colour], None]


def cat(pen: ImageDraw.ImageDraw, x: float, y: float, unit: float, colour: Colour) -> None:
    def oval(left: float, top: float, right: float, bottom: float) -> None:
        pen.ellipse((x + left * unit, y + top * unit, x + right * unit, y + bottom * unit), fill=colour)

    def ear(left: float, tip: float, right: float) -> None:
        pen.polygon(
            [(x + left * unit, y - 4.3 * unit), (x + tip * unit, y - 5.9 * unit), (x + right * unit, y - 4.6 * unit)],
            fill=colour,
        )

    oval(-1.35, -2.6, 1.35, 0.5)
    oval(-1.0, -3.9, 1.0, -0.6)
    oval(-0.95, -5.1, 0.95, -3.3)
    ear(-0.95, -0.85, -0.1)
    ear(0.95, 0.85, 0.1)
    box = (x + 0.7 * unit, y - 1.6 * unit, x + 3.1 * unit, y + 0.35 * unit)
    pen.arc(box, start=-60, end=150, fill=colour, width=max(2, round(0.42 * unit)))


def castle(pen: ImageDraw.ImageDraw, x: float, y: float, unit: float, colour: Colour) -> None:
    for left, width, high in ((-2.6, 1.1, 3.6), (-1.6, 3.2, 2.2), (1.5, 1.1, 4.2), (-0.6, 1.2, 5.2)):
        pen.rectangle((x + left * unit, y - high * unit, x + (left + width) * unit, y + unit), fill=colour)
        roof = [
            (x + (left - 0.2) * unit, y - high * unit),
            (x + (left + width / 2) * unit, y - (high + 1.3 * min(width, 1.3)) * unit),
            (x + (left + width + 0.2) * unit, y - high * unit),
        ]
        if width < 3:
            pen.polygon(roof, fill=colour)


def boat(pen: ImageDraw.ImageDraw, x: float, y: float, unit: float, colour: Colour) -> None:
    hull = [(-2.4, -0.7), (2.4, -0.7), (1.6, 0.2), (-1.7, 0.2)]
    pen.polygon([(x + a * unit, y + b * unit) for a, b in hull], fill=colour)
    pen.line((x, y - 0.6 * unit, x, y - 5 * unit), fill=colour, width=max(2, round(0.14 * unit)))
    for sail in ([(0.25, -4.8), (0.25, -1.1), (2.1, -1.1)], [(-0.25, -4.3), (-0.25, -1.1), (-1.6, -1.1)]):
        pen.polygon([(x + a * unit, y + b * unit) for a, b in sail], fill=colour)


SUBJECTS: Mapping[str, Subject] = {"cat": cat, "castle": castle, "boat": boat}
