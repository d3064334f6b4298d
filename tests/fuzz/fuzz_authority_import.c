/* What comes back from another CA, held against the authorities that are here: a pending one whose request is
 * known, and as many roots as the first byte says (from 0x80 on they are ours), which are the first items of
 * the bundle itself, so that inputs need no right signature of a key of ours. A plan names items of the
 * bundle and authorities, and the same question has the same answer. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "fleet/authority_import_rules.h"
#include "pki/request_text.h"
#include "tests/fuzz/fuzz.h"

enum { ROOTS_MAX = 2 };
static const int64_t AT_MS = 1800000000000;
static const char REQUEST[] = "-----BEGIN CERTIFICATE REQUEST-----\n"
                              "MIHdMIGFAgEAMCMxDTALBgNVBAoMBFRlc3QxEjAQBgNVBAMMCURldmljZSBDQTBZ\n"
                              "MBMGByqGSM49AgEGCCqGSM49AwEHA0IABCOypumGcisKHwE2E08ufL7LUi0Qweng\n"
                              "e2aHnzuG4gQtTz7dtxwYqfp/eOug15H0BonYwXjdQfRVaGo1kGcoW8+gADAKBggq\n"
                              "hkjOPQQDAgNHADBEAiBgqnjVcGJ6uCanQs1AgBCfgeOVD7lRyesSKGmKc0iR5AIg\n"
                              "IwdCKKPxvg1x3LdUtYdx61JPIeKa31cYX4hgpidCI2U=\n"
                              "-----END CERTIFICATE REQUEST-----\n";

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_plan(const struct ca_bundle *bundle, const struct import_plan *plan)
{
    must(plan->count <= CA_BUNDLE_ITEMS_MAX);
    for (size_t i = 0; i < plan->count; i++) {
        const struct import_step *step = &plan->steps[i];
        must(step->item < bundle->count && step->authority[0] != '\0');
        must(memchr(step->authority, '\0', AUTHORITY_ID_SIZE) != NULL &&
             memchr(step->issuer, '\0', AUTHORITY_ID_SIZE) != NULL);
        must(step->serial_size <= IMPORT_SERIAL_MAX && utf8_is_valid(bytes_str(step->note)));
        must((step->kind == IMPORT_CRL) == (bundle->items[step->item].kind == CA_ITEM_CRL));
    }
}

static void judge(const struct import_view *view, const struct ca_bundle *bundle)
{
    struct import_plan *plans = calloc(2, sizeof *plans);
    must(plans != NULL);
    err_t error = authority_import_judge(view, bundle, &plans[0]);
    must(error.code == ERR_OK || error.code == ERR_UNPROCESSABLE);
    must(error.code == ERR_OK || (error.detail[0] != '\0' && utf8_is_valid(bytes_str(error.detail))));
    must(authority_import_judge(view, bundle, &plans[1]).code == error.code);
    if (error.code == ERR_OK) {
        check_plan(bundle, &plans[0]);
        must(plans[0].count == plans[1].count);
    }
    free(plans);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_VAL(buf) request = {0};
    AUTO_VAL(ca_bundle) bundle = {.count = 0};
    struct import_known known[ROOTS_MAX + 1] = {
        {.id = "device-2", .role = AUTHORITY_DEVICE, .state = AUTHORITY_PENDING, .has_key = true}};
    struct import_view view = {.items = known, .count = 1, .now_ms = AT_MS};
    if (size < 1 || ca_bundle_add((struct bytes){data + 1, size - 1}, &bundle).code != ERR_OK) {
        return 0;
    }
    must(request_from_pem(bytes_str(REQUEST), &request).code == ERR_OK);
    known[0].request = buf_view(&request);
    for (size_t i = 0; i < data[0] % (ROOTS_MAX + 1U) && i < bundle.count; i++) {
        if (bundle.items[i].kind == CA_ITEM_CERTIFICATE) {
            known[view.count++] = (struct import_known){.id = {'r', (char)('1' + i)},
                                                        .role = AUTHORITY_ROOT,
                                                        .is_external = data[0] < 0x80,
                                                        .has_key = data[0] >= 0x80,
                                                        .predecessor = {i > 0 ? 'r' : '\0', '1'},
                                                        .certificate = buf_view(&bundle.items[i].der)};
        }
    }
    judge(&view, &bundle);
    return 0;
}
