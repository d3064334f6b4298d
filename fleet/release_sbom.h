/* The bill of materials of a release: a document of one of two kinds, kept as bytes of the store beside the
 * images. Not part of the manifest: it may come and be corrected later, and every time leaves a record. */
#ifndef WHORL_FLEET_RELEASE_SBOM_H
#define WHORL_FLEET_RELEASE_SBOM_H

#include "fleet/releases.h"

enum sbom_type { SBOM_CYCLONEDX, SBOM_SPDX };
enum { SBOM_MAX = 4 << 20 };

struct sbom {
    enum sbom_type type;
    struct bytes document; /* borrowed */
};
const char *sbom_media_type(enum sbom_type type);
/** Which kind a document is: JSON of CycloneDX (bomFormat, specVersion) or SPDX (spdxVersion; or @context of
 *  version 3). @errors ERR_BAD_JSON, ERR_UNPROCESSABLE neither @thread any */
err_t sbom_judge(struct bytes document, enum sbom_type *out);

/** In place of the one before. @errors ERR_NOT_FOUND, ERR_PRECONDITION, ERR_UNAVAILABLE no store,
 * ERR_DISK_FULL
 *  @thread worker, like the next one */
err_t release_sbom_put(struct fleet *fleet, const struct terms *terms, struct uuid id,
                       const struct sbom *sbom, struct release *out);
/** @param[out] out appended @errors ERR_NOT_FOUND also without one, ERR_GONE its bytes are not good any more
 */
err_t release_sbom_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct buf *out,
                       enum sbom_type *type);

#endif
