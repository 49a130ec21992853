"""Streams refuse wrong parameters as lists do: the same words, by the name of each parameter."""

import pytest
from starlette.testclient import TestClient

from api_service.doors.v1.streams.queries import MOST_JOBS
from shared.messaging.messenger import Messenger
from tests.api_service.streams.test_websocket import closing
from tests.jobs import ANOTHER_USER, submitted

LIST = "/api/v1/generation-jobs/"
UNKNOWN = "Extra inputs are not permitted"


def refusal(client: TestClient, path: str) -> tuple[int, str]:
    """Status and reason of an HTTP answer, as a close frame would have them."""
    answer = client.get(path)
    problem = answer.json()
    wrong = "; ".join(f"{error['field']}: {error['message']}" for error in problem.get("errors", ()))
    return 4000 + answer.status_code, (wrong or problem["detail"])[:123]


def closed(client: TestClient, path: str) -> tuple[int, str]:
    with client.websocket_connect(path) as socket:
        return closing(socket)


@pytest.mark.parametrize("query", ["colour=red", "job_id=1", "Previews=true", "limit=5&colour=red"])
def test_an_unknown_parameter_is_named_wherever_it_is_sent(
    client: TestClient, messenger: Messenger, query: str
) -> None:
    job_id = submitted(messenger)
    name = query.rpartition("&")[2].partition("=")[0]
    for found in (
        refusal(client, f"{LIST}{job_id}/events?{query}"),
        closed(client, f"/ws/jobs/{job_id}?{query}"),
        closed(client, f"/ws/jobs?{query}"),
        refusal(client, f"{LIST}?{query}"),
    ):
        assert found[0] == 4422
        assert f"{name}: {UNKNOWN}" in found[1]


@pytest.mark.parametrize("value", ["maybe", "", "2", "true&previews=false"])
def test_previews_that_are_neither_yes_nor_no_are_refused_alike(
    client: TestClient, messenger: Messenger, value: str
) -> None:
    job_id = submitted(messenger)
    events = refusal(client, f"{LIST}{job_id}/events?previews={value}")
    assert closed(client, f"/ws/jobs/{job_id}?previews={value}") == events
    assert events[1].startswith("previews: Input should be a valid boolean")


@pytest.mark.parametrize("user_id", ["me", "", "1", str(ANOTHER_USER), "all"])
def test_users_that_are_none_or_anothers_are_refused_as_in_lists(client: TestClient, user_id: str) -> None:
    listed = refusal(client, f"{LIST}?user_id={user_id}")
    assert closed(client, f"/ws/jobs?user_id={user_id}") == listed
    assert listed[0] in {4403, 4422}


@pytest.mark.parametrize(
    ("job_ids", "reason"),
    [
        ("0", "job_ids[0]: Input should be greater than or equal to 1"),
        ("-1", "job_ids[0]: Input should be greater than or equal to 1"),
        ("1,2147483648", "job_ids[1]: Input should be less than or equal to 2147483647"),
        ("1,,2", "job_ids[1]: Input should be a valid integer, unable to parse string as an integer"),
        ("1&job_ids=x", "job_ids[1]: Input should be a valid integer, unable to parse string as an integer"),
        (",".join(map(str, range(1, MOST_JOBS + 2))), f"job_ids: Value should have at most {MOST_JOBS} items"),
    ],
)
def test_each_wrong_number_is_named(client: TestClient, job_ids: str, reason: str) -> None:
    code, said = closed(client, f"/ws/jobs?job_ids={job_ids}")
    assert code == 4422
    assert said.startswith(reason)


def test_numbers_may_be_given_together_or_each_by_itself(client: TestClient, messenger: Messenger) -> None:
    first, second = submitted(messenger), submitted(messenger)
    for query in (f"{first},{second},{first}", f"{first}&job_ids={second}"):
        with client.websocket_connect(f"/ws/jobs?job_ids={query}") as socket:
            assert [line["id"] for line in socket.receive_json()["jobs"]] == [first, second]
