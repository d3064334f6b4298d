/* How a loop ends: no new connections; idle ones are closed, requests in flight answered; after a grace the
 * rest is cut. */
#ifndef WHORL_SERVER_LOOP_STOP_H
#define WHORL_SERVER_LOOP_STOP_H

#include "server/connection.h"

/** Takes the next step if the server is stopping and it can be taken; called at every tick and wake-up.
 * @thread loop */
void loop_stop_step(struct loop *loop);
/** Closes everything that is left, for a loop that never ran or has ended. @thread init */
void loop_stop_now(struct loop *loop);

#endif
