/* The steps of people in `whorl login` and `whorl logout`. */
#ifndef WHORL_CMD_WHORL_PERSON_H
#define WHORL_CMD_WHORL_PERSON_H

#include "cmd/whorl/cli.h"

/** Asks for password and code; the session becomes the credential. @errors without a detail when it was told
 */
err_t cli_person_login(struct cli *cli, const struct cli_line *line);
/** Ends the session that is the credential. */
err_t cli_person_logout(struct cli *cli);
/** Settings and a trust anchor; a server that was never met shows its own, and a person says whether it is
 * the one.
 *  @errors ERR_BAD_REQUEST, ERR_CONFLICT, ERR_UNAVAILABLE */
err_t cli_meet(struct cli *cli, const struct cli_line *line);

#endif
