/* The rules of hubs. What a device is told changes with its next enrolment: nothing is pushed from here. Each
 * change and its audit record are one transaction. */
#include "fleet/hubs.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "db/hub_rows.h"
#include "fleet/event.h"
#include "fleet/internal.h"
#include "fleet/names.h"
#include "fleet/policy_words.h"
#include "pki/trust_anchors.h"

static const char OP_KIND[] = "hub.add";

struct hub_run {
    const struct terms *terms;
    const struct hub_change *change;
    const struct buf *ca; /* of change, checked */
    struct uuid id;
    struct hub_row *out;
};

/* --- checked ---------------------------------------------------------------------------------------- */

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static err_t check_host(struct bytes host)
{
    char text[HUB_HOST_SIZE];
    uint8_t six[16];
    ENSURE(host.n >= 1 && host.n < sizeof text, ERR_UNPROCESSABLE, "a host has 1 to %d characters",
           HUB_HOST_SIZE - 1);
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    if (inet_pton(AF_INET6, text, six) == 1) {
        return OK;
    }
    for (size_t i = 0; i < host.n; i++) {
        ENSURE(is_name_byte(host.p[i]), ERR_UNPROCESSABLE,
               "a host is a DNS name or an IP address, without scheme, port or brackets");
    }
    bool is_framed = host.p[0] == '-' || host.p[0] == '.' || host.p[host.n - 1] == '-';
    ENSURE(!is_framed && strstr(text, "..") == NULL, ERR_UNPROCESSABLE, "the host is no DNS name");
    return OK;
}

/* @param[out] ca the trust anchors as they will be stored */
static err_t check(const struct hub_change *change, struct faults *faults, struct buf *ca)
{
    if (change->name.p != NULL) {
        TRY(faults_note(faults, "/name", name_check(change->name, "hub name")));
    }
    if (change->host.p != NULL) {
        TRY(faults_note(faults, "/host", check_host(change->host)));
    }
    if (change->has_port && (change->port < 1 || change->port > 65535)) {
        faults_add(faults, "/port", "a port is a number from 1 to 65535");
    }
    if (change->ca.n > 0) {
        TRY(faults_note(faults, "/trust_anchors", trust_anchors_read(change->ca, ca)));
    }
    if (ca->n >= HUB_CA_SIZE) {
        faults_add(faults, "/trust_anchors", "the certificates have %zu bytes, %d are possible", ca->n,
                   HUB_CA_SIZE - 1);
    }
    return faults_error(faults);
}

static void apply(const struct hub_run *run, struct hub_row *row)
{
    const struct hub_change *change = run->change;
    if (change->name.p != NULL) {
        name_copy(change->name, row->name);
    }
    if (change->host.p != NULL) {
        memcpy(row->host, change->host.p, change->host.n);
        row->host[change->host.n] = '\0';
    }
    row->kind = change->has_kind ? change->kind : row->kind;
    row->port = change->has_port ? change->port : row->port;
    if (change->ca.p != NULL) {
        (void)snprintf(row->ca, sizeof row->ca, "%s", buf_str(run->ca));
    }
}

/* --- stored ----------------------------------------------------------------------------------------- */

static err_t record(struct db_tx *tx, const struct hub_run *run, const char *kind)
{
    const struct hub_row *row = run->out;
    char id[UUID_TEXT_SIZE], ca[2 * SHA256_SIZE + 1];
    struct sha256 hash;
    TRY(sha256_of(bytes_str(row->ca), &hash));
    hex_encode(BYTES_OF(hash.b), ca);
    uuid_format(row->id, id);
    struct event event = {.kind = kind,
                          .result = "ok",
                          .actor = run->terms->actor.name,
                          .request_id = run->terms->actor.request_id,
                          .tenant = &row->tenant};
    return event_append(tx, &event,
                        "{\"hub\":\"%s\",\"name\":\"%s\",\"kind\":\"%s\",\"host\":\"%s\",\"port\":%lld,"
                        "\"trust_anchors_sha256\":\"%s\",\"ver\":%lld}",
                        id, row->name, hub_kind_name(row->kind), row->host, (long long)row->port, ca,
                        (long long)row->ver);
}

