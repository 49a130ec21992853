"""The same recipe always draws the same picture: words choose the colours, the seed the landscape."""

import hashlib
from random import Random

from PIL import Image, ImageDraw, ImageFont

from deploy.simulator.nodes.values import Recipe
from deploy.simulator.scenery import Palette, landscape
from deploy.simulator.subjects import SUBJECTS

# Checked in this order: the first palette one of whose words is in the text; else one by the text as a whole.
PALETTES = (
    Palette("night", ((8, 12, 38), (30, 38, 92), (96, 84, 140)), (236, 232, 214), (14, 16, 34), stars=True),
    Palette("winter", ((94, 134, 178), (170, 198, 222), (236, 236, 238)), (255, 250, 236), (52, 78, 108)),
    Palette("forest", ((70, 122, 128), (150, 190, 168), (236, 230, 190)), (255, 246, 206), (18, 52, 44)),
    Palette("sea", ((24, 88, 138), (96, 168, 196), (250, 220, 190)), (255, 238, 196), (12, 46, 70), water=True),
    Palette("desert", ((122, 92, 140), (226, 142, 112), (252, 214, 150)), (255, 240, 200), (112, 46, 40)),
    Palette("dawn", ((46, 48, 104), (196, 98, 128), (254, 196, 140)), (255, 236, 190), (36, 26, 58), stars=True),
    Palette("rose", ((92, 58, 122), (222, 120, 150), (255, 208, 188)), (255, 240, 224), (66, 30, 70), water=True),
    Palette("mint", ((36, 84, 112), (110, 186, 178), (232, 242, 206)), (255, 252, 224), (16, 58, 66), water=True),
)
WORDS = {
    "night": ("night", "moon", "star", "dark", "space", "galaxy", "neon", "cyber"),
    "winter": ("winter", "snow", "ice", "frost", "white", "mountain"),
    "forest": ("forest", "tree", "green", "garden", "jungle", "dragon", "fox"),
    "sea": ("sea", "ocean", "beach", "blue", "boat", "ship", "water", "lake"),
    "desert": ("desert", "sand", "autumn", "red", "fire", "castle", "orange"),
}
MARGIN_SHARE = 40
CAPTION_LINES = 2


def draw(recipe: Recipe, number: int, size: tuple[int, int], *, flat: bool) -> Image.Image:
    """An RGB picture of that size: number `number` of a batch."""
    dice = _dice(recipe, number)
    if flat:
        return Image.new("RGB", size, (dice.randrange(256), dice.randrange(256), dice.randrange(256)))
    picture = landscape(_palette(recipe.text), dice, size, subject=_subject(recipe.text))
    if min(size) >= 160:
        _write_caption(picture, recipe, number)
    return picture


def _dice(recipe: Recipe, number: int) -> Random:
    return Random(hashlib.sha256(f"{number} {recipe}".encode()).digest())


def _palette(text: str) -> Palette:
    words = _words(text)
    for palette in PALETTES:
        if any(word.startswith(WORDS.get(palette.name, ())) for word in words):
            return palette
    return PALETTES[hashlib.sha256(" ".join(words).encode()).digest()[0] % len(PALETTES)]


def _subject(text: str) -> str | None:
    return next((word for word in _words(text) if word in SUBJECTS), None)


def _words(text: str) -> list[str]:
    return text.lower().replace(",", " ").split()


def _write_caption(picture: Image.Image, recipe: Recipe, number: int) -> None:
    """The prompt's words, small, in the lower left corner, and the seed after them."""
    width, height = picture.size
    margin = max(6, min(width, height) // MARGIN_SHARE)
    font = ImageFont.load_default(size=max(10, min(width, height) // 38))
    pen = ImageDraw.Draw(picture, "RGBA")
    words = recipe.text.split() or ["(no", "words)"]
    lines = [
        *_folded(words, pen, font, width - 4 * margin),
        f"seed {recipe.seed}" + (f" · {number + 1}" if number else ""),
    ]
    text = "\n".join(lines)
    left, top, right, bottom = pen.multiline_textbbox((0, 0), text, font=font, spacing=margin // 3)
    x, y = 2 * margin, height - 2 * margin - (bottom - top)
    box = (x - margin, y - margin, x + right - left + margin, height - margin)
    pen.rounded_rectangle(box, radius=margin, fill=(0, 0, 0, 84))
    pen.multiline_text((x - left, y - top), text, font=font, spacing=margin // 3, fill=(255, 255, 255, 216))


def _folded(
    words: list[str], pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float
) -> list[str]:
    lines = [""]
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        if pen.textlength(longer, font=font) <= width:
            lines[-1] = longer
        elif len(lines) == CAPTION_LINES:
            lines[-1] = f"{lines[-1]} …".strip()
            break
        else:
            lines.append(word)
    return lines
