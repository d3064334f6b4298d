/* CRC-32 (IEEE 802.3, reflected, polynomial 0xEDB88320), bit by bit: it only sees short tokens. Finds typing
 * errors, proves nothing. */
#include "base/hash.h"

uint32_t crc32_of(struct bytes in)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < in.n; i++) {
        crc ^= in.p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xedb88320 & (0U - (crc & 1)));
        }
    }
    return ~crc;
}
