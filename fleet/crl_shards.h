/* CRLs in shards: which list of an authority a certificate belongs to, and where that list is. An authority
 * is made with shards or without, for its life; the address that stands in certificates and lists is kept
 * with it, so that a later public_url changes neither. */
#ifndef WHORL_FLEET_CRL_SHARDS_H
#define WHORL_FLEET_CRL_SHARDS_H

#include "db/crl_rows.h"
#include "fleet/authority_set.h"

enum { CRL_SHARDS_MIN = 16, CRL_URL_SIZE = 640 };

/** 0, or a power of two from CRL_SHARDS_MIN to CRL_SHARDS_MAX. @thread any, like all functions here */
bool crl_shards_are_valid(int64_t shards);
/** "<base>/crl/<authority>/<shard>.crl". */
err_t crl_shard_url(const struct authority_member *member, int shard, char out[CRL_URL_SIZE]);
/** The shard's address for the certificate with this serial. @param[out] out "" when there are no shards */
err_t crl_url_for(const struct authority_member *member, const uint8_t serial[CERTIFICATE_SERIAL_SIZE],
                  char out[CRL_URL_SIZE]);

#endif
