"""A server is not given a job that names what another server has and it has not."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from shared.fleet.capabilities import LOCK_OFFERS, RUNNABLE, compare_servers, offers
from shared.fleet.capabilities import SERVER as THIS
from shared.fleet.object_info import read_catalogue
from shared.messaging.after_commit import Outbox
from shared.models import GenerationJob, ServerCapabilities
from tests.jobs import ANOTHER, SERVER, answering, submitted
from tests.object_infos import object_info

BOTH = ["ckpt_name=sd15", "sampler_name=euler", "class_type=SaveImage"]


def offering(outbox: Outbox, **names: list[str]) -> None:
    """Both servers answer; `here` and `there` also say what they offer."""
    answering(outbox, SERVER, ANOTHER)
    with outbox.transaction() as session:
        session.execute(LOCK_OFFERS)
        for place, offered in names.items():
            server = {"here": SERVER, "there": ANOTHER}[place]
            now = datetime.now(UTC)
            session.merge(
                ServerCapabilities(server=server, digest="0" * 64, object_info={}, offers=offered, refreshed_at=now)
            )
        session.flush()
        compare_servers(session)


def lacks(outbox: Outbox, server: str) -> list[str]:
    with outbox.transaction() as session:
        return session.get_one(ServerCapabilities, server).lacks


def runnable(outbox: Outbox, server: str) -> list[int]:
    with outbox.transaction() as session:
        found = select(GenerationJob.id).where(RUNNABLE).order_by(col(GenerationJob.id))
        return list(session.exec(found, params={THIS.key: server}))


def test_a_server_lacks_what_another_offers(outbox: Outbox) -> None:
    offering(outbox, here=[*BOTH, "ckpt_name=xl"], there=[*BOTH, "lora_name=a", "vae_name=b"])
    assert lacks(outbox, SERVER) == ["lora_name=a", "vae_name=b"]
    assert lacks(outbox, ANOTHER) == ["ckpt_name=xl"]
    offering(outbox, here=[*BOTH, "lora_name=a", "vae_name=b"])
    assert (lacks(outbox, SERVER), lacks(outbox, ANOTHER)) == ([], [])


@pytest.mark.parametrize(
    ("lacking", "asked"),
    [
        ("ckpt_name=xl", {"checkpoint_model": "xl"}),
        ("lora_name=a", {"lora_models": [{"name": "b"}, {"name": "a"}]}),
        ("vae_name=v", {"params": {"vae_name": "v"}}),
        ("sampler_name=s", {"params": {"sampler_name": "s"}}),
        ("scheduler=s", {"params": {"scheduler": "s"}}),
        ("class_type=Odd", {"workflow": {"1": {"class_type": "SaveImage"}, "2": {"class_type": "Odd", "inputs": {}}}}),
        ("unet_name=u", {"workflow": {"7": {"class_type": "UNETLoader", "inputs": {"unet_name": "u", "n": 1}}}}),
    ],
)
def test_a_job_that_names_what_a_server_lacks_is_not_for_it(
    outbox: Outbox, lacking: str, asked: dict[str, Any]
) -> None:
    plain, special = submitted(outbox, checkpoint_model="sd15"), submitted(outbox, **asked)
    offering(outbox, here=BOTH, there=[*BOTH, lacking])
    assert runnable(outbox, SERVER) == [plain]
    assert runnable(outbox, ANOTHER) == [plain, special]


def test_a_name_counts_only_for_the_input_it_is_given_to(outbox: Outbox) -> None:
    job_id = submitted(outbox, checkpoint_model="twin", prompt="twin")
    offering(outbox, here=["ckpt_name=twin"], there=["ckpt_name=twin", "lora_name=twin"])
    assert runnable(outbox, SERVER) == [job_id]


def test_what_nobody_is_known_to_have_keeps_no_job_from_any_server(outbox: Outbox) -> None:
    job_id = submitted(outbox, checkpoint_model="unheard of")
    assert runnable(outbox, SERVER) == [job_id], "no server ever said anything"
    offering(outbox, there=[*BOTH, "ckpt_name=xl"])
    assert runnable(outbox, SERVER) == [job_id], "this one never did"
    offering(outbox, here=BOTH)
    assert runnable(outbox, SERVER) == [job_id]


@pytest.mark.parametrize(
    "odd",
    [
        {"workflow": {"1": None, "2": [], "3": {"inputs": ["a"]}, "4": {"class_type": 5, "inputs": {"n": None}}}},
        {"checkpoint_model": None, "params": {}, "lora_models": [{}, {"name": None}]},
    ],
)
def test_a_row_of_whatever_making_asks_for_nothing(outbox: Outbox, odd: dict[str, Any]) -> None:
    job_id = submitted(outbox, **odd)
    offering(outbox, here=[], there=BOTH)
    assert runnable(outbox, ANOTHER) == [job_id]
    with outbox.transaction() as session:
        session.execute(text("UPDATE generation_jobs SET lora_models = '5', params = '[]', workflow = '[1, {}]'"))
    assert runnable(outbox, ANOTHER) == [job_id]


def test_offers_are_node_classes_and_the_choices_that_comfyui_insists_on() -> None:
    offered = offers(read_catalogue(object_info(checkpoints=["a", "b"])))
    assert {"ckpt_name=a", "ckpt_name=b", "class_type=KSampler", "sampler_name=euler"} <= set(offered)
    assert not [name for name in offered if name.startswith("image=")], "an upload is not in the list yet"
    assert offered == sorted(offered)
