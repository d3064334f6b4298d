/* PEM writer: base64 in lines of 64 characters, which is 48 bytes each. */
#include "device/host/pem.h"

enum { BYTES_PER_LINE = 48 };

void host_pem_put(struct whorl_text *text, struct whorl_bytes der)
{
    whorl_text_put(text, "-----BEGIN CERTIFICATE-----\n");
    for (size_t at = 0; at < der.size; at += BYTES_PER_LINE) {
        size_t left = der.size - at;
        struct whorl_bytes line = {der.data + at, left < BYTES_PER_LINE ? left : BYTES_PER_LINE};
        whorl_text_base64(text, line);
        whorl_text_put(text, "\n");
    }
    whorl_text_put(text, "-----END CERTIFICATE-----\n");
}
