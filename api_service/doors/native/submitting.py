"""`POST /prompt`: a prompt becomes a job like any other. `GET /prompt` says how many of the caller's have not ended."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.doors.binding import acceptance_of, in_its_lane, sealed
from api_service.doors.native.asking.errors import PromptRefused, prompt_refused
from api_service.doors.native.asking.operations import AnyBody, NativeRequest, operation, read_anyhow
from api_service.doors.native.views.sent_pictures import with_pictures_kept
from api_service.fleet.aliases import with_models_meant
from api_service.fleet.node_rules import shown
from api_service.http.answers import Json
from api_service.http.path_ids import uuid_in
from api_service.inputs.named import MOST_NAMES
from api_service.inputs.resolving import MISSING
from api_service.jobs.extra_data import SECRETS, ExtraData
from api_service.prompts.cached_pictures import Unknown, assets_of, loaded_pictures, with_pictures
from api_service.prompts.naming import PromptName, naming
from api_service.prompts.prompt_queries import remaining
from api_service.refusals.codes import Code
from api_service.refusals.refusal import FieldError, Refusal, field_errors
from api_service.submit.job_request import JobOptions, JobRequest
from api_service.submit.sealing import SentAlong
from api_service.submit.submit import Submission, submit
from shared.models import Scope
from shared.workflows.image_cache import ID
from shared.workflows.links import faults_between, needed_for
from shared.workflows.shape import check_shape

LARGEST_PROMPT = 2 * 1024 * 1024  # bytes: a graph, and the editor's workflow beside it
LONGEST_CLIENT_ID = 255
NO_PROMPT = "No prompt provided"
WRONG_ID = (
    "prompt_id must be a UUID string in canonical lowercase hyphenated form; omit it to let the server generate one"
)


class PromptBody(AnyBody):
    """A graph to run, and who hears of it. `number` and `front` are let pass: the queue is fair."""

    prompt: Any = None
    prompt_id: Any = None
    client_id: Any = None
    extra_data: Any = None
    partial_execution_targets: Any = None


async def read_prompt(http: Any, model: type[Any], largest: int) -> Any:
    """The body. Raises PromptRefused, Refusal."""
    try:
        return await read_anyhow(http, model, largest)
    except Refusal as refusal:
        if refusal.code != Code.INVALID_FIELDS:
            raise
        raise PromptRefused("no_prompt", NO_PROMPT, NO_PROMPT) from None


async def submit_prompt(request: NativeRequest) -> Any:
    """Record a prompt as a job. Raises PromptRefused, Refusal."""
    body: PromptBody = request.body
    if "prompt" not in body.model_fields_set:
        raise PromptRefused("no_prompt", NO_PROMPT, NO_PROMPT)
    prompt_id, client_id = prompt_id_in(body), client_id_in(body)
    along = await in_its_lane(request, asked_for, body)
    along = await with_aliases(request, await with_own_pictures(request, along))
    (job,) = await sealed(request, [along])
    name = PromptName(prompt_id or uuid4(), client_id)
    key = None
    if prompt_id is not None:
        key = IdempotencyKey(f"prompt {prompt_id}", await in_its_lane(request, digest_of, body))
    asked = Submission(
        jobs=[job],
        charge=request.charge,
        owner=request.identity.user_id,
        request_id=request.http.state.request_id,
        idempotency_key=key,
        also=naming(name),
    )
    try:
        accepted = await submit(acceptance_of(request), asked)
    except Refusal as refusal:
        raise await in_form(request, refusal, body) from None
    return Json({"prompt_id": str(name.prompt_id), "number": accepted.jobs[0].id, "node_errors": {}})


async def with_aliases(request: NativeRequest, along: SentAlong) -> SentAlong:
    """The job with the models that its names stand for."""
    aliases = request.services.settings.model_aliases
    if not aliases:
        return along
    known = await request.services.run(request.services.capabilities.current)
    graph = await in_its_lane(request, with_models_meant, along.request.graph, aliases, known)
    return along._replace(request=replace(along.request, graph=graph))


async def with_own_pictures(request: NativeRequest, along: SentAlong) -> SentAlong:
    """The job with the pictures that its owner has put here, by the ids that they have. Raises PromptRefused."""
    graph = along.request.graph
    ids = {picture_id for _, picture_id in await in_its_lane(request, list, loaded_pictures(graph))}
    if not ids:
        return along
    if len(ids) > MOST_NAMES:
        raise PromptRefused("invalid_prompt", f"a prompt loads at most {MOST_NAMES} pictures")
    services = request.services
    assets = await services.run(assets_of, services.engine, request.identity.user_id, ids)
    meant, unknown = await in_its_lane(request, with_pictures, graph, assets)
    if unknown:
        capabilities = await services.run(services.capabilities.current)
        raise await in_its_lane(request, prompt_refused, [*map(not_there, unknown)], graph, capabilities)
    return along._replace(request=replace(along.request, graph=meant))


def not_there(unknown: Unknown) -> FieldError:
    message = f"there is no picture {shown(unknown.picture_id)}; put it to /api/etn/image first"
    return FieldError(field=f"{unknown.node_id}.inputs.{ID}", message=message, code=MISSING)


async def in_form(request: NativeRequest, refusal: Refusal, body: PromptBody) -> Exception:
    """The refusal of a job as ComfyUI tells it; one that is not about the prompt as it is."""
    if refusal.code == Code.IDEMPOTENCY_KEY_REUSED:
        return PromptRefused("invalid_prompt_id", "prompt_id was used before, with another prompt", str(body.prompt_id))
    if refusal.code != Code.INVALID_FIELDS:
        return refusal
    capabilities = await request.services.run(request.services.capabilities.current)
    return await in_its_lane(request, prompt_refused, refusal.errors, body.prompt, capabilities)


def prompt_id_in(body: PromptBody) -> UUID | None:
    """The id that the client gives its prompt. Raises PromptRefused."""
    given = body.prompt_id
    if given is None:
        return None
    found = uuid_in(given) if isinstance(given, str) else None
    if found is None or str(found) != given:
        raise PromptRefused("invalid_prompt_id", "prompt_id must be a valid UUID", WRONG_ID)
    return found


def client_id_in(body: PromptBody) -> str | None:
    """Who hears of it: said in the body, or in what goes along. Raises PromptRefused."""
    along = body.extra_data if isinstance(body.extra_data, dict) else {}
    given = body.client_id if body.client_id is not None else along.get("client_id")
    if not isinstance(given, str) or given == "":
        return None  # nobody listens by what is no text
    if len(given) > LONGEST_CLIENT_ID or not given.isprintable():
        text = f"client_id must be a text of at most {LONGEST_CLIENT_ID} printable characters"
        raise PromptRefused("invalid_prompt", text)
    return given


def asked_for(body: PromptBody) -> SentAlong:
    """The job that is asked for, and what goes along with it. Raises PromptRefused."""
    if not isinstance(body.prompt, dict):
        raise PromptRefused("invalid_prompt", "prompt must be an object that maps node ids to nodes")
    along = extra_data_in(body.extra_data)
    previews = isinstance(body.extra_data, dict) and body.extra_data.get("preview_method") not in {None, "none"}
    options = JobOptions(previews=previews, extra_pnginfo=along.extra_pnginfo)
    graph = wanted_part(body.prompt, body.partial_execution_targets)
    return SentAlong(JobRequest(with_pictures_kept(graph), options=options), along)


def extra_data_in(given: Any) -> ExtraData:
    """What goes along, as far as it is known here. Raises PromptRefused."""
    if given is None:
        return ExtraData()
    if not isinstance(given, dict):
        raise PromptRefused("invalid_prompt", "extra_data must be an object")
    known = {name: given[name] for name in ("extra_pnginfo", *SECRETS) if given.get(name) is not None}
    try:
        return ExtraData.model_validate(known)
    except ValidationError as error:
        first, *_ = field_errors(error)
        raise PromptRefused("invalid_prompt", f"extra_data.{first.field} {first.message}") from None


def wanted_part(graph: Mapping[str, Any], targets: Any) -> Mapping[str, Any]:
    """The graph, or of a whole one only what some of its output nodes need. Raises PromptRefused."""
    if not targets or check_shape(graph) or faults_between(graph):
        return graph
    if not isinstance(targets, list) or not all(isinstance(one, str) for one in targets):
        raise PromptRefused("invalid_prompt", "partial_execution_targets must be a list of node ids")
    ends: Sequence[str] = [one for one in dict.fromkeys(targets) if one in graph]
    if not ends:
        raise PromptRefused("prompt_no_outputs", "Prompt has no outputs")
    return {node_id: graph[node_id] for node_id in needed_for(graph, ends)}


def digest_of(body: PromptBody) -> str:
    """The same for bodies that ask for the same under one id."""
    asked = [body.prompt, body.extra_data, body.client_id, body.partial_execution_targets]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode(errors="replace")).hexdigest()


async def show_remaining(request: NativeRequest) -> Any:
    """How many of the caller's prompts have not ended."""
    services = request.services
    count = await services.run(remaining, services.engine, request.identity.user_id)
    return Json({"exec_info": {"queue_remaining": count}})


OPERATIONS = (
    operation(
        "POST",
        "/prompt",
        submit_prompt,
        Scope.WRITE,
        body=PromptBody,
        read=read_prompt,
        largest_body=LARGEST_PROMPT,
        submits=True,
    ),
    operation("GET", "/prompt", show_remaining, Scope.READ),
)
