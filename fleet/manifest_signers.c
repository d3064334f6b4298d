/* The list of pinned signers, read anew for each import: what the operator adds counts at once. */
#include "fleet/manifest_signers.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "pki/certificate.h"
#include "pki/foreign_certificate.h"

enum { SIGNERS_MAX = 64, PEM_SIZE_MAX = 64 * 1024 };

struct signer {
    struct sha256 fingerprint;
    struct foreign_certificate certificate;
};

struct manifest_signers {
    struct signer list[SIGNERS_MAX];
    size_t count;
};

void manifest_signers_free(struct manifest_signers *signers)
{
    for (size_t i = 0; signers != NULL && i < signers->count; i++) {
        foreign_certificate_clear(&signers->list[i].certificate);
    }
    free(signers);
}

static err_t add(struct manifest_signers *signers, struct bytes pem)
{
    static const struct key_policy no_rsa = {.allow_rsa = false};
    AUTO_VAL(buf) der = {0};
    struct key_info info;
    ENSURE(signers->count < SIGNERS_MAX, ERR_INTERNAL, "more than %d pinned signers", SIGNERS_MAX);
    struct signer *signer = &signers->list[signers->count++];
    TRY(certificate_from_pem(pem, &der));
    TRY(sha256_of(buf_view(&der), &signer->fingerprint));
    TRY(foreign_certificate_read(buf_view(&der), &signer->certificate));
    TRY(key_check_spki(buf_view(&signer->certificate.spki), &no_rsa, &info));
    ENSURE(info.alg == KEY_ALG_P256, ERR_UNPROCESSABLE, "a signer of manifests has a P-256 key");
    ENSURE(signer->certificate.key_id_size > 0, ERR_UNPROCESSABLE, "a signer's certificate names its key");
    return OK;
}

static err_t add_file(struct manifest_signers *signers, const char *folder, const char *name)
{
    AUTO(char) *path = NULL;
    AUTO_VAL(buf) pem = {0};
    TRY(path_join(folder, name, &path));
    err_t error = file_read(path, PEM_SIZE_MAX, &pem);
    if (error.code == ERR_OK) {
        error = add(signers, buf_view(&pem));
    }
    ENSURE(error.code == ERR_OK, ERR_INTERNAL, "pinned signer %.60s: %.80s", name, error.detail);
    return OK;
}

static void close_folder(DIR **folder)
{
    if (*folder != NULL) {
        (void)closedir(*folder); /* was only read */
    }
}

static err_t add_folder(struct manifest_signers *signers, const char *folder)
{
    __attribute__((cleanup(close_folder))) DIR *list = opendir(folder);
    if (list == NULL && errno == ENOENT) {
        return OK;
    }
    ENSURE(list != NULL, ERR_IO, "the folder of pinned signers cannot be read");
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        size_t size = strlen(entry->d_name);
        if (size > 4 && strcmp(entry->d_name + size - 4, ".pem") == 0) {
            TRY(add_file(signers, folder, entry->d_name));
        }
    }
    return OK;
}

err_t manifest_signers_load(const char *folder, struct manifest_signers **out)
{
    *out = NULL;
    AUTO_PTR(manifest_signers) *signers = calloc(1, sizeof *signers);
    ENSURE(signers != NULL, ERR_NO_MEMORY, "no memory for pinned signers");
    for (size_t i = 0; microchip_signers[i] != NULL; i++) {
        TRY(add(signers, bytes_str(microchip_signers[i])));
    }
    if (folder != NULL) {
        TRY(add_folder(signers, folder));
    }
    *out = TAKE(signers);
    return OK;
}

err_t manifest_signers_find(const struct manifest_signers *signers, struct bytes certificate_sha256,
                            struct bytes key_id, struct bytes *spki)
{
    for (size_t i = 0; i < signers->count; i++) {
        const struct signer *signer = &signers->list[i];
        if (bytes_equal(BYTES_OF(signer->fingerprint.b), certificate_sha256)) {
            struct bytes own = {signer->certificate.key_id, signer->certificate.key_id_size};
            ENSURE(bytes_equal(own, key_id), ERR_UNPROCESSABLE,
                   "'kid' is not the key identifier of the signer's certificate");
            *spki = buf_view(&signer->certificate.spki);
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "the signer is not pinned here (x5t#S256)");
}
