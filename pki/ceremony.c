/* Ceremonies as JSON: written by one program and read by another, of another day and maybe another version,
 * so every field is checked again. */
#include "pki/ceremony.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "pki/ca_bundle.h"
#include "pki/request_text.h"

err_t ceremony_new(struct ceremony **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "no memory for a ceremony");
    return OK;
}

void ceremony_free(struct ceremony *ceremony)
{
    if (ceremony != NULL) {
        for (size_t i = 0; i < ceremony->certificate_count; i++) {
            buf_clear(&ceremony->certificates[i].der);
        }
        buf_clear(&ceremony->issuer_der);
        free(ceremony);
    }
}

static const struct role_name {
    enum authority_role role;
    const char *name;
} roles[] = {
    {AUTHORITY_ROOT, "root"},
    {AUTHORITY_DEVICE, "device"},
    {AUTHORITY_INFRASTRUCTURE, "infrastructure"},
    {AUTHORITY_EDGE, "edge"},
};

const char *authority_role_name(enum authority_role role)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (roles[i].role == role) {
            return roles[i].name;
        }
    }
    return NULL;
}

/* --- writing ------------------------------------------------------------------------------------------ */

static err_t set_pem(json_t *object, const char *name, struct bytes der)
{
    AUTO_VAL(buf) pem = {0};
    TRY(certificate_to_pem(der, &pem));
    return json_set_text(object, name, buf_str(&pem));
}

static err_t write_certificate(const struct ceremony_certificate *wish, json_t *list)
{
    AUTO(json_t) *item = json_object();
    TRY(json_set_text(item, "authority", wish->authority));
    TRY(json_set_text(item, "kind", wish->kind == CEREMONY_ISSUING ? "issuing" : "cross"));
    if (wish->kind == CEREMONY_CROSS) {
        TRY(set_pem(item, "certificate", buf_view(&wish->der)));
    } else {
        AUTO_VAL(buf) pem = {0};
        const char *role = authority_role_name(wish->role);
        ENSURE(role != NULL, ERR_INTERNAL, "a role without a name");
        TRY(json_set_text(item, "role", role));
        TRY(json_set_int(item, "key_purposes", wish->key_purposes));
        TRY(json_set_int(item, "lifetime_days", wish->lifetime_days));
        TRY(request_to_pem(buf_view(&wish->der), &pem));
        TRY(json_set_text(item, "request", buf_str(&pem)));
    }
    ENSURE(json_array_append_new(list, TAKE(item)) == 0, ERR_NO_MEMORY, "a ceremony");
    return OK;
}

static err_t write_crl(const struct ceremony *ceremony, json_t *document)
{
    AUTO(json_t) *crl = json_object();
    AUTO(json_t) *list = json_array();
    for (size_t i = 0; i < ceremony->entry_count; i++) {
        const struct ceremony_entry *entry = &ceremony->entries[i];
        AUTO(json_t) *item = json_object();
        TRY(json_set_hex(item, "serial", BYTES_OF(entry->entry.serial)));
        TRY(json_set_time(item, "revoked_at", entry->entry.revoked_at_ms));
        TRY(json_set_int(item, "reason", entry->entry.reason));
        TRY(json_set_text(item, "subject", entry->subject));
        ENSURE(json_array_append_new(list, TAKE(item)) == 0, ERR_NO_MEMORY, "a ceremony");
    }
    TRY(json_set_int(crl, "number", ceremony->crl_number));
    TRY(json_set_int(crl, "lifetime_days", ceremony->crl_days));
    TRY(json_take(crl, "revoked", TAKE(list)));
    return json_take(document, "crl", TAKE(crl));
}

err_t ceremony_write(const struct ceremony *ceremony, struct buf *out)
{
    AUTO(json_t) *document = json_object();
    AUTO(json_t) *list = json_array();
    TRY(json_set_text(document, "format", CEREMONY_FORMAT));
    TRY(json_set_time(document, "made_at", ceremony->made_at_ms));
    TRY(json_set_text(document, "issuer", ceremony->issuer));
    TRY(set_pem(document, "issuer_certificate", buf_view(&ceremony->issuer_der)));
    TRY(json_set_text(document, "public_url", ceremony->public_url));
    for (size_t i = 0; i < ceremony->certificate_count; i++) {
        TRY(write_certificate(&ceremony->certificates[i], list));
    }
    TRY(json_take(document, "certificates", TAKE(list)));
    if (ceremony->has_crl) {
        TRY(write_crl(ceremony, document));
    }
    TRY(json_append(out, document));
    return buf_append_str(out, "\n");
}

/* --- reading ------------------------------------------------------------------------------------------ */

static err_t copy_id(const char *text, char out[CEREMONY_ID_SIZE])
{
    size_t n = strlen(text);
    ENSURE(n >= 1 && n < CEREMONY_ID_SIZE && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == n,
           ERR_UNPROCESSABLE, "an authority's id has 1 to %d characters of a-z, 0-9 and -",
           CEREMONY_ID_SIZE - 1);
    memcpy(out, text, n + 1);
    return OK;
}

