/* The audit record of an image, for the files that change images. */
#ifndef WHORL_FLEET_IMAGE_EVENT_H
#define WHORL_FLEET_IMAGE_EVENT_H

#include "db/firmware_image_rows.h"
#include "fleet/fleet.h"

/** @param actor NULL: the server itself @thread of tx */
err_t image_event(struct db_tx *tx, const char *kind, const struct actor *actor,
                  const struct firmware_image_row *row);

#endif
