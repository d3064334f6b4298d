/* Anti-rollback, and what else must hold before a release is approved and again before it is published. */
#ifndef WHORL_FLEET_RELEASE_RULES_H
#define WHORL_FLEET_RELEASE_RULES_H

#include "fleet/releases_internal.h"

/** The security counter of a release of these images: the lowest that any of them has; -1: none. @thread any
 */
int64_t release_counter_of(const struct release_parts *parts);
/** All rules: images ready and of the product, counter that of the images, key in use, sequence above the
 *  lines, counter not below them, versions that do not go back (but for a rollback).
 *  @errors ERR_WRONG_STATE saying which @thread of tx */
err_t release_check(struct db_tx *tx, const struct release *release);
/** A release of this sequence could be published: no line of its classes is at or above it. */
err_t release_next_sequence(struct db_tx *tx, struct uuid tenant, struct uuid product, int64_t *out);

#endif
