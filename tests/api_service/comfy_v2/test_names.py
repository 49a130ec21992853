"""Names of jobs and outputs: each number has one name, and that name leads back to it."""

import pytest
from hypothesis import strategies as some

from shared.texts.storable import LARGEST_ID
from shared.workflows.opaque_names import job_id_of, job_name, output_name, output_of
from tests.hypotheses import given

ids = some.integers(1, LARGEST_ID)


@given(ids)
def test_a_job_is_found_by_its_name(job_id: int) -> None:
    assert job_id_of(job_name(job_id)) == job_id


@given(ids, some.integers(0, LARGEST_ID))
def test_an_output_is_found_by_its_name(job_id: int, number: int) -> None:
    assert output_of(output_name(job_id, number)) == (job_id, number)


@pytest.mark.broad
@given(some.text() | some.from_regex(r"(job|out)_[a-z2-7]{8,16}", fullmatch=True))
def test_any_other_text_names_nothing_or_is_the_one_name(text: str) -> None:
    job_id, output = job_id_of(text), output_of(text)
    assert job_id is None or job_name(job_id) == text
    assert output is None or output_name(*output) == text


def test_names_stay_as_they_are() -> None:
    assert (job_name(1), output_name(1, 0)) == ("job_kmcuaedm", "out_qibvx532rd354hyh")
