/* id-it-caCerts, id-it-rootCaCert, id-it-rootCaKeyUpdate, id-it-certReqTemplate (RFC 9810 §5.3.19.14 to 16).
 */
#include "pki/cmp_info.h"

#include "pki/der.h"

static const uint8_t oid_ca_certs[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x04, 0x11};
static const uint8_t oid_root_update[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x04, 0x12};
static const uint8_t oid_template[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x04, 0x13};
static const uint8_t oid_root[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x04, 0x14};

static err_t read_one(struct bytes item, struct cmp_info_question *out)
{
    struct der_item id;
    struct der_item value;
    ENSURE(der_take(&item, DER_OID, &id), ERR_BAD_ENCODING, "an entry of the general message is malformed");
    *out = (struct cmp_info_question){.kind = CMP_ASKS_OTHER};
    if (item.n > 0) {
        ENSURE(der_next(&item, &value) && item.n == 0, ERR_BAD_ENCODING,
               "an entry of the general message is malformed");
        out->value = value.whole;
    }
    if (bytes_equal(id.value, BYTES_OF(oid_ca_certs))) {
        out->kind = CMP_ASKS_CA_CERTS;
    } else if (bytes_equal(id.value, BYTES_OF(oid_root))) {
        out->kind = CMP_ASKS_ROOT;
    } else if (bytes_equal(id.value, BYTES_OF(oid_template))) {
        out->kind = CMP_ASKS_TEMPLATE;
    }
    return OK;
}

err_t cmp_info_read(const struct cmp_header *message, struct cmp_info_questions *out)
{
    struct bytes content = message->body_content;
    struct der_item list;
    struct der_item item;
    out->count = 0;
    ENSURE(der_take(&content, DER_SEQUENCE, &list) && content.n == 0, ERR_BAD_ENCODING,
           "the general message is malformed");
    while (list.value.n > 0) {
        ENSURE(out->count < CMP_QUESTIONS_MAX, ERR_BAD_REQUEST, "at most %d entries of a general message",
               CMP_QUESTIONS_MAX);
        ENSURE(der_take(&list.value, DER_SEQUENCE, &item), ERR_BAD_ENCODING,
               "the general message is malformed");
        TRY(read_one(item.value, &out->items[out->count++]));
    }
    ENSURE(out->count > 0, ERR_BAD_REQUEST, "the general message asks nothing");
    return OK;
}

err_t cmp_info_put_ca_certs(const struct bytes *ders, size_t count, struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t entry = der_open(&w, DER_SEQUENCE);
    der_put(&w, DER_OID, BYTES_OF(oid_ca_certs));
    if (count > 0) {
        size_t list = der_open(&w, DER_SEQUENCE);
        for (size_t i = 0; i < count; i++) {
            der_put_raw(&w, ders[i]);
        }
        der_close(&w, list);
    }
    der_close(&w, entry);
    return der_finish(&w);
}

/* CMPCertificate is a CHOICE, so the tags are explicit. */
static void put_tagged(struct der_writer *w, int number, struct bytes der)
{
    if (der.n > 0) {
        size_t tagged = der_open(w, (uint8_t)(DER_CONTEXT_CONSTRUCTED | number));
        der_put_raw(w, der);
        der_close(w, tagged);
    }
}

err_t cmp_info_put_root_update(const struct cmp_root_update *update, struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t entry = der_open(&w, DER_SEQUENCE);
    der_put(&w, DER_OID, BYTES_OF(oid_root_update));
    if (update != NULL) {
        size_t value = der_open(&w, DER_SEQUENCE);
        der_put_raw(&w, update->new_with_new);
        put_tagged(&w, 0, update->new_with_old);
        put_tagged(&w, 1, update->old_with_new);
        der_close(&w, value);
    }
    der_close(&w, entry);
    return der_finish(&w);
}

err_t cmp_info_put_template(struct bytes template, struct buf *out)
{
    struct der_writer w = der_writer(out);
    size_t entry = der_open(&w, DER_SEQUENCE);
    der_put(&w, DER_OID, BYTES_OF(oid_template));
    der_put_raw(&w, template);
    der_close(&w, entry);
    return der_finish(&w);
}

err_t cmp_info_put_list(struct bytes entries, struct buf *out)
{
    struct der_writer w = der_writer(out);
    der_put(&w, DER_SEQUENCE, entries);
    return der_finish(&w);
}
