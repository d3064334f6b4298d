/* Opens a data directory in the one order that works: settings, log, marker, keys, inventory, authorities,
 * fleet. */
#include "cmd/whorld/house.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "cmd/whorld/signer.h"
#include "fleet/authority_set.h"
#include "fleet/rates.h"

enum { FORMAT_VERSION = 1, COMMAND_WAIT_MS = 15000 };

err_t house_path(const struct house *house, const char *name, char **out)
{
    return path_join(house->folder, name, out);
}

err_t house_check_marker(const char *folder)
{
    AUTO(char) *marker = NULL;
    AUTO(char) *started = NULL;
    AUTO(char) *restoring = NULL;
    TRY(path_join(folder, HOUSE_MARKER, &marker));
    TRY(path_join(folder, HOUSE_STARTED, &started));
    TRY(path_join(folder, HOUSE_RESTORING, &restoring));
    if (!file_exists(marker)) {
        ENSURE(!file_exists(restoring), ERR_UNPROCESSABLE,
               "%.80s is half-made: restore was interrupted; run `whorld restore` on it again", folder);
        ENSURE(!file_exists(started), ERR_UNPROCESSABLE,
               "%.80s is half-made: init was interrupted; run `whorld init` on it again", folder);
        return ERR(ERR_NOT_FOUND, "no installation in %.100s; make one with `whorld init --dir …`", folder);
    }
    AUTO_VAL(buf) text = {0};
    AUTO(json_t) *root = NULL;
    TRY(file_read(marker, 4096, &text));
    err_t parsed = json_parse(buf_view(&text), 4096, &root);
    ENSURE(parsed.code == ERR_OK, ERR_UNPROCESSABLE, "%.100s is not of this program", marker);
    struct {
        int64_t format;
    } m = {0};
    const struct json_field fields[] = {
        {"format", JSON_KIND_INTEGER, true, 0, 0, INT32_MAX, JSON_NO_HAS},
    };
    parsed = json_read(root, fields, 1, false, &m);
    ENSURE(parsed.code == ERR_OK, ERR_UNPROCESSABLE, "%.100s is not of this program", marker);
    ENSURE(m.format == FORMAT_VERSION, ERR_UNPROCESSABLE,
           "the directory has format %d; this program knows %d", (int)m.format, FORMAT_VERSION);
    return OK;
}

err_t house_journal_folder(const struct house *house, char **out)
{
    const char *given = house->config.journal_dir;
    if (given[0] == '/') {
        *out = strdup(given);
        ENSURE(*out != NULL, ERR_NO_MEMORY, "a path");
        return OK;
    }
    return house_path(house, given[0] != '\0' ? given : HOUSE_JOURNAL, out);
}

err_t house_open_db(struct house *house, enum house_use use)
{
    AUTO(char) *path = NULL;
    AUTO(char) *before_migration = NULL;
    AUTO(char) *journal = NULL;
    TRY(house_path(house, HOUSE_DATABASE, &path));
    TRY(house_path(house, HOUSE_BEFORE_MIGRATION, &before_migration));
    TRY(house_journal_folder(house, &journal));
    bool has_journal = use == HOUSE_SERVE || use == HOUSE_ADMIN;
    struct journal_options kept = house->journal;
    kept.folder = has_journal ? journal : NULL;
    struct db_options options = {
        .path = path,
        .node_name = use == HOUSE_SERVE ? HOUSE_NODE_SERVE : HOUSE_NODE_ADMIN,
        .clock = clock_system(),
        .random = random_system(),
        .log = house->log,
        .traces = house->traces,
        .read_connections = use == HOUSE_SERVE ? (int)house->config.workers : 1,
        .queue_limit = (int)house->config.queue_limit,
        .is_read_only = use == HOUSE_READ,
        /* a second server is told at once; commands take turns */
        .lock_wait_ms = use == HOUSE_SERVE ? 0 : COMMAND_WAIT_MS,
        .before_migration = before_migration,
        .journal = kept,
    };
    return db_open(&options, &house->db);
}

struct search {
    const char *id; /* NULL: the default of the role */
    enum authority_role role;
    char found[AUTHORITY_ID_SIZE];
    struct buf der;
};

static void search_clear(struct search *search)
{
    buf_clear(&search->der);
}
DEFINE_AUTO_VAL(search, search_clear);

