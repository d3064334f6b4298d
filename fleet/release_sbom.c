/* SBOMs: judged by what makes them one, stored as bytes by their hash, named by the release's row. */
#include "fleet/release_sbom.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/ports.h"
#include "fleet/blobs.h"
#include "fleet/internal.h"
#include "fleet/releases_internal.h"

static const char *const names[] = {[SBOM_CYCLONEDX] = "cyclonedx", [SBOM_SPDX] = "spdx"};
static const char *const media_types[] = {
    [SBOM_CYCLONEDX] = "application/vnd.cyclonedx+json", [SBOM_SPDX] = "application/spdx+json"};

const char *sbom_media_type(enum sbom_type type)
{
    return media_types[type];
}

static const char *text_of(const json_t *document, const char *name)
{
    const char *text = json_string_value(json_object_get(document, name));
    return text == NULL ? "" : text;
}

err_t sbom_judge(struct bytes document, enum sbom_type *out)
{
    AUTO(json_t) *value = NULL;
    TRY(json_parse(document, SBOM_MAX, &value));
    bool is_cyclonedx =
        strcmp(text_of(value, "bomFormat"), "CycloneDX") == 0 && text_of(value, "specVersion")[0] != '\0';
    bool is_spdx = strncmp(text_of(value, "spdxVersion"), "SPDX-", 5) == 0 ||
                   strncmp(text_of(value, "@context"), "https://spdx.org/rdf/", 21) == 0;
    ENSURE(is_cyclonedx || is_spdx, ERR_UNPROCESSABLE,
           "neither CycloneDX (bomFormat, specVersion) nor SPDX (spdxVersion, or @context) in JSON");
    *out = is_cyclonedx ? SBOM_CYCLONEDX : SBOM_SPDX;
    return OK;
}

/* --- kept ------------------------------------------------------------------------------------------------
 */

struct put {
    const struct terms *terms;
    struct uuid id;
    const struct sbom *sbom;
    struct blob_digests digests;
    struct release *out;
};

static err_t put_in(struct db_tx *tx, void *arg)
{
    const struct put *run = arg;
    struct firmware_release_row *row = &run->out->row;
    TRY(release_load(tx, run->terms->tenant, run->id, run->out));
    TRY(terms_check_version(run->terms, row->ver));
    bool is_same = row->has_sbom && memcmp(row->sbom_sha256.b, run->digests.sha256.b, SHA256_SIZE) == 0;
    TRY(blob_take(tx, &run->digests, !is_same)); /* the same again is named once */
    if (is_same) {
        return OK;
    }
    if (row->has_sbom) {
        TRY(blob_release(tx, &row->sbom_sha256));
    }
    row->has_sbom = true;
    row->sbom_sha256 = run->digests.sha256;
    (void)snprintf(row->sbom_type, sizeof row->sbom_type, "%s", names[run->sbom->type]);
    TRY(firmware_release_rows_update(tx, row));
    return release_record(tx, row, &run->terms->actor, "firmware_release.sbom_changed");
}

err_t release_sbom_put(struct fleet *fleet, const struct terms *terms, struct uuid id,
                       const struct sbom *sbom, struct release *out)
{
    int64_t at = 0;
    struct uuid name;
    struct blob_store *store = NULL;
    AUTO_PTR(blob_writer) *writer = NULL;
    struct put run = {.terms = terms, .id = id, .sbom = sbom, .out = out};
    TRY(release_get(fleet, terms->tenant, id, out)); /* nothing is written for a release that is not there */
    TRY(terms_check_version(terms, out->row.ver));
    TRY(blob_store_of(fleet, &store));
    TRY(uuid_new(fleet->clock, fleet->random, &name));
    TRY(blob_writer_open(store, name, &at, &writer));
    TRY(blob_writer_add(writer, sbom->document));
    err_t error = blob_commit(fleet, writer, &run.digests, put_in, &run);
    if (error.code != ERR_OK) {
        err_ignore(blob_writer_forget(store, name)); /* what is left over is swept later */
    }
    return error;
}

/* --- given -----------------------------------------------------------------------------------------------
 */

static err_t read_blob(struct blob_store *store, const struct sha256 *name, struct buf *out)
{
    AUTO_PTR(blob_reader) *reader = NULL;
    TRY(blob_open(store, name, &reader));
    size_t n = (size_t)blob_size(reader);
    ENSURE(n <= SBOM_MAX, ERR_DB, "an SBOM of %zu bytes", n);
    TRY(buf_reserve(out, n));
    TRY(blob_read(reader, 0, out->p + out->n, n));
    out->n += n;
    return buf_append(out, "", 0);
}

err_t release_sbom_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct buf *out,
                       enum sbom_type *type)
{
    struct release release;
    struct blob_store *store = NULL;
    TRY(release_get(fleet, tenant, id, &release));
    ENSURE(release.row.has_sbom, ERR_NOT_FOUND, "the release has no SBOM");
    *type = strcmp(release.row.sbom_type, names[SBOM_SPDX]) == 0 ? SBOM_SPDX : SBOM_CYCLONEDX;
    TRY(blob_store_of(fleet, &store));
    TRY(blob_ready(fleet, &release.row.sbom_sha256, NULL));
    return read_blob(store, &release.row.sbom_sha256, out);
}
