/* Inside of the sealed stream: the size of the manifest (4 bytes, big-endian), the manifest as CMS
 * SignedData, then the bytes of its files in its order, and nothing else. */
#include "cmd/whorld/backup_write.h"

#include <string.h>

#include "base/ports.h"
#include "pki/container.h"

static err_t write_sealed(void *context, struct bytes piece)
{
    struct backup_writing *writing = context;
    writing->size += (int64_t)piece.n;
    return file_writer_add(writing->file, piece);
}

static err_t measure(struct backup_list *files)
{
    for (size_t i = 0; i < files->count; i++) {
        TRY(backup_file_read(&files->files[i], NULL, NULL));
    }
    return OK;
}

static err_t write_manifest(const struct backup_writing *writing, struct sealed_writer *out)
{
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) cms = {0};
    TRY(backup_manifest_write(writing->manifest, &text));
    TRY(signer_sign(writing->signer, buf_view(&text), clock_now_ms(clock_system()), &cms));
    const uint8_t size[4] = {(uint8_t)(cms.n >> 24), (uint8_t)(cms.n >> 16), (uint8_t)(cms.n >> 8),
                             (uint8_t)cms.n};
    TRY(sealed_writer_add(out, BYTES_OF(size)));
    return sealed_writer_add(out, buf_view(&cms));
}

static err_t write_piece(struct bytes piece, void *arg)
{
    return sealed_writer_add(arg, piece);
}

static err_t write_file(struct backup_file *file, struct sealed_writer *out)
{
    struct backup_file promised = *file;
    TRY(backup_file_read(file, write_piece, out));
    ENSURE(file->size == promised.size && bytes_equal(BYTES_OF(file->sha256.b), BYTES_OF(promised.sha256.b)),
           ERR_CONFLICT, "%.80s changed while it was read: make the backup again", file->name);
    return OK;
}

err_t backup_write(struct backup_writing *writing)
{
    AUTO_PTR(sealed_writer) *out = NULL;
    const struct stream_sink sink = {.write = write_sealed, .context = writing};
    TRY(measure(&writing->manifest->files));
    TRY(container_write(writing->recipients, random_system(), &sink, &out));
    TRY(write_manifest(writing, out));
    for (size_t i = 0; i < writing->manifest->files.count; i++) {
        TRY(write_file(&writing->manifest->files.files[i], out));
    }
    return sealed_writer_finish(out);
}
