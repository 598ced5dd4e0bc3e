# berth: make, make check, make demo, make bench, make install.  `make help` lists the rest.
#
# Everything is built out of tree: build/ mirrors an installation (bin, libexec/berth,
# share), objects lie in build/obj (host, glibc) and build/static (container side).
# SANITIZE=1 and COVERAGE=1 have build folders of their own.  V=1 shows the commands.

VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
PYTHON ?= python3

B := build
ifeq ($(SANITIZE),1)
B := build-sanitize
endif
ifeq ($(COVERAGE),1)
B := build-coverage
endif
# One name for a folder, however it was written: dependencies are found by it.
override B := $(patsubst $(CURDIR)/%,%,$(abspath $(B)))
ifneq ($(V),1)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
else
say = @:
endif

CC ?= gcc
MUSL_GCC := $(shell command -v musl-gcc)
# The same sources give the same programs, in whatever folder they lie.
CSTD := -std=gnu17 -ffile-prefix-map=$(CURDIR)=.
WARN := -Wall -Wextra -Wformat=2 -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wundef -Wpointer-arith -Wno-missing-field-initializers
OPT := -O2 -g
HARDEN := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fPIE -fno-plt
LDHARDEN := -pie -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,-O1 -Wl,--hash-style=gnu
ifeq ($(SANITIZE),1)
OPT := -O1 -g -fno-omit-frame-pointer
HARDEN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fPIE
LDHARDEN := -pie -fsanitize=address,undefined
endif
ifeq ($(COVERAGE),1)
OPT := -O0 -g --coverage
HARDEN := -fPIE
LDHARDEN := -pie --coverage
endif
CPPFLAGS += -I. -D_GNU_SOURCE -DBERTH_VERSION='"$(VERSION)"'
ALL_CFLAGS = $(CSTD) $(OPT) $(WARN) $(HARDEN) $(CPPFLAGS) $(CFLAGS) -MMD -MP

# Container side and supervisor: static, small, musl where it is there.  No sanitizer there
# (both run without a C library's dynamic loader); undefined behaviour traps instead.
STATIC_CC := $(if $(MUSL_GCC),$(MUSL_GCC) -idirafter /usr/include -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null),$(CC))
STATIC_OPT := -Os -g
ifeq ($(SANITIZE),1)
STATIC_OPT := -O1 -g -fsanitize=undefined -fsanitize-undefined-trap-on-error
endif
STATIC_CFLAGS = $(CSTD) $(STATIC_OPT) $(WARN) $(CPPFLAGS) -DBERTH_STATIC=1 -ffunction-sections \
	-fdata-sections -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -MMD -MP
STATIC_LDFLAGS = -static -no-pie -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,-z,noseparate-code \
	-Wl,--build-id=none

# What each program is made of.  A folder's other files are what the lists do not name.
BASE_STATIC := err mem str fd path sys proc
IMAGE_LIGHT := ref store catalog manifest platform present overlay image rmi
RUNTIME_INIT := init ns rootfs mounts mount_fs mount_bind copyup dev masks console caps creds sched lsm sysctl \
	procfs program env gate hookrun pid1
RUNTIME_SUP := watch clients logfile stop health finish
RUNTIME_ENDS := end status event kmsg alive turn
RUNTIME_BOTH := sync plan

names = $(basename $(notdir $(wildcard $(1)/*.c)))
obj = $(addprefix $(B)/obj/$(1)/,$(addsuffix .o,$(2)))
sobj = $(addprefix $(B)/static/$(1)/,$(addsuffix .o,$(2)))

BASE_O := $(call obj,base,$(call names,base))
LEAF_O := $(foreach d,cgroup seccomp netns,$(call obj,$(d),$(call names,$(d))))
IMAGE_LIGHT_O := $(call obj,image,$(filter $(IMAGE_LIGHT),$(call names,image)))
IMAGE_HEAVY_O := $(call obj,image,$(filter-out $(IMAGE_LIGHT),$(call names,image)))
RUNTIME_HOST := $(filter-out $(RUNTIME_INIT) $(RUNTIME_SUP),$(call names,runtime))
RUNTIME_O := $(call obj,runtime,$(filter $(RUNTIME_HOST),$(call names,runtime)))
CLI_O := $(call obj,cli,$(call names,cli))

INIT_SO := $(call sobj,base,$(BASE_STATIC)) $(call sobj,runtime,$(filter $(RUNTIME_INIT) $(RUNTIME_BOTH),$(call names,runtime)))
SUP_SO := $(call sobj,base,$(BASE_STATIC)) $(call sobj,runtime,$(filter $(RUNTIME_SUP) $(RUNTIME_ENDS),$(call names,runtime))) \
	$(call sobj,cgroup,$(filter kill,$(call names,cgroup)))

# Each library that the dynamic linker loads costs 0.04 ms at every start, so small ones are linked
# statically where the distribution has them so (Debian: all but libmnl).  SHARED=1: none is.
archive = $(if $(SHARED),,$(filter /%,$(shell $(CC) -print-file-name=lib$(1).a)))
small = $(if $(call archive,$(1)),-l:lib$(1).a,-l$(2))
BERTH_LIBS := $(call small,seccomp,seccomp) -lcap $(call small,yajl_s,yajl) \
	$(call small,nftnl,nftnl) -lmnl -ldl

# Inflates twice as fast as zlib, but is not on every distribution.  NO_ISAL=1: zlib it is.
ISAL := $(if $(NO_ISAL),,$(shell pkg-config --exists libisal 2>/dev/null && echo isal))
ifneq ($(ISAL),)
CPPFLAGS += -DBERTH_ISAL=1
endif
IMAGE_LIBS := -larchive -lcurl -lcrypto -lyajl -lseccomp -lz -lzstd $(ISAL:%=-l%) -lpthread

PROGRAMS := $(B)/bin/berth $(B)/bin/berth-oci $(B)/libexec/berth/berth-image \
	$(B)/libexec/berth/berth-supervisor $(B)/libexec/berth/berth-init

.PHONY: all
all: $(PROGRAMS)

$(B)/bin/berth: $(CLI_O) $(RUNTIME_O) $(LEAF_O) $(IMAGE_LIGHT_O) $(BASE_O)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDHARDEN) $(LDFLAGS) -o $@ $^ $(BERTH_LIBS)

$(B)/bin/berth-oci: $(B)/bin/berth
	$(Q)ln -sf berth $@

$(B)/libexec/berth/berth-image: $(IMAGE_HEAVY_O) $(IMAGE_LIGHT_O) $(BASE_O)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDHARDEN) $(LDFLAGS) -o $@ $^ $(IMAGE_LIBS)

$(B)/libexec/berth/berth-init: $(INIT_SO)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(STATIC_CC) $(STATIC_LDFLAGS) -o $@.debug $^
	$(Q)strip -o $@ $@.debug

$(B)/libexec/berth/berth-supervisor: $(SUP_SO)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(STATIC_CC) $(STATIC_LDFLAGS) -o $@.debug $^
	$(Q)strip -o $@ $@.debug

$(B)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/static/%.o: %.c
	$(call say,CC-S,$<)
	@mkdir -p $(@D)
	$(Q)$(STATIC_CC) $(STATIC_CFLAGS) -c -o $@ $<

-include $(shell find $(B)/obj $(B)/static $(B)/unit -name '*.d' 2>/dev/null)

include tests/tests.mk

.PHONY: clean
clean:
	rm -rf build build-sanitize build-coverage
