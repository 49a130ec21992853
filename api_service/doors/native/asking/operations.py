"""An operation of ComfyUI's own API: what else a client sends along is let pass, and refusals have ComfyUI's form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api_service.doors.binding import ApiRequest
from api_service.doors.native.asking.callers import DOOR
from api_service.doors.native.asking.errors import PromptRefused, answer_prompt_refused, answer_refusal
from api_service.http.bodies import content_of, parsed_in_its_lane
from api_service.http.operations import Door, Operation, routes_of
from api_service.refusals.refusal import Refusal

TAG = "native"
API = "/api"


class AnyQuery(BaseModel):
    """Some clients put their own into every address: `clientId`, `execution_id`, `token`."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class AnyBody(BaseModel):
    """What is asked for, and whatever else a client says."""

    model_config = ConfigDict(extra="ignore", frozen=True)


NativeRequest = ApiRequest[Any, Any]


async def read_anyhow(http: Request[Any], model: type[Any], largest: int) -> Any:
    """The body as JSON whatever it is said to be; without one, every field has its default. Raises Refusal."""
    content = await content_of(http, largest)
    return await parsed_in_its_lane(http, content, model) if content.strip() else model()


@dataclass(frozen=True)
class NativeOperation(Operation[Any, Any, Any]):
    """An operation whose refusals are told as ComfyUI tells its own."""

    async def answer(self, http: Request[Any], door: Door) -> Response:
        try:
            return await super().answer(http, door)
        except PromptRefused as refused:
            return answer_prompt_refused(refused)
        except Refusal as refusal:
            return self.refused(refusal, http.state.rate)

    def refused(self, refusal: Refusal, rate: Mapping[str, str]) -> Response:
        """The answer that tells of a refusal, with these headers of its own."""
        return answer_refusal(refusal, rate)


def operation(
    method: str, path: str, endpoint: Any, scope: Any, *, kind: type[NativeOperation] = NativeOperation, **more: Any
) -> NativeOperation:
    """An operation at one of ComfyUI's addresses."""
    values: dict[str, Any] = {"query": AnyQuery, "read": read_anyhow, **more}
    return kind(f"native {method} {path}", method, path, endpoint, scope, {}, TAG, **values)


def routes_under_both(operations: Sequence[Operation[Any, Any, Any]]) -> list[Route]:
    """ComfyUI serves each address bare and under `/api`."""
    both = [*operations, *(replace(one, path=f"{API}{one.path}") for one in operations)]
    return routes_of(both, DOOR)
