"""Down through the assets: their files are noted for the sweep, and their bytes are counted no more."""

from migrations.upgrade import downgrade
from tests.migrations.databases import execute, fetch, value

USER = "1f0c7a52-0000-4000-8000-000000000009"


def add_asset(url: str, name: str, content: str) -> None:
    execute(
        url,
        "INSERT INTO assets (id, user_id, name, kind, media_type, size_bytes, hash, path) VALUES"
        " (gen_random_uuid(), :user, :name, 'text', 'text/plain', 10, :content, :path)",
        user=USER,
        name=name,
        content=content,
        path=f"{USER}/assets/{content}/content",
    )


def test_the_way_down_leaves_no_file_that_nobody_knows_of(newest: str) -> None:
    execute(newest, "INSERT INTO users (id, name, stored_bytes) VALUES (:id, 'owner', 27)", id=USER)
    for name, content in (("a", "one"), ("b", "one"), ("a", "two")):
        add_asset(newest, name, content)
    downgrade(newest, "secrets_of_jobs")
    assert value(newest, "SELECT stored_bytes FROM users WHERE id = :id", id=USER) == 7
    noted = [row["folder"] for row in fetch(newest, "SELECT folder FROM discarded_folders ORDER BY folder")]
    assert noted == [f"{USER}/assets/one", f"{USER}/assets/two"]
