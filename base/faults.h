/* What is wrong with an input, place by place, so that a person gets all of it at once. Checks of several
 * layers add to one list; the edge makes the errors[] of a problem (RFC 9457) of it. */
#ifndef WHORL_BASE_FAULTS_H
#define WHORL_BASE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { FAULTS_MAX = 32, FAULT_POINTER_SIZE = 96 };

struct fault {
    char pointer[FAULT_POINTER_SIZE]; /* JSON Pointer (RFC 6901) into the input; "" for the whole */
    char detail[ERR_DETAIL_SIZE];
};

/* {0} is an empty list. */
struct faults {
    struct fault items[FAULTS_MAX];
    size_t count; /* those beyond FAULTS_MAX are dropped: what is listed is enough to work on */
};

/** Adds one, unless the place has one already: the first finding is the cause of the later ones. @thread any
 */
void faults_add(struct faults *faults, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Turns an ERR_UNPROCESSABLE about one place into a fault. @return the error when it is another one, else OK
 */
err_t faults_note(struct faults *faults, const char *pointer, err_t error);
/** @return OK when the list is empty; else ERR_UNPROCESSABLE that tells the first, or how many there are */
err_t faults_error(const struct faults *faults);

#endif