/* One certificate and nothing else. */
static err_t read_pem(const char *text, struct buf *der)
{
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    TRY(ca_bundle_add(bytes_str(text), &bundle));
    ENSURE(bundle.count == 1 && bundle.items[0].kind == CA_ITEM_CERTIFICATE, ERR_UNPROCESSABLE,
           "one certificate is needed where there is something else");
    return buf_append_bytes(der, buf_view(&bundle.items[0].der));
}

struct raw_certificate {
    const char *authority, *kind, *role, *request, *certificate;
    int64_t key_purposes, lifetime_days;
};
static const struct json_field certificate_fields[] = {
    {"authority", JSON_KIND_TEXT, true, offsetof(struct raw_certificate, authority), 1, 64, JSON_NO_HAS},
    {"kind", JSON_KIND_TEXT, true, offsetof(struct raw_certificate, kind), 1, 16, JSON_NO_HAS},
    {"role", JSON_KIND_TEXT, false, offsetof(struct raw_certificate, role), 1, 32, JSON_NO_HAS},
    {"request", JSON_KIND_LINES, false, offsetof(struct raw_certificate, request), 1, 65536, JSON_NO_HAS},
    {"certificate", JSON_KIND_LINES, false, offsetof(struct raw_certificate, certificate), 1, 65536,
     JSON_NO_HAS},
    {"key_purposes", JSON_KIND_INTEGER, false, offsetof(struct raw_certificate, key_purposes), 0, 127,
     JSON_NO_HAS},
    {"lifetime_days", JSON_KIND_INTEGER, false, offsetof(struct raw_certificate, lifetime_days), 1,
     CEREMONY_DAYS_MAX, JSON_NO_HAS},
};

static err_t read_issuing(const struct raw_certificate *raw, struct ceremony_certificate *out)
{
    ENSURE(raw->role != NULL && raw->request != NULL && raw->lifetime_days > 0, ERR_UNPROCESSABLE,
           "a certificate of an issuing CA needs role, request and lifetime_days");
    bool is_known = false;
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (roles[i].role != AUTHORITY_ROOT && strcmp(raw->role, roles[i].name) == 0) {
            out->role = roles[i].role;
            is_known = true;
        }
    }
    ENSURE(is_known, ERR_UNPROCESSABLE, "\"%.32s\" is no role of an issuing CA", raw->role);
    out->key_purposes = (uint32_t)raw->key_purposes;
    out->lifetime_days = raw->lifetime_days;
    return request_from_pem(bytes_str(raw->request), &out->der);
}

static err_t read_certificate(const json_t *item, struct ceremony_certificate *out)
{
    struct raw_certificate raw = {.authority = NULL};
    TRY(json_read(item, certificate_fields, sizeof certificate_fields / sizeof certificate_fields[0], true,
                  &raw));
    TRY(copy_id(raw.authority, out->authority));
    if (strcmp(raw.kind, "issuing") == 0) {
        out->kind = CEREMONY_ISSUING;
        return read_issuing(&raw, out);
    }
    ENSURE(strcmp(raw.kind, "cross") == 0 && raw.certificate != NULL, ERR_UNPROCESSABLE,
           "\"%.16s\" is neither \"issuing\" nor a \"cross\" with its certificate", raw.kind);
    out->kind = CEREMONY_CROSS;
    return read_pem(raw.certificate, &out->der);
}

struct raw_entry {
    const char *serial, *subject;
    int64_t revoked_at, reason;
};
static const struct json_field entry_fields[] = {
    {"serial", JSON_KIND_TEXT, true, offsetof(struct raw_entry, serial), 2 * SERIAL_SIZE, 2 * SERIAL_SIZE,
     JSON_NO_HAS},
    {"subject", JSON_KIND_TEXT, true, offsetof(struct raw_entry, subject), 0, CA_SUBJECT_SHORT + 3,
     JSON_NO_HAS},
    {"revoked_at", JSON_KIND_TIME, true, offsetof(struct raw_entry, revoked_at), 0, 0, JSON_NO_HAS},
    {"reason", JSON_KIND_INTEGER, true, offsetof(struct raw_entry, reason), 0, 10, JSON_NO_HAS},
};

static err_t read_entry(const json_t *item, struct ceremony_entry *out)
{
    struct raw_entry raw = {.serial = NULL};
    TRY(json_read(item, entry_fields, sizeof entry_fields / sizeof entry_fields[0], true, &raw));
    err_t decoded = hex_decode(bytes_str(raw.serial), out->entry.serial, SERIAL_SIZE);
    ENSURE(decoded.code == ERR_OK, ERR_UNPROCESSABLE, "'serial' has 32 lower-case hexadecimal characters");
    ENSURE(raw.reason != 7 && raw.reason != 8, ERR_UNPROCESSABLE, "%lld is no reason for a revocation",
           (long long)raw.reason);
    (void)snprintf(out->subject, sizeof out->subject, "%s", raw.subject);
    out->entry.revoked_at_ms = raw.revoked_at;
    out->entry.reason = (int)raw.reason;
    return OK;
}

