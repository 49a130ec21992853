"""The alerts, and the series of a system that is well and of one in each trouble."""

import re
from collections.abc import Mapping
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.unpacked import ROOT

FOLDER = ROOT / "deploy" / "monitoring"
ALERTS = FOLDER / "prometheus" / "alerts.yml"
RANGE = re.compile(r"\[(\d+[smhd])\]")
SECONDS = re.compile(r"(_seconds\) > )(\d+)")
UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
UNTIL = "40m"  # from the beginning, with a value each minute

# In Prometheus's own notation: a value and how often it comes again, or where it starts, by what it grows, how often.
REPLICA = 'pg_up{role="replica"}'
SERVER = 'genonaut_server_state{{server="gpu",state="{}"}}'
HEALTHY: Mapping[str, str] = {
    'genonaut_oldest_waiting_seconds{priority="5"}': "2x60",
    'genonaut_jobs{status="queued"}': "10x60",
    "genonaut_jobs_accepted_total": "0+60x60",
    "genonaut_jobs_started_total": "0+60x60",
    'genonaut_jobs_finished_total{status="completed"}': "0+60x60",
    'genonaut_slots{server="gpu"}': "2x60",
    'genonaut_slots_used{server="gpu"}': "1x60",
    'genonaut_attempts_total{outcome="completed"}': "0+60x60",
    'up{job="genonaut-api"}': "1x60",
    "genonaut_workers": "1x60",
    "genonaut_scheduler_leads": "1x60",
    "genonaut_lease_expiries_total": "0x60",
    'genonaut_http_request_duration_seconds_count{status="200"}': "0+600x60",
    SERVER.format("up"): "1x60",
    SERVER.format("unreachable"): "0x60",
    SERVER.format("wedged"): "0x60",
    SERVER.format("open"): "0x60",
    SERVER.format("half-open"): "0x60",
    "genonaut_webhooks_oldest_seconds": "0x60",
    "genonaut_storage_away": "0x60",
    "genonaut_storage_free_bytes": "1000000000000x60",
    "genonaut_outputs_bytes_total": "0+1000000x60",
    "pg_stat_activity_count": "20x60",
    "pg_settings_max_connections": "100x60",
    'pg_stat_user_tables_n_dead_tup{relname="jobs"}': "50000x60",
    'pg_stat_user_tables_n_live_tup{relname="jobs"}': "1000000x60",
    'genonaut_replica_fit{instance="a"}': "1x60",
    'genonaut_replica_fit{instance="b"}': "0x60",
    "pg_up": "1x60",
    REPLICA: "1x60",
    "redis_up": "1x60",
}
NOTHING_STARTS = {"genonaut_jobs_started_total": "5x60", 'genonaut_oldest_waiting_seconds{priority="5"}': "300x60"}
REQUESTS_FAIL = {'genonaut_http_request_duration_seconds_count{status="503"}': "0+100x60"}
UNREACHABLE = {SERVER.format("up"): "0x60", SERVER.format("unreachable"): "1x60"}
REFUSES_EACH_TRIAL = {
    SERVER.format("up"): "0x60",
    SERVER.format("open"): " ".join(["1", "1", "0"] * 20),
    SERVER.format("unreachable"): " ".join(["0", "0", "1"] * 20),
}
LEASE_RAN_OUT = {"genonaut_lease_expiries_total": "0x35 1x25"}
NO_LEADER = {"genonaut_scheduler_leads": "0x60"}
NO_REPLICA = {REPLICA: "0x60", 'genonaut_replica_fit{instance="a"}': "0x60"}
# What is otherwise while something is wrong, with what follows from it, by the one alert that it fires.
TROUBLES: Mapping[str, Mapping[str, str]] = {
    "OldestJobWaitsTooLong": {'genonaut_oldest_waiting_seconds{priority="5"}': "1000x60"},
    "MoreJobsComeThanEnd": {"genonaut_jobs_accepted_total": "0+100x60", 'genonaut_jobs{status="queued"}': "400x60"},
    "NothingStarts": NOTHING_STARTS,
    "ManyJobsFail": {'genonaut_jobs_finished_total{status="failed"}': "0+30x60"},
    "ManyAttemptsAreRepeated": {'genonaut_attempts_total{outcome="retried"}': "0+40x60"},
    "ProcessDoesNotAnswer": {'up{job="genonaut-api"}': "0x60"},
    "NoWorker": {"genonaut_workers": "0x60", **NOTHING_STARTS, **UNREACHABLE},
    "NoSchedulerLeads": NO_LEADER,
    "LeaseRanOut": LEASE_RAN_OUT,
    "RequestsFail": REQUESTS_FAIL,
    "ServerIsNotUsable": UNREACHABLE,
    "ServerIsWedged": {SERVER.format("up"): "0x60", SERVER.format("wedged"): "1x60"},
    "BreakerIsOpen": REFUSES_EACH_TRIAL,
    "WebhooksWait": {"genonaut_webhooks_oldest_seconds": "400x60"},
    "StoreRefuses": {"genonaut_storage_away": "1x60", **NOTHING_STARTS},
    "StorageFillsUp": {"genonaut_storage_free_bytes": "10000000x60"},
    "ConnectionsRunOut": {"pg_stat_activity_count": "90x60"},
    "DeadRowsPileUp": {'pg_stat_user_tables_n_dead_tup{relname="jobs"}': "900000x60"},
    "PostgresIsDown": {"pg_up": "0x60", **NO_LEADER, **REQUESTS_FAIL, **LEASE_RAN_OUT},
    "ReplicaIsDown": NO_REPLICA,
    "ReplicaIsNotRead": {'genonaut_replica_fit{instance="a"}': "0x60"},
    "RedisIsDown": {"redis_up": "0x60"},
}

