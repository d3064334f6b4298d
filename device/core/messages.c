/* Bodies and answers of /device/v1. Members that are not known here are stepped over; a missing one that is
 * needed makes the answer unreadable. */
#include "device/core/messages.h"

static void put_base64(struct whorl_text *text, const char *before, struct whorl_bytes bytes)
{
    whorl_text_put(text, before);
    whorl_text_base64(text, bytes);
    whorl_text_put(text, "\"");
}

static void put_proof(struct whorl_text *text, const struct whorl_proof *proof)
{
    struct whorl_bytes id = {proof->device_id, sizeof proof->device_id};
    struct whorl_bytes spki = {proof->spki, sizeof proof->spki};
    struct whorl_bytes signature = {proof->signature, proof->signature_size};
    whorl_text_put(text, "\"proof\":{\"device_id\":\"");
    whorl_text_hex(text, id);
    whorl_text_put(text, "\"");
    put_base64(text, ",\"spki\":\"", spki);
    put_base64(text, ",\"nonce\":\"", proof->nonce);
    whorl_text_put(text, ",\"counter\":");
    whorl_text_number(text, proof->counter);
    put_base64(text, ",\"signature\":\"", signature);
    whorl_text_put(text, "}");
}

void whorl_message_put_challenge(struct whorl_text *text, const uint8_t id[WHORL_ID_BYTES],
                                 const uint8_t server_id[WHORL_HASH_BYTES], enum whorl_pop_purpose purpose)
{
    struct whorl_bytes bytes = {id, WHORL_ID_BYTES};
    struct whorl_bytes server = {server_id, WHORL_HASH_BYTES};
    whorl_text_put(text, "{\"device_id\":\"");
    whorl_text_hex(text, bytes);
    whorl_text_put(text, "\",\"server_id\":\"");
    whorl_text_hex(text, server);
    whorl_text_put(text,
                   purpose == WHORL_POP_ENROL ? "\",\"purpose\":\"enrol\"}" : "\",\"purpose\":\"status\"}");
}

/* The members that a body may end with, each behind `comma` or the one before it. */
static void put_evidence(struct whorl_text *text, const char *comma, const struct whorl_proof *proof,
                         struct whorl_bytes code)
{
    if (code.size != 0) {
        whorl_text_put(text, comma);
        whorl_text_put(text, "\"code\":\"");
        whorl_text_bytes(text, code);
        whorl_text_put(text, "\"");
        comma = ",";
    }
    if (proof != NULL) {
        whorl_text_put(text, comma);
        put_proof(text, proof);
    }
    whorl_text_put(text, "}");
}

void whorl_message_put_status(struct whorl_text *text, const struct whorl_proof *proof,
                              struct whorl_bytes code)
{
    whorl_text_put(text, "{");
    put_evidence(text, "", proof, code);
}

void whorl_message_put_enrol(struct whorl_text *text, struct whorl_bytes csr, uint32_t generation,
                             const struct whorl_proof *proof, struct whorl_bytes code)
{
    put_base64(text, "{\"csr\":\"", csr);
    whorl_text_put(text, ",\"generation\":");
    whorl_text_number(text, generation);
    put_evidence(text, ",", proof, code);
}

bool whorl_message_text(struct whorl_bytes body, const char *name, struct whorl_bytes *out)
{
    struct whorl_bytes value;
    return whorl_json_member(body, name, &value) && whorl_json_plain(value, out);
}

bool whorl_message_read_challenge(struct whorl_bytes body, struct whorl_challenge *out)
{
    struct whorl_bytes text;
    struct whorl_space room = {out->nonce, sizeof out->nonce};
    return whorl_message_text(body, "nonce", &text) && whorl_base64_decode(text, room, &out->nonce_size) &&
           out->nonce_size != 0 && whorl_message_text(body, "server_id", &text) &&
           whorl_hex_decode(text, out->server_id, sizeof out->server_id);
}

static int64_t read_time(struct whorl_bytes body, const char *name)
{
    struct whorl_bytes text;
    int64_t time_s = 0;
    return whorl_message_text(body, name, &text) && whorl_time_parse(text, &time_s) ? time_s : 0;
}

bool whorl_message_read_status(struct whorl_bytes body, struct whorl_status *out)
{
    struct whorl_bytes value;
    uint64_t number = 0;
    whorl_zero(out, sizeof *out);
    if (!whorl_json_member(body, "code", &value) || !whorl_json_number(value, &number) || number > 999) {
        return false;
    }
    out->code = (unsigned)number;
    number = 0;
    if (whorl_json_member(body, "generation", &value) &&
        (!whorl_json_number(value, &number) || number > UINT32_MAX / 2)) {
        return false;
    }
    out->generation = (uint32_t)number;
    if (whorl_message_text(body, "owner_salt", &value)) {
        out->has_owner_salt = whorl_hex_decode(value, out->owner_salt, sizeof out->owner_salt);
    }
    out->server_time_s = read_time(body, "server_time");
    out->renew_after_s = read_time(body, "renew_after");
    out->is_rekey = whorl_json_member(body, "rekey", &value) && whorl_is(value, "true");
    out->has_anchors = whorl_message_text(body, "anchors_sha256", &value) &&
                       whorl_hex_decode(value, out->anchors_sha256, sizeof out->anchors_sha256);
    out->body = body;
    return true;
}

/* Copies a string member for people: what does not fit or does not decode is left out, control characters
 * become spaces. */
static void read_words(struct whorl_bytes body, const char *name, struct whorl_space out)
{
    struct whorl_bytes value;
    struct whorl_space room = {out.data, out.size - 1};
    size_t size = 0;
    if (whorl_json_member(body, name, &value)) {
        (void)whorl_json_string(value, room, &size); /* on failure `size` counts what came before it */
    }
    for (size_t i = 0; i < size; i++) {
        out.data[i] = out.data[i] < 0x20 || out.data[i] == 0x7f ? ' ' : out.data[i];
    }
    out.data[size] = 0;
}

void whorl_message_read_problem(unsigned status, struct whorl_bytes body, struct whorl_problem *out)
{
    struct whorl_space title = {(uint8_t *)out->title, sizeof out->title};
    struct whorl_space detail = {(uint8_t *)out->detail, sizeof out->detail};
    out->status = status;
    read_words(body, "title", title);
    read_words(body, "detail", detail);
}
