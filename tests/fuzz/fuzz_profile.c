/* Certificate profiles as operators write them. What was accepted once is stored in a form that is read again
 * and means the same, and DER can be made of it; the same bytes as a template: what is accepted is filled in
 * for a device that has everything, or the refusal names what it lacks. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "fleet/profile_spec.h"
#include "pki/oid.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void write_text(const struct profile_spec *spec, struct buf *out)
{
    AUTO(json_t) *object = json_object();
    must(profile_spec_write(spec, object).code == ERR_OK && json_append(out, object).code == ERR_OK);
}

static void check_stored(const struct profile_spec *spec)
{
    AUTO_VAL(buf) first = {0};
    AUTO_VAL(buf) second = {0};
    AUTO_PTR(compiled_profile) *compiled = NULL;
    struct profile_spec again;
    write_text(spec, &first);
    must(first.n <= PROFILE_BODY_MAX && profile_spec_parse(buf_view(&first), &again).code == ERR_OK);
    write_text(&again, &second);
    must(bytes_equal(buf_view(&first), buf_view(&second)));
    must(certificate_profile_compile(&spec->certificate, &compiled).code == ERR_OK);
}

/* A new one, and a change of one that is built in. */
static void check_document(const json_t *document, bool is_new)
{
    struct faults faults = {.count = 0};
    struct profile_change change;
    struct profile_spec spec = built_in_profile_find(BYTES_NONE)->spec;
    must(profile_change_read(document, is_new, &faults, &change).code == ERR_OK);
    if (faults.count > 0) {
        return;
    }
    profile_change_apply(&change, &spec);
    must(profile_spec_check(&spec, &faults).code == ERR_OK);
    if (faults.count == 0) {
        check_stored(&spec);
    }
}

typedef err_t (*check_fn)(struct bytes text);
typedef err_t (*fill_fn)(const char *text, const struct device_subject *subject, struct buf *out);

static void check_template(struct bytes text, check_fn check, fill_fn fill)
{
    static const uint8_t id[SHA256_SIZE] = {1, 2};
    const struct device_subject subject = {
        .device_id_hex = "0102000000000000000000000000000000000000000000000000000000000000",
        .serial_number = "SN-1 \xc3\xa9",
        .device_id = BYTES_OF(id),
        .model = "m1",
        .tenant = "default",
        .product = "sensor"};
    AUTO_VAL(buf) out = {0};
    AUTO_VAL(buf) copy = {0};
    if (text.n >= PROFILE_TEMPLATE_SIZE || check(text).code != ERR_OK) {
        return;
    }
    must(buf_append_bytes(&copy, text).code == ERR_OK && strlen(buf_str(&copy)) == text.n);
    err_t error = fill(buf_str(&copy), &subject, &out);
    must(error.code == ERR_OK || (error.code == ERR_UNPROCESSABLE && error.detail[0] != '\0'));
    for (size_t i = 0; error.code == ERR_OK && i < out.n; i++) {
        must(out.p[i] > 0x20 && out.p[i] < 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes text = {data, size};
    AUTO(json_t) *document = NULL;
    AUTO_VAL(buf) oid = {0};
    struct profile_spec stored;
    if (json_parse(text, PROFILE_BODY_MAX, &document).code == ERR_OK && json_is_object(document)) {
        check_document(document, true);
        check_document(document, false);
    }
    if (profile_spec_parse(text, &stored).code == ERR_OK) {
        AUTO_VAL(buf) again = {0};
        write_text(&stored, &again);
    }
    check_template(text, uri_template_check, uri_template_fill);
    check_template(text, dns_template_check, dns_template_fill);
    must(oid_parse(text, &oid).code != ERR_OK || (oid.n > 0 && oid.n <= OID_DER_SIZE));
    return 0;
}
