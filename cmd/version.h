/* The version of all three programs, and where the packages read theirs. */
#ifndef WHORL_CMD_VERSION_H
#define WHORL_CMD_VERSION_H

#define WHORL_VERSION "0.1.0"

#endif
