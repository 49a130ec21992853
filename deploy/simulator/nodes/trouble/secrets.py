"""SimulatedKey is given the caller's secrets, as API nodes are, and tells them: to whoever looks, or as it fails."""

from deploy.simulator.nodes.interface import Inputs, Node, Result, Workbench
from deploy.simulator.nodes.trouble.declaring import troublesome


def tell(bench: Workbench, inputs: Inputs) -> Result:
    given = [str(bench.secrets.get(name)) for name in ("api_key_comfy_org", "auth_token_comfy_org")]
    if inputs["how"] == "raise":
        raise ValueError(f"bad key: {' '.join(given)}!")
    if inputs["how"] == "name":
        return Result(shown={"files": [{"filename": f"{given[0]}.bin", "subfolder": "", "type": "output"}]})
    if inputs["how"] == "check":
        return Result(shown={"text": [" ".join(str(len(text)) for text in given)]})
    return Result(shown={"text": given})


KEY: Node = troublesome(
    "SimulatedKey",
    {"how": (("check", "tell", "raise", "name"),)},
    tell,
    takes_secrets=True,
)
