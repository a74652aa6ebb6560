// What is asked of every PostgreSQL, 13 to 17 (18 by its documentation, too), by the names of postgres_exporter 0.11.
import type { ColumnTypes, TableShape } from "./families.ts";

interface ServerFacts {
  readonly major: number;
  readonly isStandby: boolean;
}

export interface BuiltIn extends TableShape {
  /** Value of the label `collector`. */
  readonly name: string;
  readonly sql: (server: ServerFacts) => string;
}

/** Columns of the same kind whose help is `about` and their name. */
function columns(type: "counter" | "gauge" | "untyped", helps: Readonly<Record<string, string>>): ColumnTypes {
  return Object.fromEntries(Object.entries(helps).map(([name, help]) => [name, [type, help] as const]));
}

const STATES = [
  "active",
  "idle",
  "idle in transaction",
  "idle in transaction (aborted)",
  "fastpath function call",
  "disabled",
];
const LOCK_MODES =
  "accessshare rowshare rowexclusive shareupdateexclusive share sharerowexclusive exclusive accessexclusive";

const valuesOf = (words: readonly string[]) => words.map((word) => `('${word}')`).join(", ");

const activity: BuiltIn = {
  name: "stat_activity",
  prefix: "pg_stat_activity_",
  values: columns("gauge", {
    count: "number of connections in this state",
    max_tx_duration: "max duration in seconds any active transaction has been running",
  }),
  sql: () => `
    WITH now_open AS (
      SELECT datname, state, count(*) AS count, max(extract(epoch FROM now() - xact_start)) AS seconds
      FROM pg_stat_activity GROUP BY datname, state
    )
    SELECT d.datname, s.state, coalesce(o.count, 0) AS count, coalesce(o.seconds, 0) AS max_tx_duration
    FROM pg_database d CROSS JOIN (VALUES ${valuesOf(STATES)}) AS s (state)
    LEFT JOIN now_open o ON o.datname = d.datname AND o.state = s.state`,
};

const locks: BuiltIn = {
  name: "locks",
  prefix: "pg_locks_",
  values: columns("gauge", { count: "Number of locks" }),
  sql: () => `
    WITH held AS (SELECT database, lower(mode) AS mode, count(*) AS count FROM pg_locks GROUP BY 1, 2)
    SELECT d.datname, m.mode, coalesce(h.count, 0) AS count
    FROM pg_database d
    CROSS JOIN (VALUES ${valuesOf([...LOCK_MODES.split(" ").map((mode) => `${mode}lock`), "sireadlock"])}) AS m (mode)
    LEFT JOIN held h ON h.database = d.oid AND h.mode = m.mode`,
};

const size: BuiltIn = {
  name: "database",
  prefix: "pg_database_",
  values: columns("gauge", { size_bytes: "Disk space used by the database" }),
  // Of a database that the role may neither connect to nor read the statistics of, there is no size: no error for that.
  sql: () => `
    SELECT datname, pg_database_size(oid) AS size_bytes FROM pg_database
    WHERE has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')`,
};

const SESSION_TIMES = [
  "session_time",
  "active_time",
  "idle_in_transaction_time",
  "sessions",
  "sessions_abandoned",
  "sessions_fatal",
  "sessions_killed",
];
const unknownOf = (names: readonly string[]) =>
  columns("untyped", Object.fromEntries(names.map((name) => [name, `Column ${name} of pg_stat_database`])));

