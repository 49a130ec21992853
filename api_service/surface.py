"""The whole HTTP surface, noun by noun: what is routed, and what the OpenAPI document describes."""

from starlette.routing import BaseRoute

from api_service.endpoints import documents, health, jobs, live, outputs, submissions
from api_service.openapi import document_of

OPERATIONS = (*submissions.OPERATIONS, *jobs.OPERATIONS, *outputs.OPERATIONS, *health.OPERATIONS)

ROUTES: tuple[BaseRoute, ...] = (
    *submissions.ROUTES,
    *jobs.ROUTES,
    *outputs.ROUTES,
    *live.ROUTES,
    *health.ROUTES,
    *documents.routes(document_of(OPERATIONS)),
)