# A breaker that was open for a while, and closed by its first trial.
OPENED_ONCE = {SERVER.format("open"): "0x36 1 0x23"}

# PostgreSQL is back since a minute: what followed from that is over, and counters remember it.
BACK_AGAIN = {
    "pg_up": "0x38 1x20",
    'genonaut_http_request_duration_seconds_count{status="503"}': "0+100x38 3800x20",
    **LEASE_RAN_OUT,
}


# What would only follow from a primary that is away, and does not follow from a replica that is.
OF_THE_PRIMARY = {**NO_LEADER, **REQUESTS_FAIL, **LEASE_RAN_OUT}
AS_LONG_AS_THE_PRIMARY_ANSWERS = ("NoSchedulerLeads", "RequestsFail", "LeaseRanOut")


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def quicker(factor: float) -> str:
    """The rules with all their times so many times shorter: `for`, ranges, and seconds that are compared."""
    groups = yaml.safe_load(ALERTS.read_text())
    for rule in (rule for group in groups["groups"] for rule in group["rules"]):
        rule["expr"] = RANGE.sub(lambda found: f"[{shorter(found[1], factor)}]", rule["expr"])
        rule["expr"] = SECONDS.sub(lambda found: f"{found[1]}{float(found[2]) / factor:g}", rule["expr"])
        if "for" in rule:
            rule["for"] = shorter(rule["for"], factor)
    return str(yaml.safe_dump(groups))


def shorter(duration: str, factor: float) -> str:
    return f"{round(int(duration[:-1]) * UNITS_MS[duration[-1]] / factor)}ms"


def unit_tests() -> dict[str, Any]:
    """What `promtool test rules` takes: no alert while all is well, or well again, and one alone in each trouble."""
    cases = [
        scenario({}),
        scenario(BACK_AGAIN),
        scenario(OPENED_ONCE),
        scenario({**NO_REPLICA, **OF_THE_PRIMARY}, "ReplicaIsDown", *AS_LONG_AS_THE_PRIMARY_ANSWERS),
        *(scenario(changes, name) for name, changes in TROUBLES.items()),
    ]
    return {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": cases}


def scenario(changes: Mapping[str, str], *fires: str) -> dict[str, Any]:
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in fires]
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in {**HEALTHY, **changes}.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": UNTIL, "exp_samples": expected}],
    }
