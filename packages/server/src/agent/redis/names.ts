// Fields of INFO and CLUSTER INFO → metric names of redis_exporter 1.45, without `redis_`.

/** Where nothing is given, the field's own name is the metric's. */
type Names = Readonly<Record<string, string>>;

const same = (fields: string): Names =>
  Object.fromEntries(
    fields
      .trim()
      .split(/\s+/)
      .map((field) => [field, field]),
  );

export const GAUGES: Names = {
  ...same(`
    uptime_in_seconds process_id io_threads_active
    connected_clients blocked_clients tracking_clients clients_in_timeout_table
    client_longest_output_list client_biggest_input_buf
    allocator_frag_ratio allocator_frag_bytes allocator_rss_ratio allocator_rss_bytes
    mem_fragmentation_ratio mem_fragmentation_bytes mem_clients_slaves mem_clients_normal number_of_cached_scripts
    lazyfree_pending_objects active_defrag_running
    rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_bgsave_status
    aof_enabled aof_rewrite_in_progress aof_rewrite_scheduled aof_pending_rewrite aof_buffer_length
    aof_rewrite_buffer_length aof_pending_bio_fsync aof_delayed_fsync aof_last_bgrewrite_status aof_last_write_status
    module_fork_in_progress module_fork_last_cow_size
    pubsub_channels pubsub_patterns tracking_total_keys tracking_total_items tracking_total_prefixes
    connected_slaves repl_backlog_first_byte_offset master_repl_offset second_repl_offset slave_expires_tracked_keys
    slave_priority`),
  client_recent_max_output_buffer: "client_recent_max_output_buffer_bytes",
  client_recent_max_input_buffer: "client_recent_max_input_buffer_bytes",
  allocator_active: "allocator_active_bytes",
  allocator_allocated: "allocator_allocated_bytes",
  allocator_resident: "allocator_resident_bytes",
  used_memory: "memory_used_bytes",
  used_memory_rss: "memory_used_rss_bytes",
  used_memory_peak: "memory_used_peak_bytes",
  used_memory_lua: "memory_used_lua_bytes",
  used_memory_overhead: "memory_used_overhead_bytes",
  used_memory_startup: "memory_used_startup_bytes",
  used_memory_dataset: "memory_used_dataset_bytes",
  used_memory_scripts: "memory_used_scripts_bytes",
  maxmemory: "memory_max_bytes",
  expired_stale_perc: "expired_stale_percentage",
  mem_not_counted_for_evict: "mem_not_counted_for_eviction_bytes",
  migrate_cached_sockets: "migrate_cached_sockets_total",
  active_defrag_hits: "defrag_hits",
  active_defrag_misses: "defrag_misses",
  active_defrag_key_hits: "defrag_key_hits",
  active_defrag_key_misses: "defrag_key_misses",
  expired_time_cap_reached_count: "expired_time_cap_reached_total",
  loading: "loading_dump_file",
  rdb_last_save_time: "rdb_last_save_timestamp_seconds",
  rdb_last_bgsave_time_sec: "rdb_last_bgsave_duration_sec",
  rdb_current_bgsave_time_sec: "rdb_current_bgsave_duration_sec",
  rdb_last_cow_size: "rdb_last_cow_size_bytes",
  aof_last_rewrite_time_sec: "aof_last_rewrite_duration_sec",
  aof_current_rewrite_time_sec: "aof_current_rewrite_duration_sec",
  aof_last_cow_size: "aof_last_cow_size_bytes",
  aof_current_size: "aof_current_size_bytes",
  aof_base_size: "aof_base_size_bytes",
  repl_backlog_size: "replication_backlog_bytes",
  repl_backlog_active: "repl_backlog_is_active",
  repl_backlog_histlen: "repl_backlog_history_bytes",
  sync_full: "replica_resyncs_full",
  sync_partial_ok: "replica_partial_resync_accepted",
  sync_partial_err: "replica_partial_resync_denied",
  latest_fork_usec: "latest_fork_seconds",
  cluster_stats_messages_sent: "cluster_messages_sent_total",
  cluster_stats_messages_received: "cluster_messages_received_total",
};

export const COUNTERS: Names = {
  ...same(`
    io_threaded_reads_processed io_threaded_writes_processed total_reads_processed total_writes_processed
    total_error_replies unexpected_error_replies dump_payload_sanitizations`),
  total_connections_received: "connections_received_total",
  total_commands_processed: "commands_processed_total",
  rejected_connections: "rejected_connections_total",
  total_net_input_bytes: "net_input_bytes_total",
  total_net_output_bytes: "net_output_bytes_total",
  expired_keys: "expired_keys_total",
  evicted_keys: "evicted_keys_total",
  keyspace_hits: "keyspace_hits_total",
  keyspace_misses: "keyspace_misses_total",
  used_cpu_sys: "cpu_sys_seconds_total",
  used_cpu_user: "cpu_user_seconds_total",
  used_cpu_sys_children: "cpu_sys_children_seconds_total",
  used_cpu_user_children: "cpu_user_children_seconds_total",
  used_cpu_sys_main_thread: "cpu_sys_main_thread_seconds_total",
  used_cpu_user_main_thread: "cpu_user_main_thread_seconds_total",
};

/** Settings that stand on the page, of CONFIG GET. */
export const SETTINGS = ["io-threads", "maxclients", "maxmemory"] as const;
