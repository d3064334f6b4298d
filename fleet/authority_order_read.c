/* Orders about authorities as JSON: as they come over REST, and as they wait for a second person. */
#include <stdio.h>
#include <string.h>

#include "fleet/authority_orders.h"
#include "fleet/authority_rules.h"
#include "fleet/key_purposes.h"
#include "fleet/names.h"
#include "fleet/policy_words.h"
#include "pki/name_constraints.h"

enum { WORD_MAX = 32, PURPOSES_MAX = 8 };

static const char *const verb_names[] = {"create", "activate",    "retire",
                                         "roll",   "finish_roll", "compromised"};

const char *authority_verb_name(enum authority_verb verb)
{
    return verb_names[verb];
}

struct raw {
    const char *id, *role, *issuer, *successor, *key_algorithm, *note, *order, *authority;
    bool tenant, external, is_default, has_default, installation, has_lifetime;
    json_t *key_purposes, *permitted_dns;
    int64_t lifetime_days, rekey_within_s;
};

/* Which verbs a member belongs to, as bits; WAITING: the form that is kept. */
#define V(verb_) (1U << (verb_))
enum { WAITING = 1U << AUTHORITY_VERBS };
#define MAKES (V(AUTHORITY_CREATE) | V(AUTHORITY_ROLL))
#define TEXT(name_, member_, max_)                                                                           \
    {                                                                                                        \
        name_, JSON_KIND_TEXT, false, offsetof(struct raw, member_), 1, (max_), JSON_NO_HAS                  \
    }
#define FLAG(name_, member_, has_)                                                                           \
    {                                                                                                        \
        name_, JSON_KIND_BOOLEAN, false, offsetof(struct raw, member_), 0, 0, (has_)                         \
    }
static const struct {
    uint32_t verbs;
    struct json_field field;
} members[] = {
    {V(AUTHORITY_CREATE), TEXT("id", id, AUTHORITY_ID_SIZE - 1)},
    {V(AUTHORITY_CREATE), TEXT("role", role, WORD_MAX)},
    {V(AUTHORITY_CREATE), FLAG("tenant", tenant, JSON_NO_HAS)},
    {MAKES, TEXT("issuer", issuer, AUTHORITY_ID_SIZE - 1)},
    {MAKES | V(AUTHORITY_COMPROMISE), TEXT("key_algorithm", key_algorithm, WORD_MAX)},
    {MAKES | V(AUTHORITY_COMPROMISE),
     {"lifetime_days", JSON_KIND_INTEGER, false, offsetof(struct raw, lifetime_days), 1, LIFETIME_DAYS_MAX,
      JSON_NO_HAS}},
    {MAKES,
     {"key_purposes", JSON_KIND_ARRAY, false, offsetof(struct raw, key_purposes), 1, PURPOSES_MAX,
      JSON_NO_HAS}},
    {MAKES,
     {"permitted_dns", JSON_KIND_ARRAY, false, offsetof(struct raw, permitted_dns), 1, CONSTRAINTS_MAX,
      JSON_NO_HAS}},
    {MAKES, FLAG("external", external, JSON_NO_HAS)},
    {V(AUTHORITY_ACTIVATE), FLAG("default", is_default, offsetof(struct raw, has_default))},
    {V(AUTHORITY_COMPROMISE), TEXT("successor", successor, AUTHORITY_ID_SIZE - 1)},
    {V(AUTHORITY_COMPROMISE),
     {"rekey_within_s", JSON_KIND_INTEGER, false, offsetof(struct raw, rekey_within_s), 0, REKEY_WITHIN_S_MAX,
      JSON_NO_HAS}},
    {V(AUTHORITY_VERBS) - 1, TEXT("note", note, AUTHORITY_NOTE_SIZE - 1)},
    {WAITING, TEXT("order", order, WORD_MAX)},
    {WAITING, TEXT("authority", authority, AUTHORITY_ID_SIZE - 1)},
    {WAITING, FLAG("installation", installation, JSON_NO_HAS)},
};
enum { MEMBERS = sizeof members / sizeof members[0] };

static size_t fields_of(uint32_t verbs, struct json_field out[MEMBERS])
{
    size_t n = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        if ((members[i].verbs & verbs) != 0) {
            out[n++] = members[i].field;
        }
    }
    return n;
}

/* --- one by one ------------------------------------------------------------------------------------------
 */

