/* The JSON bodies of the interfaces, each read by the function that its handler calls: batch, status,
 * challenge, enrol, a report of firmware. */
#include <stdlib.h>

#include "api/batch_body.h"
#include "api/device_firmware.h"
#include "api/device_v1.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz.h"

enum { LIMIT = 1 << 20 };

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* What a good batch promises to the registry. */
static void check_batch(struct bytes text)
{
    AUTO_VAL(batch_body) body = {.document = NULL};
    struct batch_report report;
    err_t error = batch_body_parse(text, LIMIT, &body, &report);
    if (error.code != ERR_OK) {
        must(report.listed <= report.refused && report.listed <= BATCH_REPORT_MAX);
        return;
    }
    must(report.refused == 0 && body.count >= 1);
    for (size_t i = 0; i < body.count; i++) {
        must(body.devices[i].has_id != (body.devices[i].spki.n > 0));
        must(body.devices[i].attributes.n == 0 || utf8_is_valid(body.devices[i].attributes));
    }
}

static void check_device_bodies(const json_t *document)
{
    AUTO_VAL(status_body) status = {.has_proof = false};
    AUTO_VAL(enrol_body) enrol = {.has_proof = false};
    struct challenge_question challenge;
    err_ignore(status_body_read(document, &status)); /* any verdict will do: memory is what is watched */
    if (challenge_body_read(document, &challenge).code == ERR_OK) {
        must(challenge.purpose == PURPOSE_STATUS || challenge.purpose == PURPOSE_ENROL);
    }
    struct firmware_report report;
    if (firmware_report_body_read(document, &report).code == ERR_OK) {
        must(report.action >= 1 && report.action <= FIRMWARE_ACTION_ID_MAX && report.text != NULL);
    }
    if (enrol_body_read(document, &enrol).code == ERR_OK) {
        must(enrol.csr.n > 0 && enrol.generation >= 0 && (!enrol.has_proof || enrol.proof.signature.n > 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {data, size};
    AUTO(json_t) *document = NULL;
    check_batch(text);
    if (json_parse(text, LIMIT, &document).code == ERR_OK) {
        check_device_bodies(document);
    }
    return 0;
}