static bool is_meant(const struct search *search, const struct authority_row *row, enum authority_role role)
{
    if (search->id != NULL) {
        return strcmp(row->id, search->id) == 0;
    }
    return role == search->role && row->is_default && row->state == AUTHORITY_ACTIVE && !row->has_tenant;
}

static err_t take_row(const struct authority_row *row, void *arg)
{
    struct search *search = arg;
    enum authority_role role = AUTHORITY_ROOT;
    TRY(authority_role_parse(row->role, &role));
    if (!is_meant(search, row, role)) {
        return OK;
    }
    search->role = role;
    search->der.n = 0;
    memcpy(search->found, row->id, sizeof search->found);
    return buf_append_bytes(&search->der, row->certificate);
}

static err_t read_rows(struct db_tx *tx, void *arg)
{
    return authority_rows_each(tx, take_row, arg);
}

static err_t load(struct house *house, struct search *search, struct authority **out)
{
    AUTO_PTR(private_key) *key = NULL;
    char label[AUTHORITY_ID_SIZE + 4];
    TRY(db_read(house->db, read_rows, search));
    ENSURE(search->der.n > 0, ERR_UNPROCESSABLE, "the inventory has no certificate of authority \"%s\"",
           search->id != NULL ? search->id : "(default)");
    (void)snprintf(label, sizeof label, "ca-%s", search->found);
    if (keystore_has(house->keystore, label)) { /* an offline root has none here */
        TRY(keystore_load(house->keystore, label, &key));
    }
    return authority_load(search->found, search->role, buf_view(&search->der), TAKE(key), out);
}

err_t house_load_authority(struct house *house, const char *id, struct authority **out)
{
    AUTO_VAL(search) search = {.id = id};
    return load(house, &search, out);
}

err_t house_load_default(struct house *house, enum authority_role role, struct authority **out)
{
    AUTO_VAL(search) search = {.role = role};
    return load(house, &search, out);
}

/* What the fleet has found in its rows; keys that cannot be opened just now are looked for again. */
static err_t take_authorities(struct house *house)
{
    AUTO_PTR(authority_set) *set = authority_set_take(house->fleet);
    const struct authority_member *root = authority_set_root(set);
    ENSURE(root != NULL, ERR_UNPROCESSABLE, "the inventory has no root authority");
    const struct authority_member *infrastructure =
        authority_set_default(set, AUTHORITY_INFRASTRUCTURE, NULL);
    ENSURE(infrastructure != NULL, ERR_UNPROCESSABLE, "the inventory has no active authority of its servers");
    house->root = authority_ref(root->authority);
    house->infrastructure = authority_ref(infrastructure->authority);
    return OK;
}

err_t house_open_fleet(struct house *house)
{
    if (house->salt.bytes.n == 0) {
        TRY(keystore_secret(house->keystore, "owner-salt", &house->salt));
    }
    const struct config *c = &house->config;
    struct fleet_options options = {
        .db = house->db,
        .root = house->root,
        .device = house->device,
        .infrastructure = house->infrastructure,
        .clock = clock_system(),
        .random = random_system(),
        .log = house->log,
        .public_url = c->public_url,
        .hosts = c->hosts,
        .folder = house->folder,
        .salt_secret = buf_view(&house->salt.bytes),
        .keystore = house->keystore,
        .challenge_ttl_ms = c->challenge_ttl_s * 1000,
        .crl_lifetime_ms = c->crl_lifetime_h * 3600000,
        .crl_shards = house->crl_shards,
        .crl_base = house->crl_base,
        .supersede_overlap_ms = c->supersede_overlap_h * 3600000,
        .clock_step_limit_ms = c->clock_step_limit_s * 1000,
        .outbound = house->outbound,
        .oidc = {.issuer = house->outbound == NULL ? "" : c->oidc_issuer, /* init makes no calls */
                 .audience = c->oidc_audience,
                 .tenant_claim = c->oidc_tenant_claim,
                 .roles_claim = c->oidc_roles_claim,
                 .default_tenant = c->oidc_default_tenant},
        .event_streams = (int)c->event_streams,
        .event_streams_per_tenant = (int)c->event_streams_per_tenant,
        .blobs = house->blobs,
        .image_max = c->firmware_image_mib << 20,
        .disk_reserve = c->firmware_reserve_mib << 20,
        .scrub_days = c->firmware_scrub_days,
        .session_ms = c->session_hours * 3600000,
        .session_idle_ms = c->session_idle_minutes * 60000,
    };
    TRY(fleet_new(&options, &house->fleet));
    return house_set_rates(house);
}

