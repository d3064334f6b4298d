/* Notes are written before a pair is made and completed afterwards, so that no key in a token is without
 * anybody who knows it. */
#include "pki/keystore_token_note.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "base/file.h"

enum { NOTE_SIZE_MAX = 8192 };

void token_note_clear(struct token_note *note)
{
    buf_clear(&note->spki);
}

static err_t path_of(const char *folder, const char *label, char **out)
{
    AUTO_VAL(buf) name = {0};
    TRY(buf_printf(&name, "%s.token", label));
    return path_join(folder, buf_str(&name), out);
}

static err_t read_public(struct bytes pem, const char *label, struct buf *out)
{
    AUTO(BIO) *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    AUTO(EVP_PKEY) *key = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    unsigned char *der = NULL;
    int size = key == NULL ? 0 : i2d_PUBKEY(key, &der);
    openssl_forget_errors();
    ENSURE(size > 0, ERR_CRYPTO, "the note %s.token is damaged or cut short", label);
    err_t error = buf_append(out, der, (size_t)size);
    OPENSSL_free(der);
    return error;
}

err_t token_note_read(const char *folder, const char *label, struct token_note *out)
{
    AUTO(char) *path = NULL;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) uri = {0};
    TRY(path_of(folder, label, &path));
    TRY(file_read(path, NOTE_SIZE_MAX, &text));
    const uint8_t *end = text.n == 0 ? NULL : memchr(text.p, '\n', text.n);
    ENSURE(end != NULL, ERR_CRYPTO, "the note %s.token is damaged or cut short", label);
    TRY(buf_append(&uri, text.p, (size_t)(end - text.p)));
    err_t parsed = pkcs11_name_parse(buf_str(&uri), &out->name);
    ENSURE(parsed.code == ERR_OK, ERR_CRYPTO, "the note %s.token is damaged: %.80s", label, parsed.detail);
    out->spki.n = 0;
    struct bytes rest = {end + 1, text.n - (size_t)(end + 1 - text.p)};
    return rest.n == 0 ? OK : read_public(rest, label, &out->spki);
}

err_t token_note_write(const char *folder, const char *label, const struct pkcs11_name *name,
                       const EVP_PKEY *pkey)
{
    AUTO(char) *path = NULL;
    AUTO_VAL(buf) text = {0};
    TRY(path_of(folder, label, &path));
    TRY(pkcs11_name_uri(name, NULL, &text));
    TRY(buf_append_str(&text, "\n"));
    if (pkey != NULL) {
        AUTO(BIO) *bio = BIO_new(BIO_s_mem());
        char *pem = NULL;
        if (bio == NULL || PEM_write_bio_PUBKEY(bio, pkey) != 1) {
            return ERR_OPENSSL("writing a public key as PEM failed");
        }
        long size = BIO_get_mem_data(bio, &pem);
        TRY(buf_append(&text, pem, (size_t)size));
    }
    return file_write_durable(path, buf_view(&text), 0600);
}

err_t token_note_remove(const char *folder, const char *label)
{
    AUTO(char) *path = NULL;
    TRY(path_of(folder, label, &path));
    if (unlink(path) != 0) {
        ENSURE(errno == ENOENT, ERR_IO, "cannot remove %.100s (%d)", path, errno);
        return OK;
    }
    return folder_sync(folder);
}
