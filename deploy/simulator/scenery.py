"""Skies, ridges and water, drawn far to near, each layer paler the farther it is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from deploy.simulator.subjects import SUBJECTS

Colour = tuple[int, int, int]
Size = tuple[int, int]
Line = Callable[[float], float]  # how far down a ridge stands at each x, in pixels

LAYERS = 6
FINE_PIXELS = 1_600_000  # Up to this many, layers are drawn twice as large and scaled down: smooth edges.


@dataclass(frozen=True)
class Palette:
    """Sky colours from the top to the horizon, the sun's, and that of the nearest ground."""

    name: str
    sky: tuple[Colour, Colour, Colour]
    sun: Colour
    ground: Colour
    stars: bool = False
    water: bool = False


def landscape(palette: Palette, dice: Random, size: Size, subject: str | None) -> Image.Image:
    """A picture of that size."""
    factor = 2 if size[0] * size[1] <= FINE_PIXELS else 1
    large = (size[0] * factor, size[1] * factor)
    horizon = dice.uniform(0.52, 0.64)
    picture = _gradient(palette.sky, large, round(large[1] * horizon * 1.15))
    if palette.stars:
        _scatter_stars(picture, dice, horizon)
    _hang_sun(picture, palette, dice, horizon)
    stand = large[0] * dice.uniform(0.64, 0.8)
    foot = _raise_ridges(picture, palette, dice, horizon=horizon, stand=stand)
    if palette.water:
        foot = _flood(picture, palette, dice)
        if subject not in (None, "boat"):
            foot = _raise_bank(picture, palette, dice, stand=stand)
    if subject is not None:
        unit = min(large) / 36
        SUBJECTS[subject](ImageDraw.Draw(picture), stand, foot, unit, _mixed(palette.ground, (0, 0, 0), 0.35))
    return picture if factor == 1 else picture.resize(size, Image.Resampling.LANCZOS)


def _mixed(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return (red, green, blue)


def _gradient(stops: Sequence[Colour], size: Size, height: int) -> Image.Image:
    """Colours from the top down to `height`; below it the last one stays."""
    column = Image.new("RGB", (1, size[1]))
    spans = len(stops) - 1
    for y in range(size[1]):
        place = min(y / max(height, 1), 0.9999) * spans
        column.putpixel((0, y), _mixed(stops[int(place)], stops[int(place) + 1], place - int(place)))
    return column.resize(size)


def _scatter_stars(picture: Image.Image, dice: Random, horizon: float) -> None:
    width, height = picture.size
    pen = ImageDraw.Draw(picture, "RGBA")
    for _ in range(width * height // 9000):
        x, y = dice.random() * width, dice.random() ** 1.6 * height * horizon
        radius = dice.choice((0.6, 0.9, 1.4)) * max(width, height) / 1400
        light = round(210 * (1 - y / (height * horizon)) * dice.uniform(0.4, 1))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 255, 246, light))


def _hang_sun(picture: Image.Image, palette: Palette, dice: Random, horizon: float) -> None:
    width, height = picture.size
    radius = min(width, height) * dice.uniform(0.055, 0.1)
    x, y = width * dice.uniform(0.2, 0.8), height * horizon * dice.uniform(0.35, 0.85)
    for reach, strength in ((9.0, 0.34), (4.0, 0.42)):
        side = round(radius * reach * 2)
        glow = Image.radial_gradient("L").resize((side, side)).point([_glow(value) * strength for value in range(256)])
        picture.paste(palette.sun, (round(x - side / 2), round(y - side / 2)), glow)
    ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), fill=palette.sun)


def _glow(value: int) -> float:
    """How bright the sky is around the sun; a radial gradient is 181 where its circle touches the sides."""
    return 255 * math.pow(max(0.0, 1 - value / 181), 1.6)


