"""`python -m deploy.simulator` starts a ComfyUI without a graphics card."""

import argparse
import asyncio
import functools
import shutil
import tempfile
from pathlib import Path

from shared.imports import importing

with importing():
    from deploy.simulator.faults.hazards import process_leaver
    from deploy.simulator.nodes.folders import Folders
    from deploy.simulator.nodes.interface import Drawing
    from deploy.simulator.protocol.versions import NEWEST, PROTOCOLS
    from deploy.simulator.running.pace import Pace
    from deploy.simulator.running.simulator import Settings
    from deploy.simulator.server import end_with_stdin, serve

CHECKPOINTS = ("random_sd15.safetensors", "random_sdxl.safetensors")
CPU = {"prompt": "for taking a prompt", "node": "for each node", "megapixel": "for a million pixels a node makes"}
LORAS = ("random_lora.safetensors",)
EPILOG = """
Example: python -m deploy.simulator --port 8188 --step-seconds 0.2 --output-directory var/output
Then: curl http://127.0.0.1:8188/prompt -d '{"prompt": {...}}'

What goes wrong on purpose is set while it runs, under /simulator/: see deploy/simulator/endpoints/control.py.
"""


def main() -> None:
    options = _parser().parse_args()
    given = (options.output_directory, options.temp_directory, options.input_directory)
    own_folder = None if all(given) else Path(tempfile.mkdtemp(prefix="comfyui-simulator-"))
    clean_up = functools.partial(_remove, own_folder)
    if options.until_stdin_closes:
        end_with_stdin(process_leaver(clean_up))
    try:
        asyncio.run(serve(_settings(options, own_folder), options.host, options.port, clean_up))
    finally:
        clean_up()


def _remove(own_folder: Path | None) -> None:
    if own_folder is not None:
        shutil.rmtree(own_folder, ignore_errors=True)


def _settings(options: argparse.Namespace, own_folder: Path | None) -> Settings:
    inside = own_folder or Path()
    folders = Folders(
        output=(options.output_directory or inside / "output").resolve(),
        temp=(options.temp_directory or inside / "temp").resolve(),
        input=(options.input_directory or inside / "input").resolve(),
    )
    pace = Pace(
        step_seconds=options.step_seconds,
        load_seconds=options.load_seconds,
        node_seconds=options.node_seconds,
        gpu_seconds=options.gpu_seconds,
        prompt_cpu_seconds=options.prompt_cpu_seconds,
        node_cpu_seconds=options.node_cpu_seconds,
        megapixel_cpu_seconds=options.megapixel_cpu_seconds,
    )
    return Settings(
        folders=folders,
        checkpoints=tuple(filter(None, options.checkpoint or CHECKPOINTS)),
        loras=tuple(filter(None, options.lora or LORAS)),
        embeddings=tuple(options.embedding or ()),
        pace=pace,
        drawing=Drawing(options.draw),
        journal=options.journal,
        protocol=options.protocol,
        base_path=options.base_path,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.simulator",
        description="A server that speaks ComfyUI's protocol and needs no graphics card.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8188, help="port to listen on, 0 for a free one (%(default)s)")
    parser.add_argument("--protocol", choices=PROTOCOLS, default=NEWEST, help="of which ComfyUI (%(default)s)")
    parser.add_argument("--base-path", default="", metavar="/PATH", help="serve under this path, as behind a proxy")
    pace = parser.add_argument_group("pace", "seconds spent on the work there is no graphics card for")
    pace.add_argument("--step-seconds", type=_seconds, default=0.05, help="a sampler step (%(default)s)")
    pace.add_argument("--load-seconds", type=_seconds, default=0.3, help="loading a checkpoint (%(default)s)")
    pace.add_argument("--node-seconds", type=_seconds, default=0.0, help="any other node (%(default)s)")
    pace.add_argument("--gpu-seconds", type=_seconds, help="a whole prompt, whatever its steps; instead of the others")
    for what, means in CPU.items():
        pace.add_argument(f"--{what}-cpu-seconds", type=_seconds, default=0.0, help=f"processor, {means} (%(default)s)")
    models = parser.add_argument_group("models", "give an option several times for several names, or '' for none")
    models.add_argument("--checkpoint", action="append", metavar="NAME", help=f"offered ({', '.join(CHECKPOINTS)})")
    models.add_argument("--lora", action="append", metavar="NAME", help=f"offered ({', '.join(LORAS)})")
    models.add_argument("--embedding", action="append", metavar="NAME", help="listed, without its ending (none)")
    files = parser.add_argument_group("files", "a folder not given is a temporary one, removed at the end")
    files.add_argument("--output-directory", type=Path, metavar="DIR", help="where saved files go")
    files.add_argument("--temp-directory", type=Path, metavar="DIR", help="where previews go; emptied at the start")
    files.add_argument("--input-directory", type=Path, metavar="DIR", help="where uploads go")
    files.add_argument("--draw", choices=list(Drawing), default="real", help="flat: one colour, as cheap as can be")
    testing = parser.add_argument_group("testing")
    testing.add_argument("--journal", type=Path, metavar="FILE", help="keep what /simulator/executions counts here")
    testing.add_argument("--until-stdin-closes", action="store_true", help="end when standard input does")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("must be zero or more")
    return value


if __name__ == "__main__":
    main()
