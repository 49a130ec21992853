"""The whole HTTP surface, noun by noun: what is routed, and what the OpenAPI document describes."""

from starlette.routing import BaseRoute

from api_service.doors.operator import health
from api_service.doors.v1 import documents
from api_service.doors.v1.accounts import keys, me, users
from api_service.doors.v1.fleet import models, nodes, servers
from api_service.doors.v1.jobs import changes, jobs, lists, outputs, statistics, submissions
from api_service.doors.v1.openapi import document_of
from api_service.doors.v1.streams import server_sent, tickets, websocket
from api_service.http.operations import routes_of

NOUNS = (
    submissions,
    lists,
    statistics,
    jobs,
    changes,
    server_sent,
    outputs,
    models,
    nodes,
    servers,
    tickets,
    me,
    users,
    keys,
    health,
)

OPERATIONS = tuple(operation for noun in NOUNS for operation in noun.OPERATIONS)

ROUTES: tuple[BaseRoute, ...] = (
    *routes_of(OPERATIONS),
    *websocket.ROUTES,
    *documents.routes(document_of(OPERATIONS)),
)
