/* Shards of a CRL by number and address. Signs and stores nothing (fleet/crl_make.c). */
#include "fleet/crl_shards.h"

#include <stdio.h>

bool crl_shards_are_valid(int64_t shards)
{
    bool is_power = shards > 0 && (shards & (shards - 1)) == 0;
    return shards == 0 || (is_power && shards >= CRL_SHARDS_MIN && shards <= CRL_SHARDS_MAX);
}

err_t crl_shard_url(const struct authority_member *member, int shard, char out[CRL_URL_SIZE])
{
    int size = snprintf(out, CRL_URL_SIZE, "%s/crl/%s/%d.crl", member->crl_base, member->id, shard);
    ENSURE(size > 0 && size < CRL_URL_SIZE, ERR_INTERNAL, "the address of a CRL is too long");
    return OK;
}

err_t crl_url_for(const struct authority_member *member, const uint8_t serial[CERTIFICATE_SERIAL_SIZE],
                  char out[CRL_URL_SIZE])
{
    int shards = member->crl_shards;
    out[0] = '\0';
    return shards == 0 ? OK : crl_shard_url(member, crl_shard_of(shards, serial), out);
}
