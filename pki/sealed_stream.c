/* chunk i = AES-256-GCM(key, nonce = i (11 bytes, big-endian) || is last (1 byte), plain) || tag. All chunks
 * are full but the last, which is empty only when the whole stream is. */
#include "pki/sealed_stream.h"

#include <stdlib.h>
#include <string.h>

#include "pki/openssl.h"

enum { NONCE_SIZE = 12, SEALED_CHUNK = STREAM_CHUNK + STREAM_TAG };

struct sealer {
    EVP_CIPHER_CTX *context;
    uint64_t number;
};

static err_t sealer_init(struct sealer *sealer, const uint8_t key[STREAM_KEY], int encrypts)
{
    sealer->context = EVP_CIPHER_CTX_new();
    ENSURE(sealer->context != NULL, ERR_NO_MEMORY, "no memory for a cipher");
    if (EVP_CipherInit_ex(sealer->context, EVP_aes_256_gcm(), NULL, key, NULL, encrypts) != 1) {
        return ERR_OPENSSL("preparing a cipher failed");
    }
    return OK;
}

/* Takes the next number: no nonce comes twice, also when a call fails. */
static bool sealer_begin(struct sealer *sealer, bool is_last)
{
    uint8_t nonce[NONCE_SIZE] = {0};
    uint64_t number = sealer->number++;
    for (int i = 0; i < 8; i++) {
        nonce[NONCE_SIZE - 2 - i] = (uint8_t)(number >> (8 * i));
    }
    nonce[NONCE_SIZE - 1] = is_last ? 1 : 0;
    return EVP_CipherInit_ex(sealer->context, NULL, NULL, NULL, nonce, -1) == 1;
}

/* --- writing */

struct sealed_writer {
    struct sealer sealer;
    struct stream_sink sink;
    size_t n;
    uint8_t plain[STREAM_CHUNK];
    uint8_t sealed[SEALED_CHUNK];
};

void sealed_writer_free(struct sealed_writer *writer)
{
    if (writer != NULL) {
        EVP_CIPHER_CTX_free(writer->sealer.context);
        bytes_wipe(writer, sizeof *writer);
        free(writer);
    }
}

err_t sealed_writer_new(const uint8_t key[STREAM_KEY], const struct stream_sink *sink,
                        struct sealed_writer **out)
{
    *out = NULL;
    AUTO_PTR(sealed_writer) *writer = calloc(1, sizeof *writer);
    ENSURE(writer != NULL, ERR_NO_MEMORY, "no memory for a stream");
    writer->sink = *sink;
    TRY(sealer_init(&writer->sealer, key, 1));
    *out = TAKE(writer);
    return OK;
}

static err_t seal_chunk(struct sealed_writer *writer, bool is_last)
{
    EVP_CIPHER_CTX *context = writer->sealer.context;
    uint8_t *tag = writer->sealed + writer->n;
    int n = 0;
    if (!sealer_begin(&writer->sealer, is_last) ||
        EVP_CipherUpdate(context, writer->sealed, &n, writer->plain, (int)writer->n) != 1 ||
        EVP_CipherFinal_ex(context, tag, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, STREAM_TAG, tag) != 1) {
        return ERR_OPENSSL("encrypting a chunk failed");
    }
    size_t sealed = writer->n + STREAM_TAG;
    writer->n = 0;
    return writer->sink.write(writer->sink.context, (struct bytes){writer->sealed, sealed});
}

/* A full chunk goes out when more comes: only then is it known that it is not the last. */
err_t sealed_writer_add(struct sealed_writer *writer, struct bytes piece)
{
    while (piece.n > 0) {
        if (writer->n == STREAM_CHUNK) {
            TRY(seal_chunk(writer, false));
        }
        size_t room = STREAM_CHUNK - writer->n;
        size_t n = piece.n < room ? piece.n : room;
        memcpy(writer->plain + writer->n, piece.p, n);
        writer->n += n;
        piece = (struct bytes){piece.p + n, piece.n - n};
    }
    return OK;
}

err_t sealed_writer_finish(struct sealed_writer *writer)
{
    return seal_chunk(writer, true);
}

/* --- reading */

