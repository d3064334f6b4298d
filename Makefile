# Whorl. `make demo` and `make check` are all that a newcomer needs; `make help` lists the rest.
#
# One variant = one build folder:  make                       build/        gcc, optimised, hardened
#                                  make VARIANT=clang         build/clang   clang, the strictest warnings
#                                  make VARIANT=asan|tsan     build/asan …  clang with sanitizers
#                                  make VARIANT=fuzz          build/fuzz    clang, libFuzzer

VARIANT ?= release
ifeq ($(VARIANT),release)
B := build
else
B := build/$(VARIANT)
endif

ifeq ($(VARIANT),release)
CC := gcc
else
CC := clang
endif

PACKAGES := libmicrohttpd openssl sqlite3 jansson libuv
LAYERS   := base db pki fleet api server
WARN := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wcast-qual -Wcast-align -Wwrite-strings -Wformat=2 -Wundef -Wvla \
	-Wswitch-enum -Wdouble-promotion -Wnull-dereference -Wimplicit-fallthrough -Wredundant-decls \
	-Wnested-externs -Werror
WARN_gcc   := -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wjump-misses-init -Warith-conversion -Wtrampolines
WARN_clang := -Wcomma -Wassign-enum -Wunreachable-code -Wconditional-uninitialized -Wthread-safety -Wdocumentation

HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection
OPT_release := -O2 $(HARDEN)
OPT_clang   := -O1
OPT_asan    := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan    := -O1 -fno-omit-frame-pointer -fsanitize=thread
OPT_fuzz    := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LINK_release := -pie -Wl,-z,relro,-z,now
LINK_asan := -fsanitize=address,undefined
LINK_tsan := -fsanitize=thread
LINK_fuzz := -fsanitize=address,undefined

CFLAGS  := -std=c11 -g -fPIE -pthread -D_GNU_SOURCE -I. $(OPT_$(VARIANT)) $(WARN) $(WARN_$(CC))
CFLAGS  += $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LDFLAGS := -pthread $(LINK_$(VARIANT))
LDLIBS  := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lm

# sd_notify and listen inheritance only where libsystemd's headers are installed
ifeq ($(shell pkg-config --exists libsystemd && echo yes),yes)
CFLAGS += -DWHORL_WITH_SYSTEMD
LDLIBS += $(shell pkg-config --libs libsystemd)
endif

# the settings file is read by inih
LDLIBS += -linih

SRC_LIB    := $(foreach d,$(LAYERS),$(wildcard $(d)/*.c $(d)/*/*.c))
SRC_DEVICE := $(wildcard device/core/*.c device/host/*.c device/sim/*.c)
OBJ_LIB    := $(SRC_LIB:%.c=$(B)/obj/%.o)
OBJ_DEVICE := $(SRC_DEVICE:%.c=$(B)/obj/%.o)

# cmd/<program>.c holds main(); cmd/<program>/*.c its parts
PROGRAMS := $(patsubst cmd/%.c,%,$(wildcard cmd/*.c))

.PHONY: all deps clean help
all: $(PROGRAMS:%=$(B)/%)

$(B)/libwhorl.a: $(OBJ_LIB)
	@rm -f $@; ar rcs $@ $^
$(B)/libdevice.a: $(OBJ_DEVICE)
	@rm -f $@; ar rcs $@ $^

define program
$(B)/$(1): $(B)/obj/cmd/$(1).o $(patsubst %.c,$(B)/obj/%.o,$(wildcard cmd/$(1)/*.c)) $(B)/libdevice.a $(B)/libwhorl.a
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS) -o $$@ $$^ $(LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# device/core is held to freestanding C99: no libc beyond the compiler's own headers
$(B)/obj/device/core/%.o: CFLAGS := $(filter-out -std=c11 -D_GNU_SOURCE,$(CFLAGS)) -std=c99 -pedantic

# --- unit tests: tests/unit/<layer>/test_*.c, one program each
TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*/test_*.c))
$(B)/tests/unit/%: $(B)/obj/tests/unit/%.o $(B)/libdevice.a $(B)/libwhorl.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka
.PHONY: unit
unit: $(TESTS)
	@set -e; for t in $(TESTS); do echo "== $$t"; $$t; done

clean:
	rm -rf build

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
