/* The JSON bodies of the device protocol as tables of fields. Judges form only: sizes and encodings, never a
 * proof. */
#include <string.h>

#include "api/device_v1.h"

enum { SPKI_MAX = 1024, NONCE_MAX = 128, SIGNATURE_MAX = 1024, CSR_MAX = 16 * 1024, CODE_MAX = 256 };

static const struct json_field proof_fields[] = {
    {"device_id", JSON_KIND_HEX32, true, offsetof(struct proof_body, device_id), 0, 0, JSON_NO_HAS},
    {"spki", JSON_KIND_BASE64, true, offsetof(struct proof_body, spki), 1, SPKI_MAX, JSON_NO_HAS},
    {"nonce", JSON_KIND_BASE64, true, offsetof(struct proof_body, nonce), 1, NONCE_MAX, JSON_NO_HAS},
    {"counter", JSON_KIND_INTEGER, true, offsetof(struct proof_body, counter), 0, INT64_MAX, JSON_NO_HAS},
    {"signature", JSON_KIND_BASE64, true, offsetof(struct proof_body, signature), 1, SIGNATURE_MAX,
     JSON_NO_HAS},
};
enum { PROOF_FIELDS = sizeof proof_fields / sizeof proof_fields[0] };

static void proof_body_clear(struct proof_body *body)
{
    buf_clear(&body->spki);
    buf_clear(&body->nonce);
    buf_clear(&body->signature);
}

void status_body_clear(struct status_body *body)
{
    proof_body_clear(&body->proof);
}

void enrol_body_clear(struct enrol_body *body)
{
    buf_clear(&body->csr);
    proof_body_clear(&body->proof);
}

static err_t proof_body_read(const json_t *proof, bool *has_proof, struct proof_body *out)
{
    *has_proof = proof != NULL;
    if (proof == NULL) {
        return OK;
    }
    err_t error = json_read(proof, proof_fields, PROOF_FIELDS, false, out);
    ENSURE(error.code == ERR_OK, error.code, "'proof': %.140s", error.detail);
    return OK;
}

err_t status_body_read(const json_t *document, struct status_body *out)
{
    struct raw {
        json_t *proof;
        const char *code;
    } raw = {.code = NULL};
    static const struct json_field fields[] = {
        {"proof", JSON_KIND_OBJECT, false, offsetof(struct raw, proof), 0, 0, JSON_NO_HAS},
        {"code", JSON_KIND_TEXT, false, offsetof(struct raw, code), 1, CODE_MAX, JSON_NO_HAS},
    };
    TRY(json_read(document, fields, 2, false, &raw));
    out->code = raw.code == NULL ? BYTES_NONE : bytes_str(raw.code);
    return proof_body_read(raw.proof, &out->has_proof, &out->proof);
}

err_t challenge_body_read(const json_t *document, struct challenge_question *out)
{
    struct raw {
        struct challenge_question question;
        const char *purpose;
    } raw = {.purpose = NULL};
    static const struct json_field fields[] = {
        {"device_id", JSON_KIND_HEX32, true, offsetof(struct raw, question.device_id), 0, 0, JSON_NO_HAS},
        {"purpose", JSON_KIND_TEXT, true, offsetof(struct raw, purpose), 1, 16, JSON_NO_HAS},
        {"server_id", JSON_KIND_HEX32, false, offsetof(struct raw, question.server_id), 0, 0,
         offsetof(struct raw, question.has_server_id)},
    };
    TRY(json_read(document, fields, 3, false, &raw));
    bool is_enrol = strcmp(raw.purpose, "enrol") == 0;
    ENSURE(is_enrol || strcmp(raw.purpose, "status") == 0, ERR_UNPROCESSABLE,
           "'purpose' must be status or enrol");
    *out = raw.question;
    out->purpose = is_enrol ? PURPOSE_ENROL : PURPOSE_STATUS;
    return OK;
}

err_t enrol_body_read(const json_t *document, struct enrol_body *out)
{
    struct raw {
        struct buf csr;
        int64_t generation;
        const char *code;
        json_t *proof;
    } raw = {.code = NULL};
    static const struct json_field fields[] = {
        {"csr", JSON_KIND_BASE64, true, offsetof(struct raw, csr), 1, CSR_MAX, JSON_NO_HAS},
        {"generation", JSON_KIND_INTEGER, false, offsetof(struct raw, generation), 0, UINT32_MAX,
         JSON_NO_HAS},
        {"code", JSON_KIND_TEXT, false, offsetof(struct raw, code), 1, CODE_MAX, JSON_NO_HAS},
        {"proof", JSON_KIND_OBJECT, false, offsetof(struct raw, proof), 0, 0, JSON_NO_HAS},
    };
    err_t error = json_read(document, fields, sizeof fields / sizeof fields[0], false, &raw);
    out->csr = raw.csr;
    out->generation = raw.generation;
    out->code = raw.code == NULL ? BYTES_NONE : bytes_str(raw.code);
    TRY(error);
    return proof_body_read(raw.proof, &out->has_proof, &out->proof);
}

struct challenge_proof proof_of(const struct request *request, const struct proof_body *body,
                                enum challenge_purpose purpose)
{
    struct challenge_proof proof = {.purpose = purpose,
                                    .device_id = body->device_id,
                                    .spki = buf_view(&body->spki),
                                    .nonce = buf_view(&body->nonce),
                                    .counter = (uint64_t)body->counter,
                                    .signature = buf_view(&body->signature),
                                    .is_bound = request->binding->has_exporter};
    if (proof.is_bound) {
        memcpy(proof.exporter, request->binding->exporter, sizeof proof.exporter);
    }
    return proof;
}
