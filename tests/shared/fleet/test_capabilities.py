"""A server is not given a job that names what another server has and it has not."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from shared.fleet.capabilities import LOCK_OFFERS, RUNNABLE, compare_servers, offers
from shared.fleet.capabilities import SERVER as THIS
from shared.fleet.object_info import read_catalogue
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, ServerCapabilities
from tests.jobs import ANOTHER, SERVER, answering, submitted
from tests.object_infos import object_info

BOTH = ["ckpt_name=sd15", "sampler_name=euler", "class_type=SaveImage"]


def offering(messenger: Messenger, **names: list[str]) -> None:
    """Both servers answer; `here` and `there` also say what they offer."""
    answering(messenger, SERVER, ANOTHER)
    with messenger.transaction() as session:
        session.execute(LOCK_OFFERS)
        for place, offered in names.items():
            server = {"here": SERVER, "there": ANOTHER}[place]
            now = datetime.now(UTC)
            session.merge(
                ServerCapabilities(server=server, digest="0" * 64, object_info={}, offers=offered, refreshed_at=now)
            )
        session.flush()
        compare_servers(session)


def lacks(messenger: Messenger, server: str) -> list[str]:
    with messenger.transaction() as session:
        return session.get_one(ServerCapabilities, server).lacks


def runnable(messenger: Messenger, server: str) -> list[int]:
    with messenger.transaction() as session:
        found = select(GenerationJob.id).where(RUNNABLE).order_by(col(GenerationJob.id))
        return list(session.exec(found, params={THIS.key: server}))


def test_a_server_lacks_what_another_offers(messenger: Messenger) -> None:
    offering(messenger, here=[*BOTH, "ckpt_name=xl"], there=[*BOTH, "lora_name=a", "vae_name=b"])
    assert lacks(messenger, SERVER) == ["lora_name=a", "vae_name=b"]
    assert lacks(messenger, ANOTHER) == ["ckpt_name=xl"]
    offering(messenger, here=[*BOTH, "lora_name=a", "vae_name=b"])
    assert (lacks(messenger, SERVER), lacks(messenger, ANOTHER)) == ([], [])


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
    messenger: Messenger, lacking: str, asked: dict[str, Any]
) -> None:
    plain, special = submitted(messenger, checkpoint_model="sd15"), submitted(messenger, **asked)
    offering(messenger, here=BOTH, there=[*BOTH, lacking])
    assert runnable(messenger, SERVER) == [plain]
    assert runnable(messenger, ANOTHER) == [plain, special]


def test_a_name_counts_only_for_the_input_it_is_given_to(messenger: Messenger) -> None:
    job_id = submitted(messenger, checkpoint_model="twin", prompt="twin")
    offering(messenger, here=["ckpt_name=twin"], there=["ckpt_name=twin", "lora_name=twin"])
    assert runnable(messenger, SERVER) == [job_id]


def test_what_nobody_is_known_to_have_keeps_no_job_from_any_server(messenger: Messenger) -> None:
    job_id = submitted(messenger, checkpoint_model="unheard of")
    assert runnable(messenger, SERVER) == [job_id], "no server ever said anything"
    offering(messenger, there=[*BOTH, "ckpt_name=xl"])
    assert runnable(messenger, SERVER) == [job_id], "this one never did"
    offering(messenger, here=BOTH)
    assert runnable(messenger, SERVER) == [job_id]


@pytest.mark.parametrize(
    "odd",
    [
        {"workflow": {"1": None, "2": [], "3": {"inputs": ["a"]}, "4": {"class_type": 5, "inputs": {"n": None}}}},
        {"checkpoint_model": None, "params": {}, "lora_models": [{}, {"name": None}]},
    ],
)
def test_a_row_of_whatever_making_asks_for_nothing(messenger: Messenger, odd: dict[str, Any]) -> None:
    job_id = submitted(messenger, **odd)
    offering(messenger, here=[], there=BOTH)
    assert runnable(messenger, ANOTHER) == [job_id]
    with messenger.transaction() as session:
        session.execute(text("UPDATE generation_jobs SET lora_models = '5', params = '[]', workflow = '[1, {}]'"))
    assert runnable(messenger, ANOTHER) == [job_id]


def test_offers_are_node_classes_and_the_choices_that_comfyui_insists_on() -> None:
    offered = offers(read_catalogue(object_info(checkpoints=["a", "b"])))
    assert {"ckpt_name=a", "ckpt_name=b", "class_type=KSampler", "sampler_name=euler"} <= set(offered)
    assert not [name for name in offered if name.startswith("image=")], "an upload is not in the list yet"
    assert offered == sorted(offered)
