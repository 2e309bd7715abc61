"""What travels with a piece of work, and what is no order."""

from __future__ import annotations

import json

import pytest

from btkit.errors import UsageError
from btkit.jobs.pieces import FINISH, WHOLE, Piece
from btkit.service.orders import OrderSettings, WorkOrder, read_order
from btkit.settings import Settings

SETTINGS = OrderSettings.of(Settings.model_construct())
TOKEN = "t" * 43


def order(**changes):
    return WorkOrder(
        **{
            "server": "http://127.0.0.1:8432", "token": TOKEN, "operation_id": "one",
            "piece": Piece(0, 5, 9), "job": {"kind": "sweep"}, "bars": "0" * 64,
            "settings": SETTINGS, **changes,
        }
    )  # fmt: skip


@pytest.mark.parametrize("piece", [Piece(0, 5, 9), WHOLE, FINISH])
def test_an_order_comes_back_as_it_was_written(piece):
    known = order(piece=piece, bundles={"models/dip": "1" * 64})
    assert read_order(known.model_dump_json()) == known


def test_a_worker_goes_by_the_settings_of_the_server():
    stated = OrderSettings.of(Settings.model_construct(min_trades_required=7, max_holding_bars=3))
    assert (stated.min_trades_required, stated.max_holding_bars) == (7, 3)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"token": "short"}, "token"),
        ({"bars": "../../etc/passwd"}, "bars"),
        ({"server": "file:///etc/passwd"}, "server"),
        ({"piece": {"group": 0, "lo": "a", "hi": 5}}, "piece.lo"),
        ({"bundles": {"models/dip": "x"}}, "bundles.models/dip"),
        ({"resumes": True}, "it"),
        ({"contents": 3}, "it"),
        ({"further": 1}, "further"),
    ],
)
def test_what_is_no_order_is_refused_without_its_token(changes, place):
    text = json.dumps({**json.loads(order().model_dump_json()), **changes})
    with pytest.raises(UsageError, match="The order cannot be read") as refused:
        read_order(text)
    assert refused.value.details["place"] == place
    assert TOKEN not in str(refused.value)
    assert refused.value.__cause__ is None


def test_nobody_who_prints_an_order_sees_its_token():
    assert TOKEN not in repr(order())


# Where things are, who gets in, and how much of what: a number has none of it.
NO_NUMBERS = {
    "allowed_dirs", "api_token", "curve_dir", "dask_scheduler", "data_dir", "data_source",
    "db_path", "events", "keep_local", "lease_seconds", "local_workers", "market_data_cmd",
    "market_data_timeout_s", "max_request_bytes", "minio_access_key", "minio_bucket",
    "minio_endpoint", "minio_secret_key", "minio_secure", "minio_timeout_s", "private",
    "queue_limit", "report_dir", "requests_per_minute", "server_url", "service_dir", "tls_ca",
    "tls_cert", "tls_key", "worker_cache_mb",
}  # fmt: skip


def test_of_each_setting_it_is_known_whether_it_travels():
    assert Settings.model_fields.keys() == NO_NUMBERS | OrderSettings.model_fields.keys()
