/* Keys, certificates and sealed or signed files that an operator hands in: whatever they hold, they are read
 * whole or refused with a reason. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "fleet/audit_statement.h"
#include "pki/boot_key.h"
#include "pki/code_certificate.h"
#include "pki/cose.h"
#include "pki/envelope.h"
#include "pki/foreign_certificate.h"
#include "pki/key_file.h"
#include "pki/request_text.h"
#include "pki/signer.h"
#include "tests/fuzz/fuzz.h"

static const int64_t AT_MS = 1780272000000;

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool is_good(err_t error)
{
    must(error.code == ERR_CRYPTO || err_status(error.code) < 500); /* CRYPTO: halves of a key differ */
    must(error.code == ERR_OK || (error.detail[0] != '\0' && utf8_is_valid(bytes_str(error.detail))));
    return error.code == ERR_OK;
}

static void check_keys(struct bytes text)
{
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) spki = {0};
    AUTO_VAL(buf) again = {0};
    AUTO_VAL(buf) der = {0};
    struct key_info info;
    (void)is_good(key_file_read(text, BYTES_NONE, "the file", &key));
    if (!is_good(boot_key_read(text, &spki, &info))) {
        return;
    }
    must(is_good(boot_key_read(buf_view(&spki), &again, &info)) &&
         bytes_equal(buf_view(&spki), buf_view(&again)));
    (void)is_good(code_certificate_take(text, buf_view(&spki), AT_MS, &der));
}

static void check_certificates(struct bytes text)
{
    AUTO_VAL(buf) der = {0};
    AUTO_VAL(buf) request = {0};
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) again = {0};
    AUTO_VAL(foreign_certificate) foreign = {.key_id_size = 0};
    char name[65];
    (void)is_good(boot_certificate_read(text, &der));
    (void)is_good(recipient_name(text, name, sizeof name));
    if (is_good(foreign_certificate_read(text, &foreign))) {
        must(foreign.key_id_size <= FOREIGN_KEY_ID_SIZE && utf8_is_valid(bytes_str(foreign.common_name)));
    }
    if (is_good(request_from_pem(text, &request))) {
        must(request_to_pem(buf_view(&request), &pem).code == ERR_OK &&
             request_from_pem(buf_view(&pem), &again).code == ERR_OK &&
             bytes_equal(buf_view(&request), buf_view(&again)));
    }
}

static void check_sealed(struct bytes der)
{
    AUTO_VAL(signed_text) text = {.content = {0}};
    AUTO_VAL(audit_statement) statement = {.content = NULL};
    struct cose_sign1 message;
    (void)is_good(signed_text_open(der, BYTES_NONE, &text));
    (void)is_good(audit_statement_open(der, BYTES_NONE, &statement));
    if (cose_sign1_read(der, &message).code == ERR_OK) {
        (void)is_good(cose_sign1_verify(&message, bytes_str("x"), BYTES_NONE));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes file = {data, size};
    struct sha256 key;
    bool is_there = false;
    check_keys(file);
    check_certificates(file);
    check_sealed(file);
    if (is_good(anchor_spki_sha256(file, &key))) {
        must(anchors_have_key(file, &key, &is_there).code == ERR_OK && is_there);
    }
    return 0;
}
