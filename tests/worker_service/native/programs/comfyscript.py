"""ComfyScript as its readme has it, with three workflows at once: `comfyscript.py URL`."""

import sys

from comfy_script.runtime import Workflow, load  # type: ignore[import-not-found]

load(sys.argv[1])
from comfy_script.runtime.nodes import EmptyImage, ImageInvert, SaveImage  # type: ignore[import-not-found]  # noqa: E402

tasks = []
for color in (1, 2, 3):
    with Workflow() as workflow:
        SaveImage(ImageInvert(EmptyImage(64, 64, 1, color)), "script")
    tasks.append(workflow.task)
sizes = [image.size for task in tasks for result in task.wait() for image in result.wait()]
sys.stdout.write(f"\nRESULTS {sizes}")
