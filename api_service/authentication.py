"""Who is asking. Until there are accounts, everybody is the one local user."""

from uuid import UUID

LOCAL_USER = UUID(int=0)