struct raw_crl {
    int64_t number, lifetime_days;
    json_t *revoked;
};
static const struct json_field crl_fields[] = {
    {"number", JSON_KIND_INTEGER, true, offsetof(struct raw_crl, number), 1, INT64_MAX / 2, JSON_NO_HAS},
    {"lifetime_days", JSON_KIND_INTEGER, true, offsetof(struct raw_crl, lifetime_days), 1, CEREMONY_DAYS_MAX,
     JSON_NO_HAS},
    {"revoked", JSON_KIND_ARRAY, true, offsetof(struct raw_crl, revoked), 0, CEREMONY_ENTRIES_MAX,
     JSON_NO_HAS},
};

static err_t read_crl(const json_t *crl, struct ceremony *out)
{
    struct raw_crl raw = {.revoked = NULL};
    TRY(json_read(crl, crl_fields, sizeof crl_fields / sizeof crl_fields[0], true, &raw));
    out->has_crl = true;
    out->crl_number = raw.number;
    out->crl_days = raw.lifetime_days;
    for (size_t i = 0; i < json_array_size(raw.revoked); i++) {
        TRY(read_entry(json_array_get(raw.revoked, i), &out->entries[out->entry_count]));
        out->entry_count++;
    }
    return OK;
}

struct raw {
    const char *format, *issuer, *issuer_certificate, *public_url;
    int64_t made_at;
    json_t *certificates, *crl;
};
static const struct json_field fields[] = {
    {"format", JSON_KIND_TEXT, true, offsetof(struct raw, format), 1, 64, JSON_NO_HAS},
    {"issuer", JSON_KIND_TEXT, true, offsetof(struct raw, issuer), 1, 64, JSON_NO_HAS},
    {"issuer_certificate", JSON_KIND_LINES, true, offsetof(struct raw, issuer_certificate), 1, 65536,
     JSON_NO_HAS},
    {"public_url", JSON_KIND_TEXT, true, offsetof(struct raw, public_url), 8, CEREMONY_URL_SIZE - 1,
     JSON_NO_HAS},
    {"made_at", JSON_KIND_TIME, true, offsetof(struct raw, made_at), 0, 0, JSON_NO_HAS},
    {"certificates", JSON_KIND_ARRAY, true, offsetof(struct raw, certificates), 0, CEREMONY_CERTIFICATES_MAX,
     JSON_NO_HAS},
    {"crl", JSON_KIND_OBJECT, false, offsetof(struct raw, crl), 0, 0, JSON_NO_HAS},
};

static err_t fill(const struct raw *raw, struct ceremony *out)
{
    TRY(copy_id(raw->issuer, out->issuer));
    TRY(read_pem(raw->issuer_certificate, &out->issuer_der));
    (void)snprintf(out->public_url, sizeof out->public_url, "%s", raw->public_url);
    out->made_at_ms = raw->made_at;
    for (size_t i = 0; i < json_array_size(raw->certificates); i++) {
        struct ceremony_certificate *wish = &out->certificates[out->certificate_count++];
        TRY(read_certificate(json_array_get(raw->certificates, i), wish));
    }
    return raw->crl == NULL ? OK : read_crl(raw->crl, out);
}

/* The version first: a file of a later one has fields that this program does not know. */
static err_t check_format(const json_t *document)
{
    const char *format = json_string_value(json_object_get(document, "format"));
    ENSURE(format != NULL && strncmp(format, "whorl-ca-ceremony/", 18) == 0, ERR_UNPROCESSABLE,
           "this is no file of `whorld ca request`");
    ENSURE(strcmp(format, CEREMONY_FORMAT) == 0, ERR_UNPROCESSABLE,
           "the file has the format %.40s; this program knows " CEREMONY_FORMAT, format);
    return OK;
}

err_t ceremony_read(struct bytes text, struct ceremony **out)
{
    AUTO(json_t) *document = NULL;
    AUTO_PTR(ceremony) *ceremony = NULL;
    struct raw raw = {.format = NULL};
    *out = NULL;
    err_t parsed = json_parse(text, CEREMONY_FILE_MAX, &document);
    ENSURE(parsed.code != ERR_BAD_JSON, ERR_UNPROCESSABLE, "this is no file of `whorld ca request`: %.100s",
           parsed.detail);
    TRY(parsed);
    TRY(check_format(document));
    TRY(json_read(document, fields, sizeof fields / sizeof fields[0], true, &raw));
    TRY(ceremony_new(&ceremony));
    TRY(fill(&raw, ceremony));
    *out = TAKE(ceremony);
    return OK;
}
