/* What `whorl top` shows, and which samples it is made of. */
#include "cmd/whorl/top_figures.h"

#define ALL(name_)                                                                                           \
    {                                                                                                        \
        (name_), NULL, NULL, false                                                                           \
    }
#define ONLY(name_, label_, value_)                                                                          \
    {                                                                                                        \
        (name_), (label_), (value_), false                                                                   \
    }
#define LIKE(name_, label_, value_)                                                                          \
    {                                                                                                        \
        (name_), (label_), (value_), true                                                                    \
    }
#define RATE(section_, name_, ...)                                                                           \
    {                                                                                                        \
        section_, name_, CLI_TOP_GROWTH, CLI_TOP_RATE, __VA_ARGS__                                           \
    }
#define COUNT(section_, name_, ...)                                                                          \
    {                                                                                                        \
        section_, name_, CLI_TOP_SUM, CLI_TOP_COUNT, __VA_ARGS__                                             \
    }
#define BYTES(section_, name_, ...)                                                                          \
    {                                                                                                        \
        section_, name_, CLI_TOP_SUM, CLI_TOP_BYTES, __VA_ARGS__                                             \
    }
#define MEAN(section_, name_, figure_)                                                                       \
    {                                                                                                        \
        section_, name_, CLI_TOP_MEAN, CLI_TOP_SECONDS, ALL(figure_)                                         \
    }
#define P99(section_, name_, figure_)                                                                        \
    {                                                                                                        \
        section_, name_, CLI_TOP_P99, CLI_TOP_SECONDS, ALL(figure_)                                          \
    }
#define UNTIL(section_, name_, ...)                                                                          \
    {                                                                                                        \
        section_, name_, CLI_TOP_UNTIL, CLI_TOP_SPAN, __VA_ARGS__                                            \
    }

#define REQUESTS     "whorl_http_requests_total"
#define HANDSHAKES   "whorl_tls_handshakes_total"
#define ENROLMENTS   "whorl_enrolments_total"
#define REFUSALS     "whorl_refusals_total"
#define OCSP         "whorl_ocsp_answers_total"
#define DEVICES      "whorl_devices"
#define CERTIFICATES "whorl_certificates"
#define EXPIRY       "whorl_expiry_timestamp_seconds"

