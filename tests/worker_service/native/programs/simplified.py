"""comfy_api_simplified as its readme has it: `simplified.py URL KEY WORKFLOW`."""

import sys

from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper  # type: ignore[import-not-found]

url, key, workflow = sys.argv[1:]
api = ComfyApiWrapper(url, "anybody", key)
found = api.queue_and_wait_images(ComfyWorkflowWrapper(workflow), "Save")
assert api.get_queue() == {"queue_running": [], "queue_pending": []}
assert "KSampler" in api.get_object_info()
assert api.get_system_stats()["devices"]
api.upload_image(workflow.replace(".json", ".png"))
sys.stdout.write(" ".join(f"{name}:{content[1:4].decode()}" for name, content in found.items()))
