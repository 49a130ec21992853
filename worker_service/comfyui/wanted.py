"""Which of its outputs a job asks for. Pure."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from shared.workflows.labels import origins
from worker_service.comfyui.history_outputs import Output, OutputFile

TEMP = "temp"  # ComfyUI's folder for previews


@dataclass(frozen=True)
class Wanted:
    """The outputs of these `nodes`, or of all; without `temp` no files that ComfyUI counts as temporary."""

    nodes: Collection[str] | None = None
    temp: bool = True

    @property
    def is_everything(self) -> bool:
        return self.nodes is None and self.temp

    def among(self, shown: Iterable[Output]) -> Iterator[Output]:
        return (output for output in shown if self.covers(output))

    def covers(self, output: Output) -> bool:
        if not self.temp and isinstance(output, OutputFile) and output.type == TEMP:
            return False
        return self.nodes is None or any(node_id in self.nodes for node_id in origins(output.node_id))


EVERYTHING = Wanted()
