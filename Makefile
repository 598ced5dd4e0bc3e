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
# One name for a folder, however it was written: dependencies are found by it.  Below this one it is
# relative, since the name of this one may have a space, which is two words to make.
below = $(patsubst ^%,%,$(subst ^$(CURDIR)/,,^$(1)))
override B := $(call below,$(abspath $(call below,$(B))))
$(if $(word 2,$(B)),$(error the build folder's name (B=) must have no space))
# A word for the shell, whatever is in it.
quote = '$(subst ','\'',$(1))'
ifneq ($(V),1)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
else
say = @:
endif

CC ?= gcc
MUSL_GCC := $(shell command -v musl-gcc)
# The same sources give the same programs, in whatever folder they lie.
CSTD := -std=gnu17 $(call quote,-ffile-prefix-map=$(CURDIR)=.)
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
ALL_CFLAGS = $(CSTD) $(OPT) $(WARN) $(HARDEN) $(CPPFLAGS) $(CFLAGS)

# Container side and supervisor: static, small, musl where it is there.  No sanitizer there
# (both run without a C library's dynamic loader); undefined behaviour traps instead.
STATIC_CC := $(if $(MUSL_GCC),$(MUSL_GCC) -idirafter /usr/include -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null),$(CC))
STATIC_OPT := -Os -g
ifeq ($(SANITIZE),1)
STATIC_OPT := -O1 -g -fsanitize=undefined -fsanitize-undefined-trap-on-error
endif
STATIC_CFLAGS = $(CSTD) $(STATIC_OPT) $(WARN) $(CPPFLAGS) -DBERTH_STATIC=1 -ffunction-sections \
	-fdata-sections -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables
STATIC_LDFLAGS = -static -no-pie -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,-z,noseparate-code \
	-Wl,--build-id=none

# What each program is made of.  A folder's other files are what the lists do not name.
BASE_STATIC := err mem str fd path sys proc
IMAGE_LIGHT := ref store catalog manifest platform present overlay image rmi
RUNTIME_INIT := init ns rootfs mounts mount_fs mount_bind copyup dev masks console caps creds sched lsm sysctl \
	procfs program env gate pid1
RUNTIME_SUP := watch clients logfile stop health finish
RUNTIME_ENDS := end status event kmsg alive turn
RUNTIME_BOTH := sync plan hookrun

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

# What a rule makes is whole or not there, whoever was killed in the middle, on a disk that was full
# or with somebody else building at the same time: it gets its name when it is done.
new = $@.$$$$
deps = -MMD -MP -MT $@ -MF $(new).deps
done = mv $(new) $@ || { rm -f $(new) $(new).*; tests/install-packages -n build; exit 1; }

$(B)/bin/berth: $(CLI_O) $(RUNTIME_O) $(LEAF_O) $(IMAGE_LIGHT_O) $(BASE_O)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDHARDEN) $(LDFLAGS) -o $(new) $^ $(BERTH_LIBS) && $(done)

$(B)/bin/berth-oci: $(B)/bin/berth
	$(Q)ln -sf berth $@

$(B)/libexec/berth/berth-image: $(IMAGE_HEAVY_O) $(IMAGE_LIGHT_O) $(BASE_O)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDHARDEN) $(LDFLAGS) -o $(new) $^ $(IMAGE_LIBS) && $(done)

$(B)/libexec/berth/berth-init: $(INIT_SO)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(STATIC_CC) $(STATIC_LDFLAGS) -o $(new).debug $^ && strip -o $(new) $(new).debug && \
		mv $(new).debug $@.debug && $(done)

$(B)/libexec/berth/berth-supervisor: $(SUP_SO)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(STATIC_CC) $(STATIC_LDFLAGS) -o $(new).debug $^ && strip -o $(new) $(new).debug && \
		mv $(new).debug $@.debug && $(done)

$(B)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(deps) -c -o $(new) $< && mv $(new).deps $(@:.o=.d) && $(done)

$(B)/static/%.o: %.c
	$(call say,CC-S,$<)
	@mkdir -p $(@D)
	$(Q)$(STATIC_CC) $(STATIC_CFLAGS) $(deps) -c -o $(new) $< && mv $(new).deps $(@:.o=.d) && $(done)

-include $(shell find $(B)/obj $(B)/static $(B)/unit -name '*.d' 2>/dev/null)

include tests/tests.mk

# Of a folder that was named (B=DIR) only what was built goes: there may be more in it.
DEFAULT_B := build build-sanitize build-coverage
FOLDERS := base cgroup seccomp netns image runtime cli
MADE := $(foreach d,obj static unit,$(FOLDERS:%=$(B)/$(d)/%)) $(PROGRAMS) $(PROGRAMS:%=%.debug) \
	$(addprefix $(B)/,tests/probe fuzz bench share/man1 share/completions)
MADE_IN := $(addprefix $(B)/,obj static unit bin libexec/berth libexec tests share) $(B)
.PHONY: clean
clean:
ifneq ($(filter $(B),$(DEFAULT_B)),)
	rm -rf $(DEFAULT_B)
else ifneq ($(wildcard $(B)/obj),)
	rm -rf $(MADE)
	for d in $(MADE_IN); do [ ! -d $$d ] || rmdir --ignore-fail-on-non-empty $$d; done
endif
