/* What each fuzz target defines: one parser, fed with any bytes. Returns 0 always; a bug shows as a crash. */
#ifndef WHORL_TESTS_FUZZ_H
#define WHORL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