const database: BuiltIn = {
  name: "stat_database",
  prefix: "pg_stat_database_",
  values: {
    ...columns("gauge", { numbackends: "Backends that are connected to this database" }),
    ...columns("counter", {
      xact_commit: "Number of transactions in this database that have been committed",
      xact_rollback: "Number of transactions in this database that have been rolled back",
      blks_read: "Number of disk blocks read in this database",
      blks_hit: "Number of times disk blocks were found in PostgreSQL's buffer cache",
      tup_returned: "Number of rows returned by queries in this database",
      tup_fetched: "Number of rows fetched by queries in this database",
      tup_inserted: "Number of rows inserted by queries in this database",
      tup_updated: "Number of rows updated by queries in this database",
      tup_deleted: "Number of rows deleted by queries in this database",
      conflicts: "Number of queries canceled due to conflicts with recovery, on standby servers",
      temp_files: "Number of temporary files created by queries in this database",
      temp_bytes: "Bytes written to temporary files by queries in this database",
      deadlocks: "Number of deadlocks detected in this database",
      blk_read_time: "Time spent reading data file blocks by backends in this database, in milliseconds",
      blk_write_time: "Time spent writing data file blocks by backends in this database, in milliseconds",
      stats_reset: "Time at which these statistics were last reset",
    }),
    ...unknownOf(["checksum_failures", "checksum_last_failure", ...SESSION_TIMES]),
  },
  sql: ({ major }) => `
    SELECT datid, coalesce(datname, '') AS datname, numbackends, xact_commit, xact_rollback, blks_read, blks_hit,
      tup_returned, tup_fetched, tup_inserted, tup_updated, tup_deleted, conflicts, temp_files, temp_bytes, deadlocks,
      blk_read_time, blk_write_time, extract(epoch FROM stats_reset) AS stats_reset, checksum_failures,
      extract(epoch FROM checksum_last_failure) AS checksum_last_failure${major >= 14 ? `, ${SESSION_TIMES.join(", ")}` : ""}
    FROM pg_stat_database`,
};

const conflicts: BuiltIn = {
  name: "stat_database_conflicts",
  prefix: "pg_stat_database_conflicts_",
  values: columns("counter", {
    confl_tablespace: "Number of queries in this database that have been canceled due to dropped tablespaces",
    confl_lock: "Number of queries in this database that have been canceled due to lock timeouts",
    confl_snapshot: "Number of queries in this database that have been canceled due to old snapshots",
    confl_bufferpin: "Number of queries in this database that have been canceled due to pinned buffers",
    confl_deadlock: "Number of queries in this database that have been canceled due to deadlocks",
    confl_active_logicalslot: "Number of uses of logical slots in this database that have been canceled",
  }),
  sql: ({ major }) => `
    SELECT datid, datname, confl_tablespace, confl_lock, confl_snapshot, confl_bufferpin, confl_deadlock
      ${major >= 16 ? ", confl_active_logicalslot" : ""}
    FROM pg_stat_database_conflicts`,
};

const BUFFERS_CHECKPOINT = "Number of buffers written during checkpoints";

const bgwriter: BuiltIn = {
  name: "bgwriter",
  prefix: "pg_stat_bgwriter_",
  suffix: "_total",
  values: columns("counter", {
    checkpoints_timed: "Number of scheduled checkpoints that have been performed",
    checkpoints_req: "Number of requested checkpoints that have been performed",
    checkpoint_write_time: "Time of checkpoints in which files are written to disk, in milliseconds",
    checkpoint_sync_time: "Time of checkpoints in which files are synchronized to disk, in milliseconds",
    buffers_checkpoint: BUFFERS_CHECKPOINT,
    buffers_clean: "Number of buffers written by the background writer",
    maxwritten_clean: "Number of times the background writer stopped a cleaning scan because it had written too many",
    buffers_backend: "Number of buffers written directly by a backend",
    buffers_backend_fsync: "Number of times a backend had to execute its own fsync call",
    buffers_alloc: "Number of buffers allocated",
    stats_reset: "Time at which these statistics were last reset",
  }),
  // 17 has the checkpointer's part in a view of its own, and what backends write in pg_stat_io: the names stay.
  sql: ({ major }) =>
    major < 17
      ? `SELECT checkpoints_timed, checkpoints_req, checkpoint_write_time, checkpoint_sync_time, buffers_checkpoint,
          buffers_clean, maxwritten_clean, buffers_backend, buffers_backend_fsync, buffers_alloc,
          extract(epoch FROM stats_reset) AS stats_reset
        FROM pg_stat_bgwriter`
      : `SELECT c.num_timed AS checkpoints_timed, c.num_requested AS checkpoints_req,
          c.write_time AS checkpoint_write_time, c.sync_time AS checkpoint_sync_time,
          c.buffers_written AS buffers_checkpoint, b.buffers_clean, b.maxwritten_clean,
          io.writes AS buffers_backend, io.fsyncs AS buffers_backend_fsync, b.buffers_alloc,
          extract(epoch FROM b.stats_reset) AS stats_reset
        FROM pg_stat_bgwriter b, pg_stat_checkpointer c,
          (SELECT sum(writes) AS writes, sum(fsyncs) AS fsyncs FROM pg_stat_io
            WHERE backend_type NOT IN ('checkpointer', 'background writer') AND object = 'relation') io`,
};

