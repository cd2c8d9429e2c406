"""The schema: made from nothing, equal to the rows' classes, and careful with what is not ours."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from bot.errors import SettingsError, StoreUnavailable
from bot.store.database import sync_engine
from bot.store.migrations import VERSION_TABLE, is_ours, migrate
from bot.store.tables import StoredRow


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"include_name": is_ours, "version_table": VERSION_TABLE, "compare_type": True}
    )
    return list(compare_metadata(context, StoredRow.metadata))


def run(url: str, *statements: str) -> None:
    engine = sync_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_migrating_an_empty_database_makes_what_the_rows_describe(unmigrated_url: str) -> None:
    migrate(unmigrated_url)
    engine = sync_engine(unmigrated_url)
    with engine.begin() as connection:
        assert differences(connection) == []
        assert set(inspect(connection).get_table_names()) == {*StoredRow.metadata.tables, VERSION_TABLE}
    engine.dispose()


def test_migrating_again_changes_nothing(unmigrated_url: str) -> None:
    migrate(unmigrated_url)
    run(unmigrated_url, "INSERT INTO stanch_counter (name, value) VALUES ('incident', 7)")
    migrate(unmigrated_url)
    engine = sync_engine(unmigrated_url)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT value FROM stanch_counter")).scalar_one() == 7
    engine.dispose()


@pytest.mark.parametrize("unmigrated_url", ["postgresql"], indirect=True)
def test_replicas_that_migrate_at_once_migrate_once(unmigrated_url: str) -> None:
    with ThreadPoolExecutor(3) as replicas:
        assert list(replicas.map(migrate, [unmigrated_url] * 3)) == [None] * 3


def test_tables_of_the_durable_engine_are_left_alone(unmigrated_url: str) -> None:
    run(
        unmigrated_url,
        "CREATE TABLE workflow_status (workflow_uuid TEXT PRIMARY KEY)",
        "INSERT INTO workflow_status VALUES ('1')",
    )
    migrate(unmigrated_url)
    engine = sync_engine(unmigrated_url)
    with engine.begin() as connection:
        assert differences(connection) == []
        assert connection.execute(text("SELECT count(*) FROM workflow_status")).scalar_one() == 1
    engine.dispose()


def test_a_database_of_a_newer_stanch_is_refused(unmigrated_url: str) -> None:
    migrate(unmigrated_url)
    run(unmigrated_url, "UPDATE stanch_version SET version_num = '9999'")
    with pytest.raises(SettingsError, match=r"newer Stanch \(schema 9999\)"):
        migrate(unmigrated_url)


def test_a_migration_that_fails_leaves_nothing(unmigrated_url: str) -> None:
    run(unmigrated_url, "CREATE TABLE stanch_world (taken TEXT)")
    with pytest.raises(Exception, match="stanch_world"):
        migrate(unmigrated_url)
    engine = sync_engine(unmigrated_url)
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == ["stanch_world"]
    engine.dispose()


def test_a_server_that_cannot_be_reached_is_reported_as_such() -> None:
    with pytest.raises(StoreUnavailable):
        migrate("postgresql://stanch@/stanch?host=/nowhere")
