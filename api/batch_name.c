/* A name made of the day and a random part. */
#include "api/batch_name.h"

#include <stdio.h>

#include "db/rows.h"

err_t batch_name_make(struct api *api, const struct request *request, struct bytes *out)
{
    uint8_t random[4];
    char hex[2 * sizeof random + 1];
    char time[32];
    char name[NAME_SIZE];
    TRY(random_fill(api->options.random, random, sizeof random));
    hex_encode(BYTES_OF(random), hex);
    time_format(request->now_ms, time);
    snprintf(name, sizeof name, "batch-%.4s%.2s%.2s-%s", time, time + 5, time + 8, hex);
    const char *copy = NULL;
    TRY(arena_dup_str(request->arena, bytes_str(name), &copy));
    *out = bytes_str(copy);
    return OK;
}
