/* Images of all formats: the first byte names one, the rest is the file. Whatever it is, reading ends, says
 * where and why it refuses, and what it takes keeps its promises. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "firmware_store/image.h"
#include "tests/fuzz/fuzz.h"

/* libsquashfs asks for what an inode claims; that there is not so much is an answer. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_refusal(err_t error, const struct image_fault *fault, int64_t size)
{
    must(error.code == ERR_UNPROCESSABLE || error.code == ERR_NO_MEMORY);
    must(error.code != ERR_UNPROCESSABLE ||
         (fault->reason[0] != '\0' && fault->at >= 0 && fault->at <= size));
    must(utf8_is_valid(bytes_str(fault->reason)));
}

static void check_image(const struct image *image, int64_t size)
{
    AUTO_VAL(buf) facts = {0};
    must(json_is_object(image->facts) && json_append(&facts, image->facts).code == ERR_OK);
    must(strlen(image->version) < IMAGE_VERSION_SIZE && utf8_is_valid(bytes_str(image->version)));
    must(image->is_ordered == image_version_is_ordered(image->format, image->version));
    must(image_version_compare(image->format, image->version, image->version) == 0);
    must(image->counter >= -1 && image->counter <= UINT32_MAX);
    must(image->signature_count <= IMAGE_SIGNATURES_MAX);
    for (size_t i = 0; i < image->signature_count; i++) {
        const struct image_signature *signature = &image->signatures[i];
        must(signature->bytes.n > 0 && signature->at >= 0 && signature->at < size);
        must(signature->from >= 0 && signature->size > 0 && signature->from + signature->size <= size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_VAL(image) image = {.facts = NULL};
    struct image_fault fault;
    if (size == 0) {
        return 0;
    }
    struct bytes bytes = {data + 1, size - 1};
    const struct byte_source source = byte_source_of(&bytes);
    err_t error = image_read_source(&source, (enum image_format)(data[0] % IMAGE_FORMATS), &image, &fault);
    if (error.code == ERR_OK) {
        check_image(&image, source.size);
    } else {
        check_refusal(error, &fault, source.size);
    }
    return 0;
}
