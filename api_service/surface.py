"""The whole HTTP surface, noun by noun: what is routed, and what the OpenAPI document describes."""

from starlette.routing import BaseRoute

from api_service.endpoints import documents, health, jobs, keys, live, me, models, nodes, outputs, submissions, users
from api_service.openapi import document_of

NOUNS = (submissions, jobs, outputs, models, nodes, me, users, keys, health)

OPERATIONS = tuple(operation for noun in NOUNS for operation in noun.OPERATIONS)

ROUTES: tuple[BaseRoute, ...] = (
    *(route for noun in NOUNS for route in noun.ROUTES),
    *live.ROUTES,
    *documents.routes(document_of(OPERATIONS)),
)
