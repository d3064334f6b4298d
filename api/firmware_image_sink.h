/* Bodies of firmware images: sinks of any size. */
#ifndef WHORL_API_FIRMWARE_IMAGE_SINK_H
#define WHORL_API_FIRMWARE_IMAGE_SINK_H

#include "api/api.h"
#include "api/http.h"

/* The setting firmware_image_mib is what counts; this is its largest value. */
#define FIRMWARE_BODY_LIMIT ((size_t)64 << 30)

extern const struct body_sink firmware_image_sink;  /* the whole image: POST …/images */
extern const struct body_sink firmware_append_sink; /* a part of an upload: PATCH …/uploads/{id} */

#endif