static err_t find_repeat(struct db_tx *tx, const struct hub_run *run, bool *is_repeat)
{
    struct uuid id;
    TRY(idempotency_find_id(tx, &run->terms->idempotency, OP_KIND, &id, is_repeat));
    return *is_repeat ? hub_rows_find_by_id(tx, run->terms->tenant, id, run->out) : OK;
}

static err_t add_in(struct db_tx *tx, void *arg)
{
    struct hub_run *run = arg;
    bool is_repeat = false;
    char id[UUID_TEXT_SIZE];
    TRY(find_repeat(tx, run, &is_repeat));
    if (is_repeat) {
        return OK;
    }
    int64_t now_ms = db_tx_now_ms(tx);
    *run->out = (struct hub_row){.tenant = run->terms->tenant,
                                 .kind = HUB_MQTT,
                                 .port = HUB_PORT_DEFAULT,
                                 .created_at = now_ms,
                                 .updated_at = now_ms,
                                 .ver = 1};
    apply(run, run->out);
    TRY(db_tx_uuid(tx, &run->out->id));
    TRY(hub_rows_insert(tx, run->out));
    uuid_format(run->out->id, id);
    TRY(idempotency_keep(tx, &run->terms->idempotency, OP_KIND, id));
    return record(tx, run, "hub.added");
}

err_t hub_add(struct fleet *fleet, const struct terms *terms, const struct hub_change *change,
              struct hub_row *out)
{
    AUTO_VAL(buf) ca = {0};
    TRY(check(change, terms->faults, &ca));
    struct hub_run run = {.terms = terms, .change = change, .ca = &ca, .out = out};
    return db_write(fleet->db, add_in, &run);
}

static err_t change_in(struct db_tx *tx, void *arg)
{
    struct hub_run *run = arg;
    TRY(hub_rows_find_by_id(tx, run->terms->tenant, run->id, run->out));
    TRY(terms_check_version(run->terms, run->out->ver));
    apply(run, run->out);
    run->out->updated_at = db_tx_now_ms(tx);
    run->out->ver++;
    TRY(hub_rows_update(tx, run->out));
    return record(tx, run, "hub.changed");
}

err_t hub_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                 const struct hub_change *change, struct hub_row *out)
{
    AUTO_VAL(buf) ca = {0};
    TRY(check(change, terms->faults, &ca));
    struct hub_run run = {.terms = terms, .change = change, .ca = &ca, .id = id, .out = out};
    return db_write(fleet->db, change_in, &run);
}

/* --- read ------------------------------------------------------------------------------------------- */

struct find {
    struct uuid tenant, id;
    struct hub_row *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    return hub_rows_find_by_id(tx, run->tenant, run->id, run->out);
}

err_t hub_find(struct fleet *fleet, struct uuid tenant, struct uuid id, struct hub_row *out)
{
    struct find run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, find_in, &run);
}

struct list {
    struct uuid tenant;
    const struct row_window *window;
    hub_row_fn fn;
    void *arg;
};

static err_t list_in(struct db_tx *tx, void *arg)
{
    const struct list *run = arg;
    return hub_rows_list(tx, run->tenant, run->window, run->fn, run->arg);
}

err_t hub_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
               err_t (*fn)(const struct hub_row *row, void *arg), void *arg)
{
    struct list run = {.tenant = tenant, .window = window, .fn = fn, .arg = arg};
    return db_read(fleet->db, list_in, &run);
}

void hub_url_format(const struct hub_row *hub, char out[HUB_URL_SIZE])
{
    bool is_six = strchr(hub->host, ':') != NULL;
    (void)snprintf(out, HUB_URL_SIZE, "mqtts://%s%s%s:%lld", is_six ? "[" : "", hub->host, is_six ? "]" : "",
                   (long long)hub->port);
}
