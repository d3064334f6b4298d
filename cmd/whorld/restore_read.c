/* The reader of backups: every byte comes out of a chunk that was authenticated, every file is held against a
 * manifest that the installation signed. */
#include "cmd/whorld/restore_read.h"

#include "pki/signer.h"

enum { PIECE = 65536 };

void backup_reading_clear(struct backup_reading *reading)
{
    sealed_reader_free(reading->stream);
    buf_clear(&reading->cms);
    backup_manifest_clear(&reading->manifest);
}

static err_t read_cms(struct sealed_reader *stream, struct buf *out)
{
    uint8_t size[4];
    TRY(sealed_reader_read(stream, size, sizeof size));
    size_t left = (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
    ENSURE(left <= BACKUP_MANIFEST_MAX, ERR_UNPROCESSABLE, "a manifest of %zu bytes", left);
    while (left > 0) { /* it grows as far as there are bytes */
        size_t n = left < PIECE ? left : PIECE;
        TRY(buf_reserve(out, n));
        TRY(sealed_reader_read(stream, out->p + out->n, n));
        out->n += n;
        left -= n;
    }
    return OK;
}

static err_t check_time(const struct backup_manifest *manifest, const struct certificate_facts *signer)
{
    bool is_inside =
        manifest->at_ms + 999 >= signer->not_before_ms && manifest->at_ms <= signer->not_after_ms;
    ENSURE(is_inside, ERR_FORBIDDEN, "the backup's time is outside of its signer's life");
    return OK;
}

err_t backup_reading_check(const struct backup_reading *reading, struct bytes anchors)
{
    AUTO_VAL(signed_text) text = {.content = {0}};
    struct sha256 installation;
    TRY(signed_text_open(buf_view(&reading->cms), anchors, &text));
    TRY(anchor_spki_sha256(anchors, &installation));
    ENSURE(bytes_equal(BYTES_OF(installation.b), BYTES_OF(reading->manifest.installation.b)), ERR_FORBIDDEN,
           "the backup is of another installation");
    return check_time(&reading->manifest, &text.signer);
}

err_t backup_reading_open(const struct operator_key *operator_key, const struct stream_source *source,
                          struct bytes anchors, struct backup_reading *out)
{
    AUTO_VAL(signed_text) text = {.content = {0}};
    *out = (struct backup_reading){.stream = NULL};
    TRY(container_read(operator_key, source, &out->stream));
    TRY(read_cms(out->stream, &out->cms));
    TRY(signed_text_open(buf_view(&out->cms), anchors, &text));
    TRY(backup_manifest_read(buf_view(&text.content), &out->manifest));
    TRY(check_time(&out->manifest, &text.signer));
    return anchors.n > 0 ? backup_reading_check(out, anchors) : OK;
}

static err_t read_pieces(struct backup_reading *reading, int64_t left, struct sha256_stream *digest,
                         backup_piece_fn fn, void *arg)
{
    uint8_t piece[PIECE];
    while (left > 0) {
        size_t n = left < PIECE ? (size_t)left : PIECE;
        TRY(sealed_reader_read(reading->stream, piece, n));
        const struct bytes bytes = {piece, n};
        TRY(sha256_stream_add(digest, bytes));
        TRY(fn == NULL ? OK : fn(bytes, arg));
        left -= (int64_t)n;
    }
    return OK;
}

err_t backup_reading_file(struct backup_reading *reading, const struct backup_file *file, backup_piece_fn fn,
                          void *arg)
{
    AUTO_PTR(sha256_stream) *digest = NULL;
    struct sha256 sha256;
    TRY(sha256_stream_new(&digest));
    TRY(read_pieces(reading, file->size, digest, fn, arg));
    TRY(sha256_stream_finish(digest, &sha256));
    ENSURE(bytes_equal(BYTES_OF(sha256.b), BYTES_OF(file->sha256.b)), ERR_UNPROCESSABLE,
           "%.80s is not the file that the manifest names", file->name);
    return OK;
}

err_t backup_reading_end(struct backup_reading *reading)
{
    return sealed_reader_end(reading->stream);
}
