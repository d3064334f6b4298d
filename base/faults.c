/* A list of findings with fixed room. Does not allocate and judges nothing. Filled by base/json_read.c and by
 * the services of fleet/, read by api/. */
#include "base/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_listed(const struct faults *faults, const char *pointer)
{
    for (size_t i = 0; i < faults->count; i++) {
        if (strcmp(faults->items[i].pointer, pointer) == 0) {
            return true;
        }
    }
    return false;
}

void faults_add(struct faults *faults, const char *pointer, const char *format, ...)
{
    char detail[ERR_DETAIL_SIZE];
    if (faults->count == FAULTS_MAX || is_listed(faults, pointer)) {
        return;
    }
    va_list values;
    va_start(values, format);
    int size = vsnprintf(detail, sizeof detail, format, values);
    va_end(values);
    /* an error's detail is made harmless there: it may quote input */
    err_t harmless = ERR(ERR_UNPROCESSABLE, "%s", size < 0 ? "" : detail);
    struct fault *fault = &faults->items[faults->count++];
    (void)snprintf(fault->pointer, sizeof fault->pointer, "%s", pointer);
    memcpy(fault->detail, harmless.detail, sizeof fault->detail);
}

err_t faults_note(struct faults *faults, const char *pointer, err_t error)
{
    if (error.code != ERR_UNPROCESSABLE) {
        return error;
    }
    faults_add(faults, pointer, "%s", error.detail);
    return OK;
}

err_t faults_error(const struct faults *faults)
{
    if (faults->count == 0) {
        return OK;
    }
    if (faults->count == 1) {
        return ERR(ERR_UNPROCESSABLE, "%s", faults->items[0].detail);
    }
    return ERR(ERR_UNPROCESSABLE, "%zu fields are not acceptable: see errors", faults->count);
}
