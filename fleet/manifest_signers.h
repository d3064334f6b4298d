/* Whose signature on a Microchip manifest is believed: Microchip's own log signers, and those that the
 * operator put into the data directory for manifests of its own. Certificates are pinned as they are: no
 * chain, no dates (entries are older than today's signers). */
#ifndef WHORL_FLEET_MANIFEST_SIGNERS_H
#define WHORL_FLEET_MANIFEST_SIGNERS_H

#include "base/bytes.h"

#define MANIFEST_SIGNERS_FOLDER "manifest-signers"

struct manifest_signers;

/** @param folder of *.pem, one certificate each; NULL or not there: the built-in ones only
 *  @errors ERR_INTERNAL a file of the folder is no usable certificate, or there are too many; ERR_IO @thread
 * any */
err_t manifest_signers_load(const char *folder, struct manifest_signers **out);
void manifest_signers_free(struct manifest_signers *signers);
DEFINE_AUTO_PTR(manifest_signers, manifest_signers_free);

/** The key of the signer whose certificate has this SHA-256, and whose subject key identifier is `key_id`.
 *  @param[out] spki borrowed from `signers` @errors ERR_UNPROCESSABLE not pinned, or the key id is another's
 */
err_t manifest_signers_find(const struct manifest_signers *signers, struct bytes certificate_sha256,
                            struct bytes key_id, struct bytes *spki);

/* fleet/microchip_signers.c: PEM, NULL-terminated. */
extern const char *const microchip_signers[];

#endif
