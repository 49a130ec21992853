"""The whole HTTP surface, noun by noun: what is routed, and what the OpenAPI document describes."""

from starlette.routing import BaseRoute

from api_service.endpoints import (
    changes,
    documents,
    events,
    health,
    jobs,
    keys,
    lists,
    live,
    me,
    models,
    nodes,
    outputs,
    servers,
    statistics,
    submissions,
    users,
)
from api_service.openapi import document_of
from api_service.operations import routes_of

NOUNS = (
    submissions,
    lists,
    statistics,
    jobs,
    changes,
    events,
    outputs,
    models,
    nodes,
    servers,
    me,
    users,
    keys,
    health,
)

OPERATIONS = tuple(operation for noun in NOUNS for operation in noun.OPERATIONS)

ROUTES: tuple[BaseRoute, ...] = (
    *routes_of(OPERATIONS),
    *live.ROUTES,
    *documents.routes(document_of(OPERATIONS)),
)