err_t house_set_rates(struct house *house)
{
    const struct config *c = &house->config;
    const struct rate_limits limits = {.of = {[RATE_ADDRESS] = {c->rate_address, c->rate_address_burst},
                                              [RATE_DEVICE] = {c->rate_device, c->rate_device_burst},
                                              [RATE_TENANT] = {c->rate_tenant, c->rate_tenant_burst}}};
    return rates_set(house->fleet, &limits);
}

static err_t open_outbound(struct house *house)
{
    const struct outbound_options options = {.allow = house->config.outbound_allow,
                                             .ca_file = house->config.outbound_ca_file,
                                             .allow_http = house->config.outbound_allow_http != 0};
    err_t error = outbound_new(&options, &house->outbound);
    ENSURE(error.code != ERR_UNPROCESSABLE, ERR_UNPROCESSABLE, "outbound_allow or outbound_ca_file: %.110s",
           error.detail);
    return error;
}

static err_t open_blobs(struct house *house)
{
    AUTO(char) *folder = NULL;
    TRY(house_path(house, HOUSE_FIRMWARE, &folder));
    return blob_store_open_folder(folder, &house->blobs);
}

static err_t open_settings(struct house *house)
{
    TRY(house_check_marker(house->folder));
    TRY(config_load(house->folder, &house->config));
    TRY(log_new(STDERR_FILENO, config_log_level(&house->config), clock_system(), &house->log));
    TRY(trace_table_new(&house->traces));
    log_set_traces(house->log, house->traces);
    return OK;
}

/* The key of TLS and the secrets that the server works with are read into it, from the files. The passphrase,
 * and a token's PIN, are the signer's matter after that. */
static err_t open_own(struct house *house, struct keystore *files)
{
    TRY(keystore_load(files, HOUSE_TLS_KEY, &house->tls_key));
    return keystore_secret(files, "owner-salt", &house->salt);
}

static err_t open_keys(struct house *house, enum house_use use)
{
    AUTO_VAL(secret) passphrase = {0};
    AUTO(char) *keys = NULL;
    AUTO_PTR(keystore) *files = NULL;
    bool is_embedded = false;
    TRY(passphrase_read(house->folder, &house->config, &passphrase, &is_embedded));
    TRY(house_path(house, HOUSE_KEYS, &keys));
    if (use != HOUSE_SERVE || !signer_is_wanted(&house->config)) {
        TRY(keystore_open_settings(keys, &house->config, buf_view(&passphrase.bytes), &house->keystore));
        return open_own(house, house->keystore);
    }
    TRY(keystore_open_files(keys, buf_view(&passphrase.bytes), random_system(), &files));
    TRY(open_own(house, files));
    return signer_start(house, &house->keystore);
}

static err_t open_parts(struct house *house, enum house_use use)
{
    TRY(house_open_db(house, use));
    if (use == HOUSE_READ) {
        return OK;
    }
    TRY(open_keys(house, use));
    TRY(open_outbound(house));
    TRY(open_blobs(house));
    TRY(house_open_fleet(house));
    return take_authorities(house);
}

err_t house_open_settings(const char *folder, struct house *out)
{
    memset(out, 0, sizeof *out);
    out->folder = strdup(folder);
    ENSURE(out->folder != NULL, ERR_NO_MEMORY, "no memory");
    err_t error = open_settings(out);
    if (error.code != ERR_OK) {
        house_close(out);
    }
    return error;
}

err_t house_open(const char *folder, enum house_use use, struct house *out)
{
    TRY(house_open_settings(folder, out));
    return house_open_rest(out, use);
}

err_t house_open_rest(struct house *out, enum house_use use)
{
    err_t error = open_parts(out, use);
    if (error.code != ERR_OK) {
        house_close(out);
    }
    return error;
}

void house_close(struct house *house)
{
    fleet_free(house->fleet);
    blob_store_free(house->blobs);
    outbound_free(house->outbound);
    private_key_free(house->tls_key);
    authority_free(house->infrastructure);
    authority_free(house->device);
    authority_free(house->root);
    db_close(house->db);
    keystore_free(house->keystore);
    log_free(house->log);
    trace_table_free(house->traces);
    secret_clear(&house->salt);
    heap_free(house->folder);
    memset(house, 0, sizeof *house);
}
