/* Whether a text has the form of libconfig's, before the library sees it. For sw_description.c. */
#ifndef WHORL_FIRMWARE_STORE_LIBCONFIG_FORM_H
#define WHORL_FIRMWARE_STORE_LIBCONFIG_FORM_H

#include "base/bytes.h"

/** Settings of groups, lists, arrays, texts and words; what a word means is the library's to say.
 *  @param depth_max of groups and lists in each other @param[out] at where it has not
 *  @return why not; NULL when it has @thread any */
const char *libconfig_form_fault(struct bytes text, int depth_max, size_t *at);

#endif
