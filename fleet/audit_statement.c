/* Opens checkpoints. Everything in them is taken from outside: wrong types are told, never trusted. */
#include "fleet/audit_statement.h"

#include <stdio.h>

#include "pki/signer.h"

enum { CONTENT_MAX = 4 << 20 };

void audit_statement_clear(struct audit_statement *statement)
{
    json_decref(statement->content);
    statement->content = NULL;
}

/* --- ends ------------------------------------------------------------------------------------------- */

static const struct json_field end_fields[] = {
    {"node", JSON_KIND_UUID, true, offsetof(struct audit_end, node), 0, 0, JSON_NO_HAS},
    {"epoch", JSON_KIND_INTEGER, true, offsetof(struct audit_end, epoch), 1, INT64_MAX, JSON_NO_HAS},
    {"lane", JSON_KIND_INTEGER, true, offsetof(struct audit_end, lane), 0, INT64_MAX, JSON_NO_HAS},
    {"seq", JSON_KIND_INTEGER, true, offsetof(struct audit_end, seq), 1, INT64_MAX, JSON_NO_HAS},
    {"hash", JSON_KIND_HEX32, true, offsetof(struct audit_end, hash), 0, 0, JSON_NO_HAS},
};

err_t audit_statement_ends(const struct audit_statement *statement, audit_end_fn fn, void *arg)
{
    const json_t *heads = json_object_get(statement->content, "heads");
    for (size_t i = 0; i < json_array_size(heads); i++) {
        struct audit_end end = {.epoch = 0};
        TRY(json_read(json_array_get(heads, i), end_fields, sizeof end_fields / sizeof end_fields[0], true,
                      &end));
        TRY(fn(&end, arg));
    }
    return OK;
}

static err_t add_end(const struct audit_end *end, void *arg)
{
    struct sha256 *root = arg;
    struct sha256 next;
    const struct audit_link place = {
        .node = end->node, .epoch = end->epoch, .lane = end->lane, .seq = end->seq, .prev = *root};
    TRY(audit_link_hash(&place, &end->hash, &next));
    *root = next;
    return OK;
}

/* --- the whole -------------------------------------------------------------------------------------- */

struct raw {
    const char *whorl;
    int64_t version, at_ms;
    struct sha256 installation, root;
    json_t *heads, *export;
};
static const struct json_field fields[] = {
    {"whorl", JSON_KIND_TEXT, true, offsetof(struct raw, whorl), 1, 64, JSON_NO_HAS},
    {"version", JSON_KIND_INTEGER, true, offsetof(struct raw, version), 1, 1, JSON_NO_HAS},
    {"installation", JSON_KIND_HEX32, true, offsetof(struct raw, installation), 0, 0, JSON_NO_HAS},
    {"ts", JSON_KIND_TIME, true, offsetof(struct raw, at_ms), 0, 0, JSON_NO_HAS},
    {"heads", JSON_KIND_ARRAY, true, offsetof(struct raw, heads), 0, 0, JSON_NO_HAS},
    {"root", JSON_KIND_HEX32, true, offsetof(struct raw, root), 0, 0, JSON_NO_HAS},
    {"export", JSON_KIND_OBJECT, false, offsetof(struct raw, export), 0, 0, JSON_NO_HAS},
};

static err_t read_content(struct bytes text, struct audit_statement *out, struct raw *raw)
{
    struct sha256 root = {{0}};
    TRY(json_parse(text, CONTENT_MAX, &out->content));
    TRY(json_read(out->content, fields, sizeof fields / sizeof fields[0], true, raw));
    ENSURE(bytes_is(bytes_str(raw->whorl), "audit-checkpoint"), ERR_UNPROCESSABLE,
           "what is signed is no checkpoint of an audit log");
    TRY(audit_statement_ends(out, add_end, &root));
    ENSURE(bytes_equal(BYTES_OF(root.b), BYTES_OF(raw->root.b)), ERR_UNPROCESSABLE,
           "the checkpoint's root is not that of its heads");
    out->installation = raw->installation;
    out->at_ms = raw->at_ms;
    return OK;
}

static err_t check_installation(const struct audit_statement *statement, struct bytes anchors)
{
    bool is_own = false;
    if (anchors.n == 0) {
        return OK;
    }
    TRY(anchors_have_key(anchors, &statement->installation, &is_own));
    ENSURE(is_own, ERR_FORBIDDEN, "the checkpoint is of another installation");
    return OK;
}

err_t audit_statement_open(struct bytes cms, struct bytes anchors, struct audit_statement *out)
{
    AUTO_VAL(signed_text) text = {.content = {0}};
    struct raw raw = {.whorl = NULL};
    TRY(signed_text_open(cms, anchors, &text));
    TRY(read_content(buf_view(&text.content), out, &raw));
    TRY(check_installation(out, anchors));
    bool is_inside = out->at_ms + 999 >= text.signer.not_before_ms && out->at_ms <= text.signer.not_after_ms;
    ENSURE(is_inside, ERR_FORBIDDEN, "the checkpoint's time is outside of its signer's life");
    (void)snprintf(out->signer, sizeof out->signer, "%s", text.signer.subject_text);
    return OK;
}
