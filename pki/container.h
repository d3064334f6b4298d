/* The outside of a backup: who can open it, and the sealed stream behind it.
 *
 *   8 bytes   "WHORLB" 00 01
 *   4 bytes   size of the envelope, big-endian
 *   envelope  CMS EnvelopedData with 32 random bytes, for the operators (pki/envelope.h)
 *   chunks    pki/sealed_stream.h under HKDF-SHA256(salt = SHA-256 of all before, those 32 bytes,
 *             "whorl/backup/stream")
 *
 * The salt binds the beginning: with another envelope around the same bytes no chunk opens. */
#ifndef WHORL_PKI_CONTAINER_H
#define WHORL_PKI_CONTAINER_H

#include "base/ports.h"
#include "pki/envelope.h"
#include "pki/sealed_stream.h"

enum { CONTAINER_ENVELOPE_MAX = 1 << 20 };

/** Writes the beginning, and gives the writer for the rest. @errors of envelope_seal, of the sink
 *  @thread any, like all functions here */
err_t container_write(const struct recipients *recipients, const struct random *random,
                      const struct stream_sink *sink, struct sealed_writer **out);
/** Reads the beginning. @errors ERR_BAD_ENCODING not a backup of this program, or cut; of envelope_open, of
 * the source */
err_t container_read(const struct operator_key *operator_key, const struct stream_source *source,
                     struct sealed_reader **out);

#endif