def _raise_ridges(picture: Image.Image, palette: Palette, dice: Random, *, horizon: float, stand: float) -> float:
    """Draw the ridges far to near; the answer is how far down the nearest one is at `stand`, in pixels."""
    width, height = picture.size
    foot = 0.0
    for layer in range(LAYERS):
        depth = layer / (LAYERS - 1)
        line = _ridge(dice, picture.size, base=horizon + (0.93 - horizon) * depth**1.3, depth=depth)
        colour = _mixed(_mixed(palette.sky[2], palette.sky[1], 0.45), palette.ground, 0.12 + 0.88 * depth)
        mist = _mixed(colour, palette.sky[2], 0.5 * (1 - depth))
        _fill_below(picture, [(x, line(x)) for x in range(0, width + 4, 4)], (colour, mist))
        if 0.35 < depth < 0.95:
            _plant_firs(picture, line, dice, tall=height * 0.01 * (1 + 3 * depth), colour=colour)
        foot = line(stand)
    return foot


def _raise_bank(picture: Image.Image, palette: Palette, dice: Random, *, stand: float) -> float:
    """Dry ground this side of the water; the answer is how far down it is at `stand`."""
    line = _ridge(dice, picture.size, base=0.9, depth=1.0)
    _fill_below(picture, [(x, line(x)) for x in range(0, picture.width + 4, 4)], (palette.ground, palette.ground))
    return line(stand)


def _fill_below(picture: Image.Image, line: list[tuple[int, float]], colours: tuple[Colour, Colour]) -> None:
    width, height = picture.size
    top = max(0, min(height - 1, round(min(y for _, y in line))))
    mask = Image.new("L", (width, height - top), 0)
    ImageDraw.Draw(mask).polygon([(0, height - top), *((x, y - top) for x, y in line), (width, height - top)], fill=255)
    picture.paste(_gradient(colours, mask.size, round(height * 0.22)), (0, top), mask)


def _ridge(dice: Random, size: Size, *, base: float, depth: float) -> Line:
    """The height of a ridge at each x: a few waves, the finer the lower; far ridges are steep, near ones round."""
    width, height = size
    waves = [
        (dice.uniform(0.6, 1.4) * 2**octave, dice.random() * math.tau, (0.052 - 0.026 * depth) / 1.75**octave)
        for octave in range(6 if depth < 0.5 else 4)
    ]

    def steep(x: float) -> float:
        crests = (reach * (2 * abs(math.sin(x / width * pace * math.pi + phase)) - 1) for pace, phase, reach in waves)
        return height * (base + sum(crests))

    def round_topped(x: float) -> float:
        return height * (
            base + sum(reach * math.sin(x / width * pace * math.tau + phase) for pace, phase, reach in waves)
        )

    return steep if depth < 0.5 else round_topped


def _plant_firs(picture: Image.Image, line: Line, dice: Random, *, tall: float, colour: Colour) -> None:
    pen = ImageDraw.Draw(picture)
    x = 0.0
    while x < picture.width:
        x += tall * dice.uniform(0.25, 1.6)
        if dice.random() < 0.3:
            x += tall * dice.uniform(1, 6)
        high, foot = tall * dice.uniform(0.6, 1.5), line(x)
        pen.polygon([(x - high * 0.22, foot + 2), (x, foot - high), (x + high * 0.22, foot + 2)], fill=colour)


def _flood(picture: Image.Image, palette: Palette, dice: Random) -> float:
    """Water in the foreground that mirrors what stands behind it; the answer is its shore, in pixels."""
    width, height = picture.size
    shore = round(height * dice.uniform(0.74, 0.8))
    depth = height - shore
    mirrored = ImageOps.flip(picture.crop((0, shore - depth, width, shore)))
    mirrored = mirrored.resize((width, depth)).filter(ImageFilter.GaussianBlur(height / 220))
    surface = Image.blend(mirrored, _gradient((palette.sky[1], palette.ground), (width, depth), depth), 0.42)
    picture.paste(surface, (0, shore))
    pen = ImageDraw.Draw(picture, "RGBA")
    for _ in range(90):
        y = shore + depth * dice.random() ** 1.7
        long, x = width * dice.uniform(0.02, 0.12) * (0.4 + (y - shore) / depth), dice.random() * width
        pen.line((x, y, x + long, y), fill=(*palette.sun, 46), width=max(1, height // 500))
    return shore + depth * 0.45
