/* PEM with OpenSSL's reader, which knows all of its variants; each certificate then has to pass our own
 * reading. A private key that was pasted along is refused and wiped, never stored. Called by fleet/hubs.c. */
#include "pki/trust_anchors.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "pki/certificate.h"
#include "pki/openssl.h"

struct block {
    char *name, *header;
    unsigned char *data;
    long size;
};

static void block_clear(struct block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->data, block->size > 0 ? (size_t)block->size : 0);
    *block = (struct block){0};
}
DEFINE_AUTO_VAL(block, block_clear);

static err_t take_block(const struct block *block, int number, struct buf *out)
{
    bool is_certificate =
        strcmp(block->name, PEM_STRING_X509) == 0 || strcmp(block->name, PEM_STRING_X509_OLD) == 0;
    ENSURE(is_certificate, ERR_UNPROCESSABLE, "block %d is no certificate but \"%.40s\"", number,
           block->name);
    struct bytes der = {block->data, (size_t)block->size};
    AUTO_VAL(certificate_facts) facts = {.serial_size = 0};
    err_t error = certificate_read(der, &facts);
    ENSURE(error.code != ERR_BAD_ENCODING, ERR_UNPROCESSABLE, "certificate %d: %.100s", number, error.detail);
    TRY(error);
    return certificate_to_pem(der, out);
}

err_t trust_anchors_read(struct bytes pem, struct buf *out)
{
    ENSURE(pem.n > 0 && pem.n <= INT_MAX, ERR_UNPROCESSABLE, "the text holds no PEM certificate");
    AUTO(BIO) *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    ENSURE(bio != NULL, ERR_NO_MEMORY, "no memory for a PEM text");
    int count = 0;
    for (;;) {
        AUTO_VAL(block) block = {0};
        int found = PEM_read_bio(bio, &block.name, &block.header, &block.data, &block.size);
        unsigned long reason = found == 1 ? 0 : ERR_peek_last_error();
        openssl_forget_errors();
        if (found != 1) {
            ENSURE(ERR_GET_REASON(reason) == PEM_R_NO_START_LINE, ERR_UNPROCESSABLE, "PEM block %d is broken",
                   count + 1);
            break;
        }
        TRY(take_block(&block, ++count, out));
    }
    ENSURE(count > 0, ERR_UNPROCESSABLE, "the text holds no PEM certificate");
    return OK;
}
