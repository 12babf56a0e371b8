from __future__ import annotations

from aggregator.resources.model_syncs import MODEL_SYNCS
from tests.unit.normalized import columns, is_set, record_of, sample
from tests.unit.test_bulk_syncs import ADA, CREATED_AT, KEY, UPDATED_AT


def test_a_model_sync_is_read_field_by_field() -> None:
    given = sample(MODEL_SYNCS, "list_model_syncs")[0]
    assert record_of(MODEL_SYNCS, given).id == "00000060-1111-4111-8111-000000000060"
    assert columns(MODEL_SYNCS, given) == {
        "name": "Contacts",
        "active": True,
        "mode": "updateOrCreate",
        "model_ids": [
            "00000070-1111-4111-8111-000000000070",
            "00000071-1111-4111-8111-000000000071",
        ],
        "target_connection_id": "00000023-1111-4111-8111-000000000023",
        "target_object": "Contact",
        "schedule": "runafter",
        "schedules": [{"frequency": "runafter"}],
        "schedule_connection_id": None,
        "runs_after_sync_ids": ["00000061-1111-4111-8111-000000000061"],
        "runs_after_bulk_sync_ids": [
            "00000010-1111-4111-8111-000000000010",
            "00000011-1111-4111-8111-000000000011",
        ],
        "runs_after_success_only": True,
        "sync_all_records": False,
        "skip_initial_backfill": True,
        "only_enrich_updates": False,
        "created_at": CREATED_AT,
        "created_by_id": ADA,
        "created_by_name": "Ada Example",
        "created_by_type": "user",
        "updated_at": UPDATED_AT,
        "updated_by_id": KEY,
        "updated_by_name": "Nightly job",
        "updated_by_type": "organization",
        "extra": None,
        "sanitized": False,
    }


def test_a_schedule_of_another_service_names_its_connection_and_job() -> None:
    values = is_set(columns(MODEL_SYNCS, sample(MODEL_SYNCS, "list_model_syncs")[1]))
    assert values["schedules"] == [{"frequency": "dbtcloud", "job_id": "991"}]
    assert values["schedule_connection_id"] == "00000024-1111-4111-8111-000000000024"
    assert "runs_after_sync_ids" not in values
    assert "target_object" not in values


def test_an_older_list_names_target_and_models_elsewhere() -> None:
    """As single syncs still do; what else they have is not kept (polytomic-api 1.7, 5.5)."""
    [older] = sample(MODEL_SYNCS, "older_server")
    assert is_set(columns(MODEL_SYNCS, older)) == {
        "name": "Leads",
        "active": True,
        "mode": "update",
        "model_ids": [
            "00000071-1111-4111-8111-000000000071",
            "00000072-1111-4111-8111-000000000072",
        ],
        "target_connection_id": "23",
        "target_object": "Lead",
        "schedule": "daily",
        "schedules": [{"frequency": "daily", "hour": "6", "minute": "0"}],
        "sync_all_records": False,
    }


def test_what_a_list_says_itself_wins_over_what_is_inside() -> None:
    given = {"target_connection_id": "c", "target_object": "o", "model_ids": []}
    inside = {
        "target": {"connection_id": "x", "object": "x"},
        "fields": [{"source": {"model_id": "x"}}],
    }
    values = columns(MODEL_SYNCS, {"id": "s", **given, **inside})
    assert {name: values[name] for name in given} == given


def test_wrong_types_cost_the_field_and_not_the_record() -> None:
    """Fault C19."""
    assert is_set(columns(MODEL_SYNCS, sample(MODEL_SYNCS, "oddities")[0])) == {
        "model_ids": ["2", "3", "m"],
        "extra": {
            "active": 1,
            "created_by": 5,
            "model_ids": [True],
            "schedule": [],
            "sync_all_records": "no",
            "target_connection_id": ["c"],
            "target_object": 7,
        },
    }


def test_unknown_fields_and_words_are_kept_and_masked() -> None:
    """Faults C20, D16."""
    values = is_set(columns(MODEL_SYNCS, sample(MODEL_SYNCS, "oddities")[1]))
    assert (values["mode"], values["schedule"]) == ("upsert", "lunar")
    assert values["schedules"] == [{"frequency": "lunar", "job_id": "j-1"}]
    assert values["extra"] == {
        "region": "eu-west-1",
        "schedule.phase": "(set)",
        "schedule.run_after.model_ids": ["(set)"],
        "schedule.run_after.sync_ids": "all",
        "schedule.run_after_success_only": "yes",
        "signing_key": "(set)",
    }


def test_a_single_sync_only_proves_that_it_exists() -> None:
    assert not MODEL_SYNCS.item_is_whole
