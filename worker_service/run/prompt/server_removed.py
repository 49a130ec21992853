"""The error of a job whose server is to go at once."""

from shared.jobs.error_kinds import Settled


class ServerRemoved(Settled):
    """An admin has removed the server, and wants its jobs moved. The prompt was taken out there."""

    code = "server_removed"

    def __init__(self, server: str) -> None:
        super().__init__(f"the server {server} was removed while the job was there")
        self.details = {"server": server}
