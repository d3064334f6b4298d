/* Cleanup by scope (gcc and clang): the one idiom for releasing what a function holds. There is no goto in
 * this tree.
 *
 *   AUTO(EVP_PKEY) *key = NULL;      a typedef'd foreign pointer, after DEFINE_AUTO(EVP_PKEY, EVP_PKEY_free)
 *   AUTO_PTR(device) *device = NULL; a struct pointer,            after DEFINE_AUTO_PTR(device, device_free)
 *   AUTO_VAL(buf) text = {0};        a struct by value,           after DEFINE_AUTO_VAL(buf, buf_clear)
 *   *out = TAKE(key);                moves ownership out of the variable */
#ifndef WHORL_BASE_AUTO_H
#define WHORL_BASE_AUTO_H

#include <stddef.h>

#define DEFINE_AUTO(type, free_fn)                                                                           \
    static inline void type##_auto(type **p)                                                                 \
    {                                                                                                        \
        if (*p != NULL) {                                                                                    \
            free_fn(*p);                                                                                     \
        }                                                                                                    \
    }                                                                                                        \
    struct auto_semicolon_

#define DEFINE_AUTO_PTR(name, free_fn)                                                                       \
    static inline void name##_auto_ptr(struct name **p)                                                      \
    {                                                                                                        \
        if (*p != NULL) {                                                                                    \
            free_fn(*p);                                                                                     \
        }                                                                                                    \
    }                                                                                                        \
    struct auto_semicolon_

#define DEFINE_AUTO_VAL(name, clear_fn)                                                                      \
    static inline void name##_auto_val(struct name *p)                                                       \
    {                                                                                                        \
        clear_fn(p);                                                                                         \
    }                                                                                                        \
    struct auto_semicolon_

#define AUTO(type)     __attribute__((cleanup(type##_auto))) type
#define AUTO_PTR(name) __attribute__((cleanup(name##_auto_ptr))) struct name
#define AUTO_VAL(name) __attribute__((cleanup(name##_auto_val))) struct name

/* The value of `pointer`, which becomes NULL: ownership moves. */
#define TAKE(pointer)                                                                                        \
    __extension__({                                                                                          \
        __typeof__(pointer) take_value_ = (pointer);                                                         \
        (pointer) = NULL;                                                                                    \
        take_value_;                                                                                         \
    })

#endif
