"""Every door of this service: what is routed, and the document that describes it."""

from starlette.routing import BaseRoute

from api_service.doors.operator import routes as operator
from api_service.doors.v1 import documents
from api_service.doors.v1 import routes as v1
from api_service.http.openapi import document_of

OPERATIONS = (*v1.OPERATIONS, *operator.OPERATIONS)

EXAMPLES = {**v1.EXAMPLES, **operator.EXAMPLES}

DOCUMENT = document_of(OPERATIONS, v1.ABOUT, EXAMPLES)

ROUTES: tuple[BaseRoute, ...] = (*v1.ROUTES, *operator.ROUTES, *documents.routes(DOCUMENT))