static err_t check_role(const struct raw *raw)
{
    ENSURE(raw->role != NULL, ERR_UNPROCESSABLE, "'role' is needed: device, infrastructure or edge");
    bool is_known = strcmp(raw->role, "device") == 0 || strcmp(raw->role, "infrastructure") == 0 ||
                    strcmp(raw->role, "edge") == 0;
    ENSURE(is_known, ERR_UNPROCESSABLE,
           "a role is device, infrastructure or edge; a root is made by rolling the one there is over");
    ENSURE(!raw->tenant || strcmp(raw->role, "infrastructure") != 0, ERR_UNPROCESSABLE,
           "this server's own certificates come from the installation's authority: a tenant has none");
    return OK;
}

/* What a stolen issuing CA must not be able to be: this server. Of a roll-over the rules know the role. */
err_t authority_purposes_check(const char *role, uint32_t purposes)
{
    bool is_device = strcmp(role, "device") == 0;
    ENSURE(strcmp(role, "infrastructure") != 0, ERR_UNPROCESSABLE,
           "the key purposes of an infrastructure authority are those of its role");
    ENSURE(!is_device || (purposes & PURPOSE_SERVER_AUTH) == 0, ERR_UNPROCESSABLE,
           "an authority for devices issues to no TLS servers: server_auth is for the role edge");
    ENSURE((purposes & (PURPOSE_CLIENT_AUTH | PURPOSE_SERVER_AUTH)) != 0, ERR_UNPROCESSABLE,
           "client_auth is needed: a device shows its certificate to this server");
    return OK;
}

static err_t take_names(const json_t *list, struct faults *faults, struct authority_order *out)
{
    AUTO_VAL(buf) text = {0};
    const char *permitted[CONSTRAINTS_MAX];
    const struct name_constraints names = {.permitted = permitted, .permitted_count = json_array_size(list)};
    for (size_t i = 0; i < json_array_size(list) && i < CONSTRAINTS_MAX; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        permitted[i] = name != NULL ? name : "";
    }
    TRY(name_constraints_check(&names, "/permitted_dns", faults));
    TRY(json_append(&text, list));
    if (text.n >= sizeof out->permitted_dns) {
        faults_add(faults, "/permitted_dns", "the names have %zu bytes, %zu are possible", text.n,
                   sizeof out->permitted_dns - 1);
        return OK;
    }
    (void)snprintf(out->permitted_dns, sizeof out->permitted_dns, "%s", buf_str(&text));
    return OK;
}

static err_t take(const struct raw *raw, struct faults *faults, struct authority_order *out)
{
    (void)snprintf(out->role, sizeof out->role, "%s", raw->role != NULL ? raw->role : "");
    (void)snprintf(out->issuer, sizeof out->issuer, "%s", raw->issuer != NULL ? raw->issuer : "");
    (void)snprintf(out->successor, sizeof out->successor, "%s", raw->successor != NULL ? raw->successor : "");
    out->is_of_tenant = raw->tenant;
    out->is_external = raw->external;
    out->keeps_default = raw->has_default && !raw->is_default;
    out->lifetime_days = raw->lifetime_days;
    out->rekey_within_s = raw->rekey_within_s;
    if (out->verb == AUTHORITY_CREATE) {
        TRY(faults_note(faults, "/role", check_role(raw)));
        (void)snprintf(out->authority, sizeof out->authority, "%s", raw->id != NULL ? raw->id : "");
        TRY(raw->id != NULL ? faults_note(faults, "/id", authority_id_check(bytes_str(raw->id))) : OK);
    }
    if (raw->key_algorithm != NULL) {
        TRY(faults_note(faults, "/key_algorithm",
                        key_algorithm_parse(bytes_str(raw->key_algorithm), &out->key_algorithm)));
    }
    if (raw->note != NULL) {
        TRY(faults_note(faults, "/note",
                        text_copy(bytes_str(raw->note), "note", out->note, sizeof out->note)));
    }
    if (raw->key_purposes != NULL) {
        out->has_key_purposes = true;
        TRY(key_purposes_read(raw->key_purposes, "/key_purposes", faults, &out->key_purposes));
        TRY(faults->count > 0 || out->verb != AUTHORITY_CREATE
                ? OK
                : faults_note(faults, "/key_purposes",
                              authority_purposes_check(out->role, out->key_purposes)));
    }
    bool is_edge = strcmp(out->role, "edge") == 0;
    if (out->verb == AUTHORITY_CREATE && is_edge != (raw->permitted_dns != NULL)) {
        faults_add(faults, "/permitted_dns", "%s",
                   is_edge ? "an authority of the role edge needs the DNS names that it may certify"
                           : "only an authority of the role edge has names");
        return OK;
    }
    return raw->permitted_dns != NULL ? take_names(raw->permitted_dns, faults, out) : OK;
}

