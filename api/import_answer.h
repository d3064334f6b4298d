/* The answer to an import: what became of the list, and every refused line, however many there are. */
#ifndef WHORL_API_IMPORT_ANSWER_H
#define WHORL_API_IMPORT_ANSWER_H

#include "api/api.h"
#include "fleet/import.h"

struct import_outcome {
    struct import_result result;
    const char *product; /* name of the batch's product */
    bool is_dry_run;
};

/** 201, 200 for a dry run, or the problem that refuses the list; a long report is streamed.
 *  @param import finished; consumed, always @thread worker */
err_t import_answer(const struct request *request, struct import *import,
                    const struct import_outcome *outcome, struct response *response);

#endif
