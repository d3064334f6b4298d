/* A stream of any length, encrypted and authenticated chunk by chunk in constant memory (STREAM, Hoang,
 * Reyhanitabar, Rogaway, Vizár 2015, as age uses it): AES-256-GCM over 64 KiB each, the nonce is the chunk's
 * number and whether it is the last. So a chunk that is changed, cut, left out, repeated or in another's
 * place does not open, and a stream without its end is noticed. A key is used for one stream only. */
#ifndef WHORL_PKI_SEALED_STREAM_H
#define WHORL_PKI_SEALED_STREAM_H

#include "base/bytes.h"

enum { STREAM_KEY = 32, STREAM_CHUNK = 65536, STREAM_TAG = 16 };

/* Where sealed bytes go. */
struct stream_sink {
    err_t (*write)(void *context, struct bytes piece);
    void *context;
};
/* Where they come from: fills `out` as far as it can; fewer than `room` bytes say that there are no more. */
struct stream_source {
    err_t (*read)(void *context, uint8_t *out, size_t room, size_t *n);
    void *context;
};

struct sealed_writer;
/** @param key copied @errors ERR_NO_MEMORY, ERR_CRYPTO @thread any, one at a time, like all here */
err_t sealed_writer_new(const uint8_t key[STREAM_KEY], const struct stream_sink *sink,
                        struct sealed_writer **out);
void sealed_writer_free(struct sealed_writer *writer);
DEFINE_AUTO_PTR(sealed_writer, sealed_writer_free);
/** @errors of the sink */
err_t sealed_writer_add(struct sealed_writer *writer, struct bytes piece);
/** The last chunk. Nothing may be added afterwards. */
err_t sealed_writer_finish(struct sealed_writer *writer);

struct sealed_reader;
err_t sealed_reader_new(const uint8_t key[STREAM_KEY], const struct stream_source *source,
                        struct sealed_reader **out);
void sealed_reader_free(struct sealed_reader *reader);
DEFINE_AUTO_PTR(sealed_reader, sealed_reader_free);
/** Exactly `n` bytes, none of which is given before its chunk was found good.
 *  @errors ERR_CRYPTO a chunk is not good, or the stream ends early; of the source */
err_t sealed_reader_read(struct sealed_reader *reader, uint8_t *out, size_t n);
/** The stream is over, and whole. @errors ERR_CRYPTO there is more, or no end */
err_t sealed_reader_end(struct sealed_reader *reader);

#endif
