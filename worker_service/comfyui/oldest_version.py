"""Which ComfyUI is too old to work with, and why.

Two things are needed that older ones lack. The client chooses the `prompt_id`: that was merged in July 2025 and not yet
released on the 16th (Acly/krita-ai-diffusion#1894 says so, and waited for it). And `POST /interrupt` stops only the
prompt it names: before Comfy-Org/ComfyUI#9607, opened on 28 August 2025, it stopped whatever ran, also somebody else's.
The first release with both is 0.3.57 of September 2025. What we measured are 0.8.0 and 0.33.0.
"""

import re

OLDEST = (0, 3, 57)
NUMBERS = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")


def why_too_old(version: str) -> str | None:
    """Why a server of this version cannot be worked with. None where it can, or where nobody knows."""
    found = NUMBERS.match(version)
    if found is None or tuple(int(number or 0) for number in found.groups()) >= OLDEST:
        return None
    oldest = ".".join(map(str, OLDEST))
    return (
        f"its ComfyUI {version[:64]} is too old: {oldest} is the oldest that lets clients choose and stop prompts by id"
    )