const archiver: BuiltIn = {
  name: "stat_archiver",
  prefix: "pg_stat_archiver_",
  values: {
    ...columns("counter", {
      archived_count: "Number of WAL files that have been successfully archived",
      failed_count: "Number of failed attempts for archiving WAL files",
    }),
    ...columns("gauge", { last_archive_age: "Time in seconds since last WAL segment was successfully archived" }),
  },
  sql: () => `
    SELECT archived_count, failed_count, extract(epoch FROM now() - last_archived_time) AS last_archive_age
    FROM pg_stat_archiver`,
};

const standbys: BuiltIn = {
  name: "stat_replication",
  prefix: "pg_stat_replication_",
  values: {
    ...columns("gauge", {
      pg_current_wal_lsn_bytes: "WAL position in bytes",
      pg_wal_lsn_diff: "Lag in bytes between master and slave",
    }),
    ...columns("untyped", { reply_time: "Time of the standby's last message" }),
  },
  sql: ({ isStandby }) => `
    SELECT r.application_name, host(r.client_addr) AS client_addr, r.state, coalesce(s.slot_name, '') AS slot_name,
      ${isStandby ? "NULL" : "pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"} AS pg_current_wal_lsn_bytes,
      ${isStandby ? "NULL" : "pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)"} AS pg_wal_lsn_diff,
      extract(epoch FROM r.reply_time) AS reply_time
    FROM pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid`,
};

const slots: BuiltIn = {
  name: "replication_slots",
  prefix: "pg_replication_slots_",
  values: columns("gauge", {
    active: "Flag indicating if the slot is active",
    pg_wal_lsn_diff: "Replication lag in bytes",
  }),
  sql: ({ isStandby }) => `
    SELECT slot_name, coalesce(database, '') AS database, active,
      pg_wal_lsn_diff(${isStandby ? "pg_last_wal_receive_lsn()" : "pg_current_wal_lsn()"}, restart_lsn) AS pg_wal_lsn_diff
    FROM pg_replication_slots`,
};

const lag: BuiltIn = {
  name: "replication",
  prefix: "pg_replication_",
  values: columns("gauge", {
    lag: "Replication lag behind master in seconds",
    // The exporter's name since 0.13, which newer rules use.
    lag_seconds: "Replication lag behind master in seconds",
    is_replica: "Indicates if the server is a replica",
  }),
  sql: ({ isStandby }) =>
    isStandby
      ? `SELECT lag, lag AS lag_seconds, 1 AS is_replica FROM (SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
          ELSE greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp())) END AS lag) AS one`
      : "SELECT 0 AS lag, 0 AS lag_seconds, 0 AS is_replica",
};

const postmaster: BuiltIn = {
  name: "postmaster",
  prefix: "pg_postmaster_",
  values: columns("gauge", { start_time_seconds: "Time at which postmaster started" }),
  sql: () => "SELECT extract(epoch FROM pg_postmaster_start_time()) AS start_time_seconds",
};

export const BUILT_IN: readonly BuiltIn[] = [
  activity,
  locks,
  size,
  database,
  conflicts,
  bgwriter,
  archiver,
  standbys,
  slots,
  lag,
  postmaster,
];
