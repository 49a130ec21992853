"""The doctor reaches store and servers as the services do: by all that their settings say of them."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from deploy.doctor.finding import Mark
from tests.deploy_doctor.conftest import add_output, diagnosed


def test_a_store_that_files_move_from_has_them_too(well: dict[str, str], engine: Engine, tmp_path: Path) -> None:
    former = tmp_path / "former"
    (former / "a/1/1").mkdir(parents=True)
    (former / "a/1/1/a.png").touch()
    add_output(engine)
    moving = {**well, "STORAGE_URL": (tmp_path / "later").as_uri(), "STORAGE_MOVING_FROM": former.as_uri()}
    assert "ok       storage: the newest outputs are here" in diagnosed(moving).lines(Mark.OK)


def test_a_store_that_cannot_be_as_it_is_set(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "perhaps")
    (trouble,) = diagnosed({**environ, "STORAGE_URL": "s3://bucket"}).troubles
    assert "settings: STORAGE_URL: the object store cannot be used as it is set: " in trouble
