"""The same recipe always draws the same picture: words choose the colours, the seed the landscape."""

import hashlib
import math
import textwrap
from random import Random

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from deploy.simulator.nodes.values import Recipe

Colour = tuple[int, int, int]

# The sky from the top to the horizon, and the nearest ground. The first one of whose words is in the text is taken.
PALETTES: tuple[tuple[tuple[str, ...], tuple[Colour, Colour, Colour]], ...] = (
    (("night", "moon", "star", "dark", "space"), ((8, 12, 38), (96, 84, 140), (14, 16, 34))),
    (("winter", "snow", "ice", "mountain"), ((94, 134, 178), (236, 236, 238), (52, 78, 108))),
    (("forest", "tree", "green", "garden"), ((70, 122, 128), (236, 230, 190), (18, 52, 44))),
    (("sea", "ocean", "beach", "blue", "lake"), ((24, 88, 138), (250, 220, 190), (12, 46, 70))),
    (("desert", "sand", "autumn", "red", "fire"), ((122, 92, 140), (252, 214, 150), (112, 46, 40))),
    ((), ((46, 48, 104), (254, 196, 140), (36, 26, 58))),
    ((), ((36, 84, 112), (232, 242, 206), (16, 58, 66))),
)
SUN = (255, 240, 214)
RIDGES = 5
CAPTION_LINES = 2


def draw(recipe: Recipe, number: int, size: tuple[int, int], *, flat: bool) -> Image.Image:
    """An RGB picture of that size: number `number` of a batch."""
    dice = Random(hashlib.sha256(f"{number} {recipe}".encode()).digest())
    if flat:
        return Image.new("RGB", size, (dice.randrange(256), dice.randrange(256), dice.randrange(256)))
    high, low, ground = _palette(recipe.text)
    picture = _sky(size, high, low)
    _hang_sun(picture, dice)
    for layer in range(1, RIDGES + 1):
        _raise_ridge(picture, dice, layer / RIDGES, _mixed(low, ground, layer / RIDGES))
    if min(size) >= 160:
        _write_caption(picture, f"{recipe.text}", f"seed {recipe.seed}" + (f" · {number + 1}" if number else ""))
    return picture


def _palette(text: str) -> tuple[Colour, Colour, Colour]:
    words = text.lower().replace(",", " ").split()
    for names, colours in PALETTES:
        if any(word.startswith(names) for word in words):
            return colours
    return PALETTES[hashlib.sha256(" ".join(words).encode()).digest()[0] % len(PALETTES)][1]


def _mixed(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return (red, green, blue)


def _sky(size: tuple[int, int], high: Colour, low: Colour) -> Image.Image:
    column = Image.new("RGB", (1, size[1]))
    for y in range(size[1]):
        column.putpixel((0, y), _mixed(high, low, min(1.0, 1.6 * y / size[1])))
    return column.resize(size)


def _hang_sun(picture: Image.Image, dice: Random) -> None:
    width, height = picture.size
    radius = min(width, height) * dice.uniform(0.05, 0.1)
    x, y = width * dice.uniform(0.2, 0.8), height * dice.uniform(0.15, 0.45)
    glow = Image.new("L", picture.size)
    ImageDraw.Draw(glow).ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    picture.paste(SUN, mask=glow.filter(ImageFilter.GaussianBlur(radius / 3)))


def _raise_ridge(picture: Image.Image, dice: Random, nearness: float, colour: Colour) -> None:
    """A line of hills across the picture, filled below: near ones stand lower."""
    width, height = picture.size
    waves = [(dice.uniform(0.6, 1.4) * 2**octave, dice.random() * math.tau, 0.06 / 2**octave) for octave in range(4)]
    line = [
        (
            x,
            height
            * (0.5 + 0.42 * nearness + sum(reach * math.sin(x / width * pace * 6 + at) for pace, at, reach in waves)),
        )
        for x in range(0, width + 4, 4)
    ]
    ImageDraw.Draw(picture).polygon([(0, height), *line, (width, height)], fill=colour)


def _write_caption(picture: Image.Image, words: str, seed: str) -> None:
    """The prompt's words, small, in the lower left corner, and the seed after them."""
    size = max(10, min(picture.size) // 38)
    room = max(12, int(picture.width / size * 1.6))
    lines = textwrap.wrap(words or "(no words)", room, max_lines=CAPTION_LINES, placeholder=" …")
    pen, font = ImageDraw.Draw(picture, "RGBA"), ImageFont.load_default(size=size)
    y = picture.height - round(1.4 * size * (len(lines) + 2))
    pen.multiline_text((size, y), "\n".join([*lines, seed]), font=font, spacing=size // 3, fill=(255, 255, 255, 216))