err_t authority_order_read(const json_t *document, struct faults *faults, struct authority_order *out)
{
    struct json_field fields[MEMBERS];
    struct raw raw = {.rekey_within_s = REKEY_WITHIN_S};
    size_t count = fields_of(V(out->verb), fields);
    TRY(json_read_all(document, fields, count, faults, &raw));
    return take(&raw, faults, out);
}

/* --- while it waits ---------------------------------------------------------------------------------------
 */

static err_t set_if(json_t *out, const char *name, const char *text)
{
    return text[0] != '\0' ? json_set_text(out, name, text) : OK;
}

static err_t set_flag_if(json_t *out, const char *name, bool is_set)
{
    return is_set ? json_set_bool(out, name, true) : OK;
}

static err_t write_lists(const struct authority_order *order, json_t *out)
{
    if (order->has_key_purposes) {
        json_t *purposes = NULL;
        TRY(key_purposes_write(order->key_purposes, &purposes));
        TRY(json_take(out, "key_purposes", purposes));
    }
    if (order->permitted_dns[0] != '\0') {
        AUTO(json_t) *names = NULL;
        TRY(json_parse(bytes_str(order->permitted_dns), sizeof order->permitted_dns, &names));
        TRY(json_take(out, "permitted_dns", TAKE(names)));
    }
    return OK;
}

err_t authority_order_write(const struct authority_order *order, json_t *out)
{
    TRY(json_set_text(out, "order", verb_names[order->verb]));
    TRY(set_if(out, order->verb == AUTHORITY_CREATE ? "id" : "authority", order->authority));
    TRY(set_if(out, "role", order->role));
    TRY(set_if(out, "issuer", order->issuer));
    TRY(set_if(out, "successor", order->successor));
    TRY(set_if(out, "note", order->note));
    TRY(set_flag_if(out, "tenant", order->is_of_tenant));
    TRY(set_flag_if(out, "external", order->is_external));
    TRY(order->keeps_default ? json_set_bool(out, "default", false) : OK);
    TRY(order->verb == AUTHORITY_COMPROMISE ? json_set_int(out, "rekey_within_s", order->rekey_within_s)
                                            : OK);
    TRY(order->lifetime_days > 0 ? json_set_int(out, "lifetime_days", order->lifetime_days) : OK);
    TRY(order->key_algorithm != 0
            ? json_set_text(out, "key_algorithm", key_algorithm_name(order->key_algorithm))
            : OK);
    return write_lists(order, out);
}

static err_t restore(const json_t *request, struct faults *faults, struct authority_order *out)
{
    struct json_field fields[MEMBERS];
    struct raw raw = {.rekey_within_s = REKEY_WITHIN_S};
    size_t count = fields_of(WAITING, fields);
    *out = (struct authority_order){.verb = AUTHORITY_CREATE};
    TRY(json_read(request, fields, count, false, &raw));
    ENSURE(raw.order != NULL, ERR_DB, "it does not say what was ordered");
    int verb = 0;
    while (verb < AUTHORITY_VERBS && strcmp(raw.order, verb_names[verb]) != 0) {
        verb++;
    }
    ENSURE(verb < AUTHORITY_VERBS, ERR_DB, "no order is called %s", raw.order);
    out->verb = (enum authority_verb)verb;
    (void)snprintf(out->authority, sizeof out->authority, "%s", raw.authority != NULL ? raw.authority : "");
    count = fields_of(V(out->verb), fields);
    TRY(json_read(request, fields, count, false, &raw));
    return take(&raw, faults, out);
}

err_t authority_order_restore(const json_t *request, struct authority_order *out)
{
    struct faults faults = {.count = 0};
    err_t error = restore(request, &faults, out);
    ENSURE(error.code == ERR_OK && faults.count == 0, ERR_DB, "a stored order is not readable: %s",
           error.code != ERR_OK ? error.detail : faults.items[0].detail);
    return OK;
}