/* In the order of the page; rows of a section stand together. */
const struct cli_top_number cli_top_numbers[] = {
    RATE("requests", "all", ALL(REQUESTS)),
    RATE("requests", "2xx", LIKE(REQUESTS, "status", "2")),
    RATE("requests", "3xx", LIKE(REQUESTS, "status", "3")),
    RATE("requests", "4xx", LIKE(REQUESTS, "status", "4")),
    RATE("requests", "5xx", LIKE(REQUESTS, "status", "5")),
    MEAN("requests", "mean", "whorl_http_request_seconds"),
    P99("requests", "p99", "whorl_http_request_seconds"),
    RATE("turned away", "limited", ALL("whorl_requests_limited_total")),
    RATE("turned away", "refused", ALL("whorl_http_refused_total")),
    RATE("turned away", "queue full", ONLY("whorl_http_refused_total", "reason", "queue")),
    RATE("turned away", "connections", ONLY("whorl_http_refused_total", "reason", "connections")),
    RATE("turned away", "address", ONLY("whorl_http_refused_total", "reason", "address")),
    RATE("handshakes", "full", ONLY(HANDSHAKES, "result", "full")),
    RATE("handshakes", "resumed", ONLY(HANDSHAKES, "result", "resumed")),
    RATE("handshakes", "failed", ONLY(HANDSHAKES, "result", "failed")),
    COUNT("handshakes", "unfinished", ALL("whorl_tls_handshakes_unfinished")),
    MEAN("handshakes", "mean", "whorl_tls_handshake_seconds"),
    P99("handshakes", "p99", "whorl_tls_handshake_seconds"),
    RATE("enrolments", "enrolled", ONLY(ENROLMENTS, "result", "enrolled")),
    RATE("enrolments", "renewed", ONLY(ENROLMENTS, "result", "renewed")),
    RATE("enrolments", "recovered", ONLY(ENROLMENTS, "result", "recovered")),
    RATE("enrolments", "repeated", ONLY(ENROLMENTS, "result", "repeated")),
    RATE("enrolments", "confirmed", ALL("whorl_certificates_confirmed_total")),
    RATE("refusals", "known", ONLY(REFUSALS, "device", "known")),
    RATE("refusals", "unknown", ONLY(REFUSALS, "device", "unknown")),
    RATE("refusals", "proofs", ALL("whorl_proofs_failed_total")),
    RATE("refusals", "revoked", ALL("whorl_certificates_revoked_total")),
    RATE("ocsp", "good", ONLY(OCSP, "result", "good")),
    RATE("ocsp", "revoked", ONLY(OCSP, "result", "revoked")),
    RATE("ocsp", "unknown", ONLY(OCSP, "result", "unknown")),
    RATE("ocsp", "signed", ALL("whorl_ocsp_signed_total")),
    COUNT("queues", "accept", ALL("whorl_accept_queued")),
    COUNT("queues", "workers", ALL("whorl_worker_queue")),
    COUNT("queues", "busy", ALL("whorl_worker_busy")),
    COUNT("queues", "writes", ALL("whorl_db_queue")),
    COUNT("queues", "signer", ALL("whorl_signer_waiting")),
    COUNT("queues", "webhooks", ALL("whorl_webhook_waiting")),
    COUNT("queues", "jobs", ALL("whorl_jobs_running")),
    RATE("commits", "all", ALL("whorl_db_commits_total")),
    RATE("commits", "changes", ALL("whorl_db_transactions_total")),
    {"commits", "in one", CLI_TOP_MEAN, CLI_TOP_PLAIN, ALL("whorl_db_group_transactions")},
    COUNT("commits", "most in one", ALL("whorl_db_largest_group")),
    RATE("commits", "rolled back", ALL("whorl_db_rollbacks_total")),
    MEAN("commits", "mean", "whorl_db_commit_seconds"),
    P99("commits", "p99", "whorl_db_commit_seconds"),
    {"commits", "journal behind", CLI_TOP_SUM, CLI_TOP_SECONDS, ALL("whorl_journal_lag_seconds")},
    MEAN("loops", "late by", "whorl_loop_lag_seconds"),
    P99("loops", "p99", "whorl_loop_lag_seconds"),
    RATE("jobs", "run", ALL("whorl_job_runs_total")),
    RATE("jobs", "failed", ONLY("whorl_job_runs_total", "result", "failed")),
    RATE("webhooks", "delivered", ONLY("whorl_webhook_calls_total", "result", "delivered")),
    RATE("webhooks", "turned down", ONLY("whorl_webhook_calls_total", "result", "turned_down")),
    RATE("webhooks", "unreached", ONLY("whorl_webhook_calls_total", "result", "unreached")),
    COUNT("devices", "registered", ONLY(DEVICES, "state", "registered")),
    COUNT("devices", "enrolled", ONLY(DEVICES, "state", "enrolled")),
    COUNT("devices", "quarantined", ONLY(DEVICES, "state", "quarantined")),
    COUNT("devices", "revoked", ONLY(DEVICES, "state", "revoked")),
    COUNT("devices", "compromised", ONLY(DEVICES, "state", "compromised")),
    COUNT("devices", "due", ONLY("whorl_devices_certified", "term", "due")),
    COUNT("devices", "expired", ONLY("whorl_devices_certified", "term", "expired")),
    COUNT("devices", "overdue", ALL("whorl_devices_overdue")),
    COUNT("certificates", "unconfirmed", ONLY(CERTIFICATES, "state", "unconfirmed")),
    COUNT("certificates", "confirmed", ONLY(CERTIFICATES, "state", "confirmed")),
    COUNT("certificates", "superseded", ONLY(CERTIFICATES, "state", "superseded")),
    COUNT("certificates", "revoked", ONLY(CERTIFICATES, "state", "revoked")),
    COUNT("certificates", "end in 7 days", ONLY("whorl_certificates_due", "within", "7d")),
    COUNT("certificates", "in 30 days", ONLY("whorl_certificates_due", "within", "30d")),
    COUNT("campaigns", "rollouts", ALL("whorl_rollouts_running")),
    COUNT("campaigns", "rekey plans", ALL("whorl_rekey_plans_running")),
    COUNT("campaigns", "rollout devices waiting", ONLY("whorl_rollout_devices", "state", "waiting")),
    COUNT("campaigns", "failed", ONLY("whorl_rollout_devices", "state", "failed")),
    COUNT("alarms", "critical", ONLY("whorl_alarms", "severity", "critical")),
    COUNT("alarms", "warning", ONLY("whorl_alarms", "severity", "warning")),
    UNTIL("ends in", "list", ONLY(EXPIRY, "what", "crl")),
    {"ends in", "oldest list made before", CLI_TOP_SINCE, CLI_TOP_SPAN, ALL("whorl_crl_this_update_seconds")},
    UNTIL("ends in", "authority", ONLY(EXPIRY, "what", "authority")),
    UNTIL("ends in", "server certificate", ONLY(EXPIRY, "what", "server_certificate")),
    UNTIL("ends in", "ocsp signer", ONLY(EXPIRY, "what", "ocsp_signer")),
    {"process", "cpu", CLI_TOP_GROWTH, CLI_TOP_SHARE, ALL("process_cpu_seconds_total")},
    BYTES("process", "memory", ALL("process_resident_memory_bytes")),
    COUNT("process", "descriptors", ALL("process_open_fds")),
    COUNT("process", "of", ALL("process_max_fds")),
    COUNT("process", "connections", ALL("whorl_connections")),
    COUNT("process", "streams", ALL("whorl_event_streams")),
    {"process", "up", CLI_TOP_SINCE, CLI_TOP_SPAN, ALL("process_start_time_seconds")},
};
const size_t cli_top_number_count = sizeof cli_top_numbers / sizeof cli_top_numbers[0];
