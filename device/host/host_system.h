/* The clock and random ports on the operating system. */
#ifndef WHORL_DEVICE_HOST_HOST_SYSTEM_H
#define WHORL_DEVICE_HOST_HOST_SYSTEM_H

#include "device/core/ports.h"

extern const struct whorl_clock host_clock;
extern const struct whorl_random host_random;

#endif
