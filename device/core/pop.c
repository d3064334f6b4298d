/* The text of a proof of possession: fixed order, fixed widths, one length-prefixed field. Signs nothing
 * itself. */
#include "device/core/pop.h"

static const char whorl_pop_label[] = "WHORL-POP-v1";

size_t whorl_pop_write(const struct whorl_pop *pop, uint8_t out[WHORL_POP_MAX])
{
    if (pop->nonce_size > WHORL_NONCE_MAX) {
        return 0;
    }
    uint8_t purpose = (uint8_t)pop->purpose;
    uint8_t generation[4];
    uint8_t nonce_size[2];
    uint8_t counter[8];
    whorl_put_u32(generation, pop->generation);
    whorl_put_u16(nonce_size, (uint16_t)pop->nonce_size);
    whorl_put_u64(counter, pop->counter);
    const struct whorl_bytes fields[] = {{(const uint8_t *)whorl_pop_label, 12},
                                         {&purpose, 1},
                                         {pop->server_id, 32},
                                         {pop->device_id, 32},
                                         {generation, 4},
                                         {pop->new_spki_sha256, 32},
                                         {pop->csr_sha256, 32},
                                         {nonce_size, 2},
                                         {pop->nonce, pop->nonce_size},
                                         {pop->tls_exporter, 32},
                                         {counter, 8}};
    size_t size = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        whorl_copy(out + size, fields[i].data, fields[i].size);
        size += fields[i].size;
    }
    return size;
}
