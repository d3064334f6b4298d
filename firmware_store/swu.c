/* Update archives of SWUpdate: cpio with sw-description first, its signature second, then the files that it
 * names. The signature covers those only through their hashes in the description, so each is computed. */
#include <stdlib.h>
#include <string.h>

#include "firmware_store/cpio.h"
#include "firmware_store/sw_description.h"

enum { FILES_MAX = 512, SIGNATURE_MAX = 64 * 1024 };
static const char DESCRIPTION[] = "sw-description";
static const char SIGNATURE[] = "sw-description.sig";

/* What is kept of the archive while it is read. */
struct swu {
    struct sw_description *description;
    json_t *names; /* of the files so far: an object, for its keys; borrowed from the facts' "files" */
    bool is_signed;
    int64_t description_at;
};

static void description_free(struct sw_description *description)
{
    if (description != NULL) {
        sw_description_clear(description);
        free(description);
    }
}
DEFINE_AUTO_PTR(sw_description, description_free);

/* A CMS message says so by the type right behind its first header; everything else is a bare signature. */
static bool is_cms(struct bytes signature)
{
    static const uint8_t type[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
    size_t head = signature.n < 2 || signature.p[1] <= 0x80 ? 2 : (size_t)(signature.p[1] & 0x7f) + 2;
    return signature.n > head + sizeof type && signature.p[0] == 0x30 &&
           memcmp(signature.p + head, type, sizeof type) == 0;
}

static err_t note_signature(const struct image_reading *r, const struct cpio_entry *description,
                            const struct cpio_entry *entry)
{
    struct image_signature *signature = NULL;
    IMAGE_NEED(entry->size > 0 && entry->size <= SIGNATURE_MAX, r, entry->data_at,
               "the signature has %lld bytes; 1 to %d are possible", (long long)entry->size, SIGNATURE_MAX);
    TRY(image_add_signature(r, entry->data_at, &signature));
    TRY(image_take_buf(r, entry->data_at, entry->size, "the signature", &signature->bytes));
    bool is_message = is_cms(buf_view(&signature->bytes));
    signature->scheme = is_message ? SIGNATURE_CMS_DETACHED : SIGNATURE_BARE;
    signature->from = description->data_at;
    signature->size = description->size;
    return json_set_text(r->out->facts, "signature", is_message ? "cms" : "bare");
}

/* --- one file --------------------------------------------------------------------------------------- */

static err_t check_artifact(const struct image_reading *r, const struct swu *swu,
                            struct sw_artifact *artifact, const struct cpio_entry *entry,
                            const struct sha256 *found)
{
    artifact->is_there = true;
    IMAGE_NEED(artifact->has_sha256 || !swu->is_signed, r, swu->description_at,
               "\"%.60s\" has no sha256 in the signed sw-description: the signature does not cover it",
               entry->name);
    IMAGE_NEED(!artifact->has_sha256 || memcmp(artifact->sha256.b, found->b, sizeof found->b) == 0, r,
               entry->data_at, "the bytes of \"%.60s\" are not those whose sha256 sw-description tells",
               entry->name);
    return OK;
}

static err_t note_file(const struct image_reading *r, const struct swu *swu, const struct cpio_entry *entry)
{
    struct sha256 found;
    bool is_listed = false;
    TRY(image_hash(r, DIGEST_SHA256, entry->data_at, entry->size, found.b));
    for (size_t i = 0; i < swu->description->count; i++) {
        struct sw_artifact *artifact = &swu->description->artifacts[i];
        if (strcmp(artifact->name, entry->name) == 0) {
            is_listed = true;
            TRY(check_artifact(r, swu, artifact, entry, &found));
        }
    }
    AUTO(json_t) *fact = json_object();
    TRY(json_set_int(fact, "size", entry->size));
    TRY(json_set_hex(fact, "sha256", BYTES_OF(found.b)));
    TRY(json_set_bool(fact, "listed", is_listed)); /* what is not listed, SWUpdate passes over */
    return json_take(swu->names, entry->name, TAKE(fact));
}

static err_t read_file(const struct image_reading *r, const struct swu *swu, const struct cpio_entry *entry)
{
    bool is_reserved = strcmp(entry->name, DESCRIPTION) == 0 || strcmp(entry->name, SIGNATURE) == 0;
    IMAGE_NEED(!is_reserved, r, entry->at,
               "\"%s\" stands here; sw-description is the first file, and its signature the second, once",
               entry->name);
    IMAGE_NEED(json_object_get(swu->names, entry->name) == NULL, r, entry->at,
               "there is a second file named \"%.60s\"", entry->name);
    IMAGE_NEED(json_object_size(swu->names) < FILES_MAX, r, entry->at, "there are more than %d files",
               FILES_MAX);
    TRY(cpio_check_sum(r, entry));
    return note_file(r, swu, entry);
}

/* --- the archive ------------------------------------------------------------------------------------ */

static err_t read_description(const struct image_reading *r, struct cpio_entry *entry, struct swu *swu)
{
    AUTO_VAL(buf) text = {0};
    TRY(cpio_read_entry(r, 0, entry));
    IMAGE_NEED(strcmp(entry->name, DESCRIPTION) == 0, r, entry->at,
               "the first file is \"%.60s\", not sw-description", entry->name);
    IMAGE_NEED(entry->size > 0 && entry->size <= SW_DESCRIPTION_MAX, r, entry->data_at,
               "sw-description has %lld bytes; 1 to %d are possible", (long long)entry->size,
               SW_DESCRIPTION_MAX);
    TRY(cpio_check_sum(r, entry));
    TRY(image_take_buf(r, entry->data_at, entry->size, "sw-description", &text));
    swu->description_at = entry->data_at;
    return sw_description_read(r, entry->data_at, buf_view(&text), swu->description);
}

static err_t read_files(const struct image_reading *r, const struct cpio_entry *first, struct swu *swu)
{
    struct cpio_entry entry;
    TRY(cpio_read_entry(r, first->next, &entry));
    swu->is_signed = strcmp(entry.name, SIGNATURE) == 0;
    if (swu->is_signed) {
        TRY(cpio_check_sum(r, &entry));
        TRY(note_signature(r, first, &entry));
        TRY(cpio_read_entry(r, entry.next, &entry));
    }
    while (!entry.is_trailer) {
        TRY(read_file(r, swu, &entry));
        TRY(cpio_read_entry(r, entry.next, &entry));
    }
    int64_t other = 0;
    TRY(image_find_other(r, entry.data_at, r->bytes->size, 0, &other));
    IMAGE_NEED(other == r->bytes->size, r, other, "there is something behind the end of the archive");
    return OK;
}

err_t swu_read(const struct image_reading *r)
{
    struct cpio_entry first;
    AUTO_PTR(sw_description) *description = calloc(1, sizeof *description);
    ENSURE(description != NULL, ERR_NO_MEMORY, "a description");
    TRY(json_take(r->out->facts, "files", json_object()));
    struct swu swu = {.description = description, .names = json_object_get(r->out->facts, "files")};
    TRY(read_description(r, &first, &swu));
    TRY(read_files(r, &first, &swu));
    for (size_t i = 0; i < description->count; i++) {
        IMAGE_NEED(description->artifacts[i].is_there, r, swu.description_at,
                   "sw-description names \"%.60s\", which is not in the archive",
                   description->artifacts[i].name);
    }
    return json_set_bool(r->out->facts, "encrypted", r->out->is_encrypted);
}
