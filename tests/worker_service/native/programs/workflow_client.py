"""comfyui-workflow-client as its readme has it, both of its clients: `workflow_client.py ADDRESS WORKFLOW`."""

import asyncio
import sys

from comfyuiclient import ComfyUIClient, ComfyUIClientAsync  # type: ignore[import-not-found]

address, workflow = sys.argv[1:]


async def listening() -> str:
    client = ComfyUIClientAsync(address, workflow)
    await client.connect()
    await client.set_data(key="Noise", seed=5)
    found = await client.generate(["Save"])
    await client.close()
    return str(found["Save"].size)


def polling() -> str:
    client = ComfyUIClient(address, workflow)
    client.connect()
    found = client.generate(["Save"])
    client.close()
    return str(found["Save"].size)


sys.stdout.write(f"{asyncio.run(listening())} {polling()}")
