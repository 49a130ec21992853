"""SimulatedSeed takes seeds in odd ranges: one with a low maximum, and one that means something by -1."""

from deploy.simulator.nodes.interface import Inputs, Node, Result, Workbench
from deploy.simulator.nodes.trouble.declaring import troublesome


def show_seeds(_bench: Workbench, inputs: Inputs) -> Result:
    return Result(shown={"text": [f"{inputs['seed']} {inputs['noise_seed']}"]})


SEED: Node = troublesome(
    "SimulatedSeed",
    {
        "seed": ("INT", {"default": 0, "min": 0, "max": 2**50}),
        "noise_seed": ("INT", {"default": -1, "min": -1, "max": 2**32}),
    },
    show_seeds,
)
