/* The folder that `whorld init` fills: empty, missing, or left half-made by an init that was interrupted. */
#ifndef WHORL_CMD_INIT_FOLDER_H
#define WHORL_CMD_INIT_FOLDER_H

#include "cmd/whorld/house.h"

/** Makes the house's folder and its folders, marked as half-made (HOUSE_STARTED). Of what is there before,
 * only what an interrupted init of ours left is removed.
 *  @errors ERR_CONFLICT an installation or anything else is there, ERR_IO @thread init */
err_t init_prepare(const struct house *house);

#endif