struct sealed_reader {
    struct sealer sealer;
    struct stream_source source;
    size_t ahead; /* bytes of `sealed` that belong to the next chunk: 0 or 1 */
    size_t at, n; /* of `plain`: what was given, what there is */
    bool is_last; /* the chunk in `plain` is */
    err_t broken; /* said again: nothing is read behind a bad chunk */
    uint8_t sealed[SEALED_CHUNK + 1];
    uint8_t plain[SEALED_CHUNK]; /* GCM's last call writes nothing, but wants a place */
};

void sealed_reader_free(struct sealed_reader *reader)
{
    if (reader != NULL) {
        EVP_CIPHER_CTX_free(reader->sealer.context);
        bytes_wipe(reader, sizeof *reader);
        free(reader);
    }
}

err_t sealed_reader_new(const uint8_t key[STREAM_KEY], const struct stream_source *source,
                        struct sealed_reader **out)
{
    *out = NULL;
    AUTO_PTR(sealed_reader) *reader = calloc(1, sizeof *reader);
    ENSURE(reader != NULL, ERR_NO_MEMORY, "no memory for a stream");
    reader->source = *source;
    reader->broken = OK;
    TRY(sealer_init(&reader->sealer, key, 0));
    *out = TAKE(reader);
    return OK;
}

static bool open_chunk(struct sealed_reader *reader, size_t sealed)
{
    EVP_CIPHER_CTX *context = reader->sealer.context;
    size_t size = sealed - STREAM_TAG;
    int n = 0;
    bool is_good =
        sealer_begin(&reader->sealer, reader->is_last) &&
        EVP_CipherUpdate(context, reader->plain, &n, reader->sealed, (int)size) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, STREAM_TAG, reader->sealed + size) == 1 &&
        EVP_CipherFinal_ex(context, reader->plain + size, &n) == 1;
    openssl_forget_errors();
    reader->at = 0;
    reader->n = is_good ? size : 0;
    return is_good;
}

/* One byte more than a chunk is asked for: whether it comes says whether this is the last. */
static err_t read_chunk(struct sealed_reader *reader)
{
    uint64_t number = reader->sealer.number;
    size_t want = sizeof reader->sealed - reader->ahead;
    size_t got = 0;
    ENSURE(!reader->is_last, ERR_CRYPTO, "the stream ends before its content does");
    TRY(reader->source.read(reader->source.context, reader->sealed + reader->ahead, want, &got));
    size_t n = reader->ahead + got;
    ENSURE(n >= STREAM_TAG, ERR_CRYPTO, "the stream is cut in chunk %llu", (unsigned long long)number);
    reader->is_last = n < sizeof reader->sealed;
    size_t sealed = reader->is_last ? n : SEALED_CHUNK;
    ENSURE(sealed > STREAM_TAG || number == 0, ERR_CRYPTO, "the stream ends in an empty chunk");
    ENSURE(open_chunk(reader, sealed), ERR_CRYPTO,
           "chunk %llu is not good: the stream was cut or changed there, or the key is another",
           (unsigned long long)number);
    reader->ahead = n - sealed;
    reader->sealed[0] = reader->sealed[sealed]; /* of no use when nothing is ahead */
    return OK;
}

static err_t fill(struct sealed_reader *reader)
{
    if (reader->broken.code == ERR_OK) {
        reader->broken = read_chunk(reader);
    }
    return reader->broken;
}

err_t sealed_reader_read(struct sealed_reader *reader, uint8_t *out, size_t n)
{
    while (n > 0) {
        if (reader->at == reader->n) {
            TRY(fill(reader));
        }
        size_t there = reader->n - reader->at;
        size_t part = n < there ? n : there;
        memcpy(out, reader->plain + reader->at, part);
        reader->at += part;
        out += part;
        n -= part;
    }
    return OK;
}

err_t sealed_reader_end(struct sealed_reader *reader)
{
    if (reader->sealer.number == 0) {
        TRY(fill(reader));
    }
    TRY(reader->broken);
    ENSURE(reader->at == reader->n && reader->is_last, ERR_CRYPTO, "there is more than there should be");
    return OK;
}
