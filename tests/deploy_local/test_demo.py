"""What the demo prints of the files that it found."""

import pytest

from deploy.local.demo import without_signature

THUMBNAIL = "/api/v1/generation-jobs/8/thumbnails/0?size=150"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (THUMBNAIL, THUMBNAIL),
        (f"http://127.0.0.1:8000{THUMBNAIL}&expires=17&signature=a-b", THUMBNAIL),
        (
            "http://127.0.0.1:8000/api/v1/generation-jobs/8/outputs/0?expires=1&signature=x",
            "/api/v1/generation-jobs/8/outputs/0",
        ),
    ],
)
def test_an_address_is_shown_with_its_size_and_without_its_signature(url: str, shown: str) -> None:
    assert without_signature(url) == shown
